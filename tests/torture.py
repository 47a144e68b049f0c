"""Fails one call of one kind, in a process of taskdash that installs it."""

from __future__ import annotations

import builtins
import errno
import io
import os
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

KINDS: Final = ("open", "write", "fsync", "rename", "connect", "recv", "execute", "damage", "commit")
_OS_ERRORS: Final = (errno.ENOSPC, errno.EIO)
_SQLITE_ERRORS: Final = {
    "execute": ("disk I/O error", sqlite3.SQLITE_IOERR),
    "commit": ("database or disk is full", sqlite3.SQLITE_FULL),
    "damage": ("database disk image is malformed", sqlite3.SQLITE_CORRUPT),
}


class Torture:
    """Lets call number `n` of a kind fail, and no other one."""

    def __init__(self, kind: str, n: int, folder: Path) -> None:
        self._kind = kind
        self._left = n
        self._n = n
        self._folder = str(folder)
        self._write, self._open = os.write, os.open

    def count(self, kind: str) -> bool:
        """Whether this call is the one."""
        if kind != self._kind:
            return False
        self._left -= 1
        if self._left:
            return False
        descriptor = self._open(f"{self._folder}/fired", os.O_WRONLY | os.O_CREAT, 0o600)
        self._write(descriptor, b"!")
        os.close(descriptor)
        return True

    def install(self) -> None:
        """Wrap every call that is counted."""
        for owner, name, kind in (
            (builtins, "open", "open"),
            (io, "open", "open"),
            (os, "open", "open"),
            (os, "rename", "rename"),
            (os, "replace", "rename"),
            (os, "link", "rename"),
        ):
            setattr(owner, name, self._path_call(getattr(owner, name), kind))
        os.write = self._call(os.write, "write", lambda number: number > 2)
        os.fsync = self._call(os.fsync, "fsync", lambda _: True)
        for name, kind in (("connect", "connect"), ("recv", "recv"), ("recv_into", "recv")):
            real = getattr(socket.socket, name)
            setattr(socket.socket, name, self._call(real, kind, lambda each: each.family == socket.AF_INET))
        self._install_sqlite()

    def _call(self, real: Callable[..., Any], kind: str, counts: Callable[[Any], bool]) -> Callable[..., Any]:
        def call(first: Any, *args: Any, **kwargs: Any) -> Any:
            if counts(first) and self.count(kind):
                raise self._os_error()
            return real(first, *args, **kwargs)

        return call

    def _path_call(self, real: Callable[..., Any], kind: str) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            is_ours = isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self._folder)
            if is_ours and self.count(kind):
                raise self._os_error(str(path))
            return real(path, *args, **kwargs)

        return call

    def _os_error(self, path: str | None = None) -> OSError:
        number = _OS_ERRORS[self._n % 2]
        return OSError(number, os.strerror(number), path) if path else OSError(number, os.strerror(number))

    def _install_sqlite(self) -> None:
        torture = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
                is_commit = sql.startswith("COMMIT")
                for kind in ("commit",) if is_commit else ("execute", "damage"):
                    if torture.count(kind):
                        said, code = _SQLITE_ERRORS[kind]
                        error = sqlite3.OperationalError(said)
                        error.sqlite_errorcode = code
                        raise error
                return super().execute(sql, *args)

        real = sqlite3.connect

        def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            opened: sqlite3.Connection = real(*args, **{"factory": Connection} | kwargs)
            return opened

        sqlite3.connect = connect  # type: ignore[assignment] # same signature
