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
