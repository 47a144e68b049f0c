"""A result that is not whole yet: kept over a crash or a broken line, so that only what is missing is fetched.

It lies in the folder it will stay in, under a name of our own that begins with a dot, and beside it a note of what
the server calls this version of the file. Without that note it is worth nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from taskdash.domain.untrusted import inert_line
from taskdash.results.faults import DiskError
from taskdash.results.sink import Sink
from taskdash.results.validators import is_validator

if TYPE_CHECKING:
    from pathlib import Path

    from taskdash.results.folder import Folder

MAX_NOTE_BYTES: Final = 4_096
_COPY_BYTES: Final = 1_048_576


def part_key(*names: str) -> str:
    """A short name for what is saved, the same in the next run, and with nothing of `names` to be read in it."""
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class PartFile(Sink):
    """A file in the making. `leave` or `discard` ends it."""

    def __init__(self, folder: Folder, key: str, url: str) -> None:
        """Open what an earlier run left, else begin.

        Args:
            folder: where it lies.
            key: from `part_key`.
            url: what it is fetched from.

        Raises:
            DiskError: the folder does not take it.
        """
        self._folder = folder
        self._name = f".taskdash-{key}.part"
        self._note_name = f".taskdash-{key}.json"
        self._link = part_key(url)
        try:
            super().__init__(folder.open_own(self._name, os.O_RDWR | os.O_CREAT))
        except OSError as error:
            why = inert_line(error.strerror or str(error), 200)
            raise DiskError(f"cannot be written to {inert_line(str(folder.path))}: {why}") from None
        self._take_over()

    def begin(self, whole: int | None, validator: str | None) -> None:
        """Start with nothing, and note what the rest will have to fit to."""
        self._folder.remove(self._note_name)
        if os.fstat(self.descriptor).st_nlink > 1:
            # An earlier run gave it a name for good; that file is the user's now.
            self._renew()
        super().begin(whole, validator)
        if validator is not None and whole is not None:
            note = {"validator": validator, "whole": whole, "link": self._link}
            self._write_note(json.dumps(note).encode())

    def keep(self, stem: str, ending: str) -> Path:
        """Give it a name for good; see `Folder.name_for_good`."""
        if not self._folder.is_that(self._name, self.descriptor):
            self._write_again()
        return self._folder.name_for_good(self._name, self.descriptor, stem, ending)

    def leave(self) -> None:
        """Keep it for another try, if that can go on with it."""
        if self.validator is None or not self.size:
            self.discard()
        else:
            os.close(self.descriptor)

    def discard(self) -> None:
        """Take it away, but for a name that it has for good."""
        self._folder.remove(self._note_name)
        self._folder.remove(self._name)
        os.close(self.descriptor)

    def _take_over(self) -> None:
        note = self._read_note()
        validator, whole = note.get("validator"), note.get("whole")
        if not (isinstance(validator, str) and is_validator(validator)):
            return
        if not isinstance(whole, int) or isinstance(whole, bool):
            return
        # A tag names one version of one file wherever it is; a date may be that of many files.
        if not validator.startswith('"') and note.get("link") != self._link:
            return
        status = os.fstat(self.descriptor)
        if 0 < status.st_size <= whole and (status.st_nlink == 1 or status.st_size == whole):
            self.size, self.whole, self.validator = status.st_size, whole, validator

    def _read_note(self) -> dict[str, object]:
        with suppress(OSError, ValueError, RecursionError):
            descriptor = self._folder.open_own(self._note_name, os.O_RDONLY)
            try:
                note = json.loads(os.read(descriptor, MAX_NOTE_BYTES))
            finally:
                os.close(descriptor)
            if isinstance(note, dict):
                return note
        return {}

    def _write_note(self, data: bytes) -> None:
        try:
            descriptor = self._folder.open_own(self._note_name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                os.write(descriptor, data)
            finally:
                os.close(descriptor)
        except OSError:
            # Without the note it cannot be gone on with; that is all.
            self._folder.remove(self._note_name)
            self.validator = None

    def _write_again(self) -> None:
        """Copy it: somebody took its hidden name away or gave that to another file, and only a name gets another."""
        lost, size = os.dup(self.descriptor), self.size
        try:
            self._renew()
            self.size = 0
            while self.size < size:
                data = os.pread(lost, min(_COPY_BYTES, size - self.size), self.size)
                if not data:
                    raise DiskError("it was cut while it was saved")
                self.write(data)
        finally:
            os.close(lost)

    def _renew(self) -> None:
        os.close(self.descriptor)
        self._folder.remove(self._name)
        try:
            self.descriptor = self._folder.open_own(self._name, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise DiskError(f"it cannot be written: {inert_line(error.strerror or '', 200)}") from None
