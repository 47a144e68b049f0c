"""Files and folders that only their owner can read: 0600 and 0700, whatever the umask."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from taskdash.domain.untrusted import inert_line

_users_umask: list[int] = []


def keep_all_files_private() -> None:
    """Have this process make no file that others can read."""
    _users_umask[:] = [os.umask(0o077)]


def users_umask() -> int:
    """Return the umask for the user's own programs, as `subprocess` takes it: their files are the user's affair."""
    return _users_umask[0] if _users_umask else -1


def make_private_dir(path: Path) -> str | None:
    """Make `path`, and what is missing above it, 0700; tighten it where it stands and is taskdash's own.

    Returns:
        A line for the user where an existing folder had to be tightened, else None.

    Raises:
        OSError: it cannot be made, or is no folder.
    """
    missing = [path, *path.parents]
    while missing and missing[-1].exists():
        missing.pop()
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    return None if path in missing else tightened(path)


def tightened(path: Path) -> str | None:
    """Make a folder of taskdash's own 0700 where it is open to others; return a line for the user if it was.

    Only a folder of that name is ours; a folder that the user chose, such as `/tmp`, is left as it is.

    Raises:
        OSError: it is not there, or cannot be changed.
    """
    status = path.stat()
    ours = path.name == "taskdash" and status.st_uid == os.getuid()
    if not ours or not stat.S_IMODE(status.st_mode) & 0o077:
        return None
    path.chmod(0o700)
    return f"{inert_line(str(path))} was open to other users: made 0700"


def create_private_file(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet, 0600, and have it on the disk when this returns.

    Raises:
        FileExistsError: something of that name is there, were it only a link to nowhere.
        OSError: it cannot be written; nothing is left behind.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _write_all(descriptor, data)
    except BaseException:
        path.unlink()
        raise


def replace_private_file(path: Path, data: bytes) -> None:
    """Write a file, 0600, in place of whatever is there, in one step: a reader sees the old or the new one.

    Raises:
        OSError: it cannot be written; the old file stands.
    """
    import tempfile

    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        _write_all(descriptor, data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
