"""Downloads on stderr: a block of lines that is rewritten where that is a terminal, else a line now and then."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, Final

from taskdash.cli.output import talk
from taskdash.cli.progress import can_rewrite_lines
from taskdash.cli.table import cell_width, crop

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdash.results.download_status import DownloadStatus

EVERY_S: Final = 0.1
SHOWN_AFTER_S: Final = 0.3
"""What is done sooner shows no line at all."""
PLAIN_EVERY_S: Final = 10.0
BAR_CELLS: Final = 20
NAME_CELLS: Final = 40


class DownloadLines:
    """What is under way: a line for each file, and one for all."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._is_live = can_rewrite_lines()
        self._shown_s = now_s() + (SHOWN_AFTER_S - EVERY_S if self._is_live else 0.0)
        self._on_screen = 0

    def show(self, status: DownloadStatus) -> None:
        """Tell how far it is."""
        now_s = self._now_s()
        if now_s < self._shown_s + (EVERY_S if self._is_live else PLAIN_EVERY_S):
            return
        self._shown_s = now_s
        if not self._is_live:
            talk(status.words)
            return
        size = shutil.get_terminal_size()
        lines = [crop(line, max(1, size.columns - 1)) for line in block(status, size.lines)]
        self._write(self._up() + "\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J")
        self._on_screen = len(lines)

    def ended(self, done: int, total: int, name: str) -> None:
        """Tell of one that is saved, where no block tells it."""
        if not self._is_live:
            self._shown_s = self._now_s()
            talk(f"saved {done:,} of {total:,}: {name}")

    def clear(self) -> None:
        """Take the block off the screen, so that something else can be said."""
        if self._on_screen:
            self._write(self._up() + "\x1b[J")
            self._on_screen = 0

    def _up(self) -> str:
        return "\r" + "\x1b[A" * max(0, self._on_screen - 1)

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            return


def block(status: DownloadStatus, rows: int) -> list[str]:
    """The lines of a block, as many as a terminal of so many rows has room for."""
    running = status.running[: max(0, rows - 2)]
    cells = min(NAME_CELLS, max((cell_width(each.name) for each in running), default=0))
    lines = []
    for each in running:
        name = crop(each.name, cells)
        done = bar(each.got / each.whole if each.whole else 0.0)
        lines.append(f"  {name}{' ' * (cells - cell_width(name))}  {done}  {each.words}")
    return [*lines, f"{bar(status.share)}  {status.words}"]


def bar(share: float) -> str:
    """A bar of which so much is full."""
    filled = min(BAR_CELLS, int(BAR_CELLS * share))
    return "[" + "#" * filled + "." * (BAR_CELLS - filled) + "]"
