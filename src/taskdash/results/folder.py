"""Saves files in a folder: nothing is overwritten, no link is followed, no file is left half written."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Self

from taskdash.config.files import make_private_dir
from taskdash.domain.untrusted import fold, inert_line
from taskdash.results.links import DiskError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

_KEPT_END_BYTES: Final = 24
"""How much of the end of a shortened stem is kept."""
MAX_SAME_NAME: Final = 10_000
_MAX_OWN_BYTES: Final = 32 * 1_048_576
"""No replaceable file of ours is larger."""
PART_KEPT_S: Final = 14 * 86_400
"""Partial downloads untouched for this long are deleted: no gateway keeps results longer."""
_OWN_NAME = re.compile(r"\.taskdash-[0-9a-f]{16,64}\.(?:part|json)")


def _shortened(stem: str) -> str:
    """Return a stem with some of its middle cut out, as its end tells results apart."""
    front, end = stem.encode()[:-_KEPT_END_BYTES], stem.encode()[-_KEPT_END_BYTES:]
    return front[:-8].decode("utf-8", "ignore") + end.decode("utf-8", "ignore")


def _make_private(descriptor: int) -> None:
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o600:
        # Ignored where files have no modes, or another owner.
        with suppress(OSError):
            os.fchmod(descriptor, 0o600)


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
        self._names: dict[str, str] | None = None
        """The names that files in here have or had, by their case-folded form."""
        self._clear_old(now_s() - PART_KEPT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def open_own(self, name: str, flags: int) -> int:
        """Open a file of our own in here, never following a link; return its descriptor.

        Raises OSError if it cannot be opened, or is anything but a regular file of ours.
        """
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        if flags & os.O_CREAT:
            try:
                descriptor = os.open(name, flags | os.O_EXCL, 0o600, dir_fd=self.descriptor)
            except FileExistsError:
                if flags & os.O_EXCL:
                    raise
            else:
                _make_private(descriptor)
                return descriptor
        descriptor = os.open(name, flags & ~os.O_CREAT, dir_fd=self.descriptor)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not self._is_ours(status.st_uid):
            os.close(descriptor)
            raise FileExistsError(errno.EEXIST, f"{name} is in the way")
        _make_private(descriptor)
        return descriptor

    def _is_ours(self, owner: int) -> bool:
        if owner == os.getuid():
            return True
        # On a network file system our files may belong to another user.
        name = f".taskdash-{secrets.token_hex(16)}.part"
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self.descriptor)
        try:
            return os.fstat(descriptor).st_uid == owner
        finally:
            os.close(descriptor)
            self.remove(name)

    def remove(self, name: str) -> None:
        """Delete a file by name, if it exists."""
        with suppress(FileNotFoundError, IsADirectoryError, PermissionError):
            os.unlink(name, dir_fd=self.descriptor)

    def name_for_good(self, own_name: str, descriptor: int, stem: str, ending: str) -> Path:
        """Name a finished file `stem.ending`, or `stem-2.ending` and so on if that is taken.

        It is on disk when this returns, with a shorter stem if the file system takes only short names, and may still
        have its old name as well. Raises DiskError if it cannot be done.
        """
        n = 1
        with self.disk_errors():
            _sync(descriptor)
            while n < MAX_SAME_NAME:
                name = f"{stem}.{ending}" if n == 1 else f"{stem}-{n}.{ending}"
                try:
                    if not self._differs_in_case(name) and self._link(own_name, name, descriptor):
                        self._names_here()[fold(name)] = name
                        _sync(self.descriptor)
                        return self.path / name
                    n += 1
                except OSError as error:
                    if error.errno != errno.ENAMETOOLONG or (shorter := _shortened(stem)) == stem:
                        raise
                    stem = shorter
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

    def _differs_in_case(self, name: str) -> bool:
        """Return whether a file exists whose name differs from this one only in case."""
        other = self._names_here().get(fold(name), name)
        if other == name:
            return False
        try:
            os.stat(other, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _names_here(self) -> dict[str, str]:
        if self._names is None:
            with os.scandir(self.descriptor) as entries:
                self._names = {fold(entry.name): entry.name for entry in entries}
        return self._names

    def _link(self, own_name: str, name: str, descriptor: int) -> bool:
        """Give the file a name that is not taken; return whether it has that name now."""
        folder = self.descriptor
        try:
            os.link(own_name, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            # An earlier run may have given it that name, and ended right after.
            return self.is_that(name, descriptor)
        except (OSError, NotImplementedError):
            return self._rename(own_name, name)
        return True

    def _rename(self, own_name: str, name: str) -> bool:
        """Do the same on a file system without hard links, such as FAT, where a file can only be renamed.

        A rename replaces any file of that name, so a hidden file named after it serves as a lock meanwhile.
        """
        held = f".taskdash-{hashlib.sha256(name.encode()).hexdigest()}.part"
        folder = self.descriptor
        try:
            os.close(os.open(held, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder))
        except FileExistsError:
            return False
        try:
            with suppress(FileNotFoundError):
                os.stat(name, dir_fd=folder, follow_symlinks=False)
                return False
            os.rename(own_name, name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            self.remove(held)
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
