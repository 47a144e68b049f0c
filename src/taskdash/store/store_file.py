"""The store as a file among others: made private, told from another one of the same name, with locks beside it.

SQLite's locks are the process's own and go with the first descriptor of the file that is closed, whoever opened it.
So nothing here opens the store's file: it is looked at by name.
"""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from taskdash.config.private_files import make_private_dir

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PRIVATE_FILE: Final = 0o600
UNSETTLED_NS: Final = 2_500_000_000
"""A file that was written less than this ago may be written again without another time: some count whole seconds."""
SLOW_RECOVERY_TOLD_TO: Final[list[Callable[[str], None]]] = []
"""Who is told, from any thread, in a line for the user, where the recovery of a damaged list takes long."""

Identity = tuple[int, int]
"""Device and number of a file: what tells it from another one of the same name."""


def create_private(path: Path, tell: Callable[[str], None]) -> int | None:
    """Make the file, 0600, before SQLite does it with the umask's mode.

    One that stands open to others is tightened, and so is its folder where that is taskdash's own; `tell` hears of it.

    Returns:
        The size of one that was there, in bytes.
    """
    if said := make_private_dir(path.parent):
        tell(said)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, PRIVATE_FILE))
    except FileExistsError:
        try:
            status = path.stat()
        except FileNotFoundError:  # moved away in this very moment
            return create_private(path, tell)
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077 and status.st_uid == os.getuid():
            with suppress(OSError):  # a read-only disk: then nobody can be shut out
                path.chmod(status.st_mode & 0o700)
        return status.st_size
    return None


def identity_of(path: Path) -> Identity | None:
    """Return which file has this name now; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - asked before every read: Path.stat takes twice as long
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def uri_of(path: Path, mode: str) -> str:
    """Return what SQLite opens a file by that has to be there already."""
    # The characters that mean something in a URI. urllib knows no others, but takes its time to be imported.
    name = str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{name}?mode={mode}"


def journal_of(path: Path) -> Path:
    """Return where SQLite keeps what it needs to undo a transaction; empty while there is none under way."""
    return path.with_name(f"{path.name}-journal")


def was_emptied(path: Path) -> bool:
    """Return whether an empty file once was a store: then its journal lies beside it, emptied by its last commit."""
    try:
        return not path.stat().st_size and not journal_of(path).stat().st_size
    except FileNotFoundError:
        return False


def siblings_of(path: Path, what: str) -> list[Path]:
    """Return the files beside a store that are called `<name>.<what>-<time>`, the latest first."""
    form = re.compile(rf"{re.escape(path.name)}\.{what}-[0-9-]+")
    found = [each for each in path.parent.iterdir() if form.fullmatch(each.name)]
    return sorted(found, key=lambda each: each.stat().st_mtime_ns, reverse=True)


def free_name(path: Path, what: str) -> Path:
    """Return a name for such a file that is not taken; it tells the time, in UTC."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    names = (f"{path.name}.{what}-{stamp}{f'-{n}' if n > 1 else ''}" for n in range(1, 1_000))
    return next(path.with_name(name) for name in names if not os.path.lexists(path.with_name(name)))


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, as far as the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def lock_path(store: Path, purpose: str = "", *, profile: str = "") -> Path:
    """Return the lock beside a store for one purpose, or for whoever watches one profile.

    No two of them are one file, whatever the profiles are called, and where case does not count.
    """
    # Whatever links lead to the store, it has one lock.
    path = store.resolve()
    if purpose:
        return path.with_name(f"{path.name}-{purpose}.lock")
    # With a dot left as it is, profile "b.c" of list "a" would meet profile "c" of list "a.b".
    plain = re.sub(r"[^a-z0-9_-]", lambda found: f"%{ord(found[0]):02x}", profile)
    return path.with_name(f"{path.name}.{plain}.lock")


class ChangeHint:
    """Tells whether a store's file may have been written, by its time and size: much cheaper than to ask SQLite."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def may_have_changed(self) -> bool:
        """Return whether the file may be another than at the last call; True the first time, and when in doubt."""
        try:
            status = self._path.stat()
        except OSError:
            self._seen = None
            return True
        now = (status.st_mtime_ns, status.st_size, status.st_ino)
        if now == self._seen:
            return False
        # A time in the future, by a clock that was set or another machine's, says nothing either.
        age_ns = time.time_ns() - status.st_mtime_ns
        self._seen = now if age_ns >= UNSETTLED_NS else None
        return True
