"""Where a result's bytes go while they arrive: a file, and what must be known of it to go on after a break."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from taskdash.domain.untrusted import inert_line
from taskdash.results.faults import DiskError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK_BYTES: Final = 65_536
_LOOK_EVERY_BYTES: Final = 1_048_576
"""How much is written between two looks at what is free: on a network each look is a question."""


class Sink:
    """An open file that is written from its start, or from where it was left."""

    def __init__(self, descriptor: int, *, size: int = 0) -> None:
        """Write to a file.

        Args:
            descriptor: of a file that is open for reading and writing; it stays the caller's to close.
            size: how many of its bytes are good.
        """
        self.descriptor = descriptor
        self.size = size
        self.whole: int | None = None
        """How many bytes it will have, where that is known."""
        self.validator: str | None = None
        """What names this very version at the server, for If-Range; None: it can only be fetched from its start."""

        self.ending: str | None = None
        """That of its kind, such as `png`, once that is known."""
        self._room: tuple[int, int | None] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every byte is there."""
        return self.whole is not None and 0 < self.whole == self.size

    def begin(self, whole: int | None, validator: str | None) -> None:
        """Start with nothing.

        Raises:
            DiskError: the file cannot be emptied.
        """
        with _told():
            os.ftruncate(self.descriptor, 0)
        self.size, self.whole, self.validator, self.ending = 0, whole, validator, None
        self._room = None

    def write(self, data: bytes) -> None:
        """Add to the end.

        Raises:
            DiskError: the disk does not take it.
        """
        view = memoryview(data)
        with _told():
            while view:
                written = os.pwrite(self.descriptor, view, self.size)
                self.size += written
                view = view[written:]

    def read(self, offset: int, count: int) -> bytes:
        """Read back what was written.

        Raises:
            DiskError: it cannot be read.
        """
        with _told():
            return os.pread(self.descriptor, count, offset)

    def take(self, ending: str) -> None:
        """Take note of what it is, as soon as that is known."""
        self.ending = ending

    def room(self) -> int | None:
        """Return how many bytes it may have: nine tenths of what is free stay its own; None where nobody can tell.

        Raises:
            DiskError: the disk does not answer.
        """
        if self._room is None or self.size - self._room[0] >= _LOOK_EVERY_BYTES:
            with _told():
                disk = os.fstatvfs(self.descriptor)
            free = disk.f_bavail * disk.f_frsize
            # Some file systems, mostly on networks, have no size.
            self._room = self.size, self.size + free * 9 // 10 if disk.f_blocks else None
        return self._room[1]

    def holds(self, mark: bytes) -> bool:
        """Return whether `mark` occurs in what was written.

        Raises:
            DiskError: it cannot be read.
        """
        overlap = len(mark) - 1
        return any(
            mark in self.read(max(0, offset - overlap), _BLOCK_BYTES + overlap)
            for offset in range(0, self.size, _BLOCK_BYTES)
        )


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskError(f"it cannot be written: {inert_line(error.strerror or str(error), 200)}") from None
