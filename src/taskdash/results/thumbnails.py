"""Small copies of results on the disk, so that what was looked at once is not fetched again.

A link may be a secret of its own (it is signed), so a file's name is only its digest. The files hold a line
about the picture, and then what `results.preview_worker` wrote, which goes through it again to be shown.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from taskdash.config.private_files import make_private_dir, replace_private_file
from taskdash.results.plain_file import open_plain_file

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 100 * 1_048_576
_ENDING: Final = ".thumbnail"
_ABOUT: Final = re.compile(rb"(PNG|JPEG|WebP|GIF) ([0-9]{1,8}) ([0-9]{1,8})\n")
_MAX_LINE: Final = 40


class Original(NamedTuple):
    """What a small copy was made of."""

    format: str
    width: int
    height: int


class Thumbnails:
    """A folder of them, the least recently used removed first. Every fault of the disk is a miss."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        """Use `folder`, which is made (0700) when the first one is kept.

        Args:
            folder: where they are, and nothing else of that ending.
            max_bytes: how much they may take in all.
        """
        self._folder = folder
        self._max_bytes = max_bytes

    def open(self, url: str) -> tuple[IO[bytes], Original] | None:
        """The small copy of what `url` leads to, if there is one, and what it was made of; the caller closes it.

        Only the file's descriptor stands where the picture begins.
        """
        path = self._path(url)
        file = open_plain_file(path, follow=False)
        if file is None:
            return None
        line = file.readline(_MAX_LINE)
        about = _ABOUT.fullmatch(line)
        if about is None:
            file.close()
            return None
        os.lseek(file.fileno(), len(line), os.SEEK_SET)
        with contextlib.suppress(OSError):
            os.utime(path)
        return file, Original(about[1].decode(), int(about[2]), int(about[3]))

    def keep(self, url: str, data: bytes, original: Original) -> None:
        """Keep a small copy, and make room for it."""
        with contextlib.suppress(OSError):
            make_private_dir(self._folder)
            about = f"{original.format} {original.width} {original.height}\n"
            replace_private_file(self._path(url), about.encode() + data)
            self._make_room()

    def drop(self, url: str) -> None:
        """Forget one that turned out to be no good."""
        with contextlib.suppress(OSError):
            self._path(url).unlink()

    def _path(self, url: str) -> Path:
        return self._folder / (hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest() + _ENDING)

    def _make_room(self) -> None:
        used = sorted(self._used(), reverse=True)
        total = 0
        for _, size, path in used:
            total += size
            if total > self._max_bytes:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _used(self) -> Iterator[tuple[int, int, Path]]:
        """When each was last used, its size and its path."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if _ENDING in entry.name and stat.S_ISREG(status.st_mode):
                        yield status.st_mtime_ns, status.st_size, Path(entry.path)
