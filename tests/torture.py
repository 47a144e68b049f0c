"""Fails one call of one kind in a command of taskdash: run as a script, it prints what became of each.

    python tests/torture.py CASE.json      a JSON object on stdin: see `main`

Each command runs in a process of its own, forked from one that has imported it already: a command takes some ten
milliseconds so, and a thousand of them can be tried.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import json
import os
import shutil
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
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


def run(case: dict[str, Any], folder: Path, kind: str, n: int) -> dict[str, Any]:
    """Run one command in `folder`, with call number `n` of a kind failing; return what it came to."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(case["prepared"], folder, symlinks=True)
    arguments = [each.replace("{folder}", str(folder)) for each in case["arguments"]]
    # What is not written yet would be written by both.
    sys.stdout.flush()
    began_s = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(folder, arguments, kind, n)
    until_s = time.monotonic() + 60
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > until_s:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    result = {
        "command": arguments,
        "kind": kind,
        "n": n,
        "fired": (folder / "fired").exists(),
        "took_s": time.monotonic() - began_s,
        "code": os.waitstatus_to_exitcode(ended[1]),
        "out": (folder / "out").read_text("utf-8", "replace"),
        "err": (folder / "err").read_text("utf-8", "replace"),
        "files": {
            str(each.relative_to(folder)): each.stat().st_size for each in folder.rglob("*") if each.is_file()
        },
    }
    with closing(sqlite3.connect(folder / "tasks.db")) as connection:
        result["whole"] = connection.execute("PRAGMA integrity_check").fetchone()[0]
        result["listed"] = sorted(
            task_id for (task_id,) in connection.execute("SELECT task_id FROM tasks WHERE removal = 0")
        )
        result["picked"] = connection.execute("SELECT count(*) FROM verdicts").fetchone()[0]
    return result


def _become(folder: Path, arguments: list[str], kind: str, n: int) -> None:
    """Be the program, in a process that was made for it."""
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        os.environ[f"XDG_{name}_HOME"] = str(folder / name.lower())
    os.environ["HOME"] = str(folder)
    sys.argv = ["taskdash", *arguments]
    from taskdash.cli.process import run as begin

    Torture(kind, n, folder).install()
    with contextlib.suppress(SystemExit):
        try:
            begin()
        except SystemExit as leave:
            sys.stdout.flush()
            os._exit(int(leave.code or 0))
    os._exit(99)


def main() -> None:
    """Try the cases on stdin: {"folder", "cases": [{"prepared", "arguments", "kinds"}], "first", "all"}."""
    order = json.load(sys.stdin)
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.warm import import_program

    import_program()  # so that it need not be imported again for each

    folder = Path(order["folder"])
    for case in order["cases"]:
        for kind in case["kinds"]:
            for n in range(1, 1_000) if order["all"] else (case["kinds"][kind],):
                result = run(case, folder, kind, n)
                sys.stdout.write(json.dumps(result) + "\n")
                if not result["fired"]:
                    break


if __name__ == "__main__":
    main()
