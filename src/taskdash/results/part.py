"""Stores a result's bytes as they arrive, with what is needed to resume after an interruption.

A partial result is in its final folder, under a name of our own that starts with a dot. Beside it is a note with the
server's validator for this version of the file, without which the part is worthless.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from taskdash.results.content import HEAD_BYTES
from taskdash.results.folder import disk_errors
from taskdash.results.links import DiskError, DownloadError, PassingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from taskdash.results.folder import Folder

MAX_NOTE_BYTES: Final = 4_096
_READ_BYTES: Final = 1_048_576
_TAG: Final = re.compile(r'"[\x21\x23-\x7e]{1,200}"')
_RANGE: Final = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")


_writing = partial(disk_errors, "it cannot be written")


class Sink:
    """Writes an open file from its start, or from where it was left; raises DiskError if the disk refuses."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        """Open for reading and writing; the caller must close it."""
        self.size = 0
        """How many of its bytes are good."""
        self.whole: int | None = None
        """How many bytes it will have, if known."""
        self.tag: str | None = None
        """The server's ETag for this version, for If-Range; None: it can only be fetched from its start."""
        self.ending: str | None = None
        self.room: int | None = None
        """The size it may grow to, by up to nine tenths of the space that was free; None if that is unknown."""

    def begin(self, whole: int | None, tag: str | None) -> None:
        """Start from scratch."""
        with _writing():
            os.ftruncate(self.descriptor, 0)
            self.size, self.whole, self.ending = 0, whole, None
            self.find_room()
        self.tag = tag if whole is not None else None

    def write(self, data: bytes) -> None:
        """Append data."""
        view = memoryview(data)
        with _writing():
            while view:
                written = os.pwrite(self.descriptor, view, self.size)
                self.size += written
                view = view[written:]

    def read(self, offset: int, count: int) -> bytes:
        """Read back what was written."""
        with _writing():
            return os.pread(self.descriptor, count, offset)

    def take(self, ending: str) -> None:
        """Set the ending for its kind, as soon as that is known."""
        self.ending = ending

    def find_room(self) -> None:
        """Set `room`. Raises OSError if the disk does not answer."""
        disk = os.fstatvfs(self.descriptor)
        # Some file systems, mostly on networks, report no size.
        self.room = self.size + disk.f_bavail * disk.f_frsize * 9 // 10 if disk.f_blocks else None

    def range_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that request the missing rest; none if it must be fetched from its start."""
        if not self.size or self.tag is None:
            return []
        return [(b"Range", b"bytes=%d-" % self.size), (b"If-Range", self.tag.encode("ascii"))]

    def fits(self, headers: Mapping[str, str]) -> bool:
        """Return whether a response seems to be exactly the missing rest."""
        found = _RANGE.fullmatch(headers.get("content-range", ""))
        if found is None or headers.get("etag", self.tag) != self.tag:
            return False
        first, last, whole = map(int, found.groups())
        return (first, last + 1, whole) == (self.size, self.whole, self.whole)


def part_key(*names: str) -> str:
    """Return a short key for a result that is the same in the next run, and from which `names` cannot be read."""
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class PartFile(Sink):
    """Keeps a file that is being downloaded, in a `with` block.

    If that is cancelled or fails in a passing way, the bytes received stay, if the download can be resumed.
    """

    def __init__(self, folder: Folder, key: str) -> None:
        """Open the part that an earlier run left, or begin. Raises DiskError if the folder cannot be written."""
        self._folder = folder
        self._name = f".taskdash-{key}.part"
        self._note_name = f".taskdash-{key}.json"
        with folder.disk_errors():
            super().__init__(folder.open_own(self._name, os.O_RDWR | os.O_CREAT))
            if not self._goes_on() and os.fstat(self.descriptor).st_nlink > 1:
                # An earlier run gave it its final name; that file belongs to the user now.
                os.close(self.descriptor)
                folder.remove(self._name)
                self.descriptor = folder.open_own(self._name, os.O_RDWR | os.O_CREAT | os.O_EXCL)

    def begin(self, whole: int | None, tag: str | None) -> None:
        """Start from scratch, and note the version that the rest must belong to."""
        self._folder.remove(self._note_name)
        super().begin(whole, tag)
        if self.tag is not None:
            try:
                descriptor = self._folder.open_own(self._note_name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                with open(descriptor, "w") as file:  # noqa: PTH123 - opened by number
                    json.dump({"validator": self.tag, "whole": self.whole}, file)
            except OSError:
                # Without the note it just cannot be resumed.
                self._folder.remove(self._note_name)
                self.tag = None

    def keep(self, stem: str, ending: str) -> Path:
        """Give it its final name; see `Folder.name_for_good`."""
        if not self._folder.is_that(self._name, self.descriptor):
            raise DiskError("its partial file was moved or deleted while it was saved")
        return self._folder.name_for_good(self._name, self.descriptor, stem, ending)

    def insert(self, place: int, data: bytes) -> None:
        """Insert data into the file, which has arrived.

        Raises DiskError if the disk has no room for it; then the file stays as it is.
        """
        # From here on the file must not be taken for a part of the server's version.
        self._folder.remove(self._note_name)
        size, rest, self.tag = self.size, self.read(place, self.size - place), None
        try:
            # What makes it longer goes first, as only that needs room.
            self.write((data + rest[-len(data) :])[-len(data) :])
        except DiskError:
            self.size = size
            with _writing():
                os.ftruncate(self.descriptor, size)
            raise
        self.size = place
        try:
            self.write(data)
            self.write(rest)
        except DiskError as error:
            # It is neither the old file nor the new one.
            raise PassingError(str(error)) from None

    async def digest(self) -> str:
        """Return the SHA-256 of the content, in hexadecimal, yielding to the event loop in between.

        Raises DiskError if it cannot be read.
        """
        found = hashlib.sha256()
        for offset in range(0, self.size, _READ_BYTES):
            found.update(self.read(offset, min(_READ_BYTES, self.size - offset)))
            await asyncio.sleep(0)
        return found.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        is_over = error is None or (isinstance(error, DownloadError) and not error.passing)
        if is_over or self.tag is None or not self.size:
            # The final name stays, if it has one.
            self._folder.remove(self._note_name)
            self._folder.remove(self._name)
        os.close(self.descriptor)

    def _goes_on(self) -> bool:
        """Resume from the part that an earlier run left, if its note is valid and fits the part; return whether so."""
        try:
            with open(self._folder.open_own(self._note_name, os.O_RDONLY), "rb") as file:  # noqa: PTH123 - opened by number
                note = json.loads(file.read(MAX_NOTE_BYTES))
            tag, whole = str(note["validator"]), note["whole"]
        except (OSError, ValueError, RecursionError, TypeError, LookupError):
            return False
        status = os.fstat(self.descriptor)
        size = status.st_size
        if type(whole) is not int or not _TAG.fullmatch(tag) or not 0 < size <= whole:
            return False
        # Data that did not reach the disk before a crash reads as zeros.
        if (status.st_nlink > 1 and size < whole) or not any(self.read(0, HEAD_BYTES)):
            return False
        self.size, self.whole, self.tag = size, whole, tag
        self.find_room()
        return True


def tag_of(headers: Mapping[str, str]) -> str | None:
    """Return the strong ETag of a response (RFC 9110, 8.8.3); None if it cannot be used to request the rest later.

    A server must announce that it accepts ranges. A date does not identify a version, as many files may share one.
    """
    tag = headers.get("etag", "")
    return tag if headers.get("accept-ranges", "").lower() == "bytes" and _TAG.fullmatch(tag) else None
