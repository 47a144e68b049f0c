"""Saves files in a folder: nothing is overwritten, no link is followed, no file is left half written."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Self

from taskdash.config.files import make_private_dir
from taskdash.domain.untrusted import inert_line
from taskdash.results.links import DiskError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

MAX_SAME_NAME: Final = 10_000
_MAX_OWN_BYTES: Final = 32 * 1_048_576
"""No replaceable file of ours is larger."""
PART_KEPT_S: Final = 14 * 86_400
"""Partial downloads untouched for this long are deleted: no gateway keeps results longer."""
_OWN_NAME = re.compile(r"\.taskdash-[0-9a-f]{16,64}\.(?:part|json)")


def _sync(descriptor: int) -> None:
    """Flush a file or folder to disk, if the file system can; some cannot for a folder."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn an OSError in the block into a `DiskError` whose message is `what` and the reason."""
    try:
        yield
    except OSError as error:
        raise DiskError(f"{what}: {inert_line(error.strerror or str(error), 200)}") from None


class Folder:
    """Opens a folder, for a `with` block. If it is moved or replaced meanwhile, files still go into it alone."""

    def __init__(self, path: Path, *, now_s: Callable[[], float] = time.time) -> None:
        """Open `path`, creating it (0700) if missing, and delete old partial downloads.

        Raises OSError if it cannot be created or opened, is not a folder, or has a name that is not UTF-8.
        """
        try:
            str(path).encode()
        except UnicodeError:
            raise OSError(errno.EILSEQ, "its name is not valid UTF-8") from None
        try:
            make_private_dir(path)
        except PermissionError:
            # Where files have no modes, or another owner, nothing can be tightened.
            if not path.is_dir():
                raise
        # The user chose the folder, so it may be a link; links inside it are never followed.
        self.path = path.resolve()
        self.descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._clear_old(now_s() - PART_KEPT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def open_own(self, name: str, flags: int) -> int:
        """Open a file of our own in here, never following a link; return its descriptor.

        Raises OSError if it cannot be opened, or is anything but a regular file.
        """
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(name, flags, 0o600, dir_fd=self.descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileExistsError(errno.EEXIST, f"{name} is in the way")
        return descriptor

    def remove(self, name: str) -> None:
        """Delete a file by name, if it exists."""
        with suppress(FileNotFoundError, IsADirectoryError, PermissionError):
            os.unlink(name, dir_fd=self.descriptor)

    def name_for_good(self, own_name: str, descriptor: int, stem: str, ending: str) -> Path:
        """Name a finished file `stem.ending`, or `stem-2.ending` and so on if that is taken.

        It is on disk when this returns, and may still have its old name as well. Raises DiskError if it cannot be done.
        """
        with self.disk_errors():
            _sync(descriptor)
            for n in range(1, MAX_SAME_NAME):
                name = f"{stem}.{ending}" if n == 1 else f"{stem}-{n}.{ending}"
                if self._link(own_name, name, descriptor):
                    _sync(self.descriptor)
                    return self.path / name
        raise DiskError(f"{stem}.{ending} and thousands of others of that name are there")

    def put(self, name: str, data: bytes, is_ours: Callable[[bytes], bool]) -> None:
        """Write a file completely or not at all; replace an existing one only if its content `is_ours`.

        Raises DiskError if it cannot be done.
        """
        own_name = f".taskdash-{secrets.token_hex(16)}.part"
        with disk_errors(f"{inert_line(name)} cannot be written"):
            descriptor = self.open_own(own_name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            try:
                with open(descriptor, "wb", closefd=False) as file:
                    file.write(data)
                _sync(descriptor)
                if not self._link(own_name, name, descriptor):
                    with open(self.open_own(name, os.O_RDONLY), "rb") as there:  # noqa: PTH123 - opened by number
                        if not is_ours(there.read(_MAX_OWN_BYTES)):
                            raise FileExistsError(errno.EEXIST, "another file has that name")
                    os.rename(own_name, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
                _sync(self.descriptor)
            finally:
                os.close(descriptor)
                self.remove(own_name)

    def disk_errors(self) -> AbstractContextManager[None]:
        """Turn an OSError in the block into a `DiskError` that names the folder."""
        return disk_errors(f"cannot be written to {inert_line(str(self.path))}")

    def _link(self, own_name: str, name: str, descriptor: int) -> bool:
        """Give the file a name that is not taken; return whether it has that name now."""
        folder = self.descriptor
        try:
            os.link(own_name, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            # An earlier run may have given it that name, and ended right after.
            return self.is_that(name, descriptor)
        except (OSError, NotImplementedError):
            # A file system without hard links, such as FAT, where a file can only be renamed.
            with suppress(FileNotFoundError):
                os.stat(name, dir_fd=folder, follow_symlinks=False)
                return False
            os.rename(own_name, name, src_dir_fd=folder, dst_dir_fd=folder)
        return True

    def is_that(self, name: str, descriptor: int) -> bool:
        """Return whether a name in here belongs to an open file."""
        try:
            there = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(descriptor))

    def _clear_old(self, before_s: float) -> None:
        with suppress(OSError), os.scandir(self.descriptor) as entries:
            for entry in entries:
                if not _OWN_NAME.fullmatch(entry.name):
                    continue
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and status.st_mtime < before_s:
                    self.remove(entry.name)
