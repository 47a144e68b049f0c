"""The store as a file among others: made private, known again by its number on the disk, mended by one at a time.

SQLite's locks are the process's own and go with the first descriptor of the file that is closed, whoever opened it.
So nothing here opens the store's file: it is looked at by name, and read by the number that SQLite has it open under.
"""

from __future__ import annotations

import os
import re
import stat
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from taskdash.config.private_files import make_private_dir
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PRIVATE_FILE: Final = 0o600
SLOW_S: Final = 1.0
"""Mending that takes longer is told of while it goes on."""
_slow_told_to: list[Callable[[str], None]] = []
LOCK_PATIENCE_S: Final = 120.0
"""To mend a list of 100,000 tasks takes some ten seconds."""
_PIECE_BYTES: Final = 1 << 20

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
        except FileNotFoundError:  # set aside by another process in this very moment
            return create_private(path, tell)
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077 and status.st_uid == os.getuid():
            with suppress(OSError):  # a read-only disk: then nobody can be shut out
                path.chmod(status.st_mode & 0o700)
        return status.st_size
    return None


def was_emptied(path: Path) -> bool:
    """Whether an empty file once was a store: then its journal lies beside it, cut to nothing by its last commit."""
    try:
        return path.with_name(f"{path.name}-journal").stat().st_size == 0
    except FileNotFoundError:
        return False


def identity_of(path: Path) -> Identity | None:
    """Which file has this name now; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - asked before every read: Path.stat takes twice as long
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def descriptor_of(identity: Identity) -> int | None:
    """The number under which this process has a file open; None where it has not, or the system does not tell."""
    try:
        numbers = [int(name) for name in os.listdir("/dev/fd")]  # noqa: PTH208 - their numbers, not paths
    except OSError:
        return None
    for number in numbers:
        with suppress(OSError):  # the one that was open to read the folder
            status = os.fstat(number)
            if (status.st_dev, status.st_ino) == identity:
                return number
    return None


def copy_open_file(descriptor: int, target: Path) -> None:
    """Write what is in an open file, wherever its name went, to a new file, 0600, and onto the disk.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    written = os.open(
        target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE
    )
    try:
        place = 0
        while piece := os.pread(descriptor, _PIECE_BYTES, place):
            place += len(piece)
            while piece:
                piece = piece[os.write(written, piece) :]
        os.fsync(written)
    except BaseException:
        target.unlink()
        raise
    finally:
        os.close(written)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, as far as the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def tell_of_slow_mending(tell: Callable[[str], None] | None) -> None:
    """Have `tell` called, from any thread, with a line for the user wherever mending takes long; None: nobody."""
    _slow_told_to[:] = [tell] if tell else []


def _tell_of_it(path: Path) -> None:
    for tell in _slow_told_to:
        tell(
            f"the list {inert_line(path.name)} is damaged: saving what can be read of it, which may take a minute"
        )


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


@contextmanager
def mending(path: Path) -> Iterator[None]:
    """Only one process at a time may exchange the file at `path`.

    Raises:
        OSError: another one is at it for too long, or no lock can be made here.
    """
    from filelock import FileLock

    slow = threading.Timer(SLOW_S, _tell_of_it, [path])
    slow.daemon = True
    slow.start()
    try:
        # A lock that cannot be had in time is a TimeoutError, and that an OSError.
        with FileLock(lock_path(path, "mend"), timeout=LOCK_PATIENCE_S, mode=PRIVATE_FILE):
            yield
    finally:
        slow.cancel()
