"""Whether a store's file may have been written: by its time and size, a hundred times cheaper than to ask SQLite."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

UNSETTLED_NS: Final = 2_500_000_000
"""A file that was written less than this ago may be written again without another time: some count whole seconds."""


class Stamp:
    """What a file looked like when it was last asked about."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def may_have_changed(self) -> bool:
        """Whether the file may be another than at the last call; True the first time, and when in doubt."""
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
