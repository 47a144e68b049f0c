"""A stopped process may keep the store locked for ever: which one does, and a copy to read meanwhile."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from taskdash.store.store_file import journal_of


def stopped_holder_of(path: Path) -> int | None:
    """Return the number of a process that has a file locked and is stopped; None where the system tells of none."""
    with suppress(OSError):
        # A line is `1: POSIX  ADVISORY  WRITE 4711 fe:00:2506996 1073741824 1073742335`.
        held = re.compile(rf"POSIX .* ([0-9]+) [0-9a-f]+:[0-9a-f]+:{path.stat().st_ino} ")
        for found in held.finditer(Path("/proc/locks").read_text("ascii")):
            if b") T " in Path(f"/proc/{found[1]}/stat").read_bytes():
                return int(found[1])
    return None


def copy_past_holder(path: Path, name: str) -> tuple[int, TemporaryDirectory[str]] | None:
    """Copy a store, with the journal that undoes what is half written, past the lock of a stopped process.

    As long as that is stopped and has a lock, nobody else writes.

    Returns:
        The number of the process, and the folder that has the copy, called `name`; None where no such process
        has the store locked, or it went on meanwhile.

    Raises:
        OSError: there is no room for the copy.
    """
    if holder := stopped_holder_of(path):
        folder = TemporaryDirectory(prefix="taskdash-")
        copy = Path(folder.name, name)
        shutil.copyfile(path, copy)
        with suppress(FileNotFoundError):
            shutil.copyfile(journal_of(path), journal_of(copy))
        if stopped_holder_of(path) == holder:
            return holder, folder
        folder.cleanup()
    return None
