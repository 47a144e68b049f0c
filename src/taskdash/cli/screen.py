"""What only a terminal is shown, drawn by Rich: the list as a table that fits it, and lines that are rewritten."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live_render import LiveRender
from rich.table import Table
from rich.text import Text

from taskdash.cli.listing import task_cells
from taskdash.cli.output import print_lines
from taskdash.domain.task import State, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER: Final = ("STATE", "TASK ID", "MODEL", "DURATION", "CREATED", "CHECKED", "LABEL", "PROMPT OR REASON")
DROPPED: Final = ("MODEL", "CHECKED", "LABEL", "CREATED")
"""Columns that a narrow terminal is without, the first of them first; the rest shrinks only then."""
STATE_STYLES: Final = {State.NEW: "dim", State.WAITING: "yellow", State.SUCCESS: "green", State.FAIL: "red"}
MAX_LABEL_CELLS: Final = 24
MIN_TEXT_CELLS: Final = 20
"""So much of a prompt or reason is worth more than another column."""
BLOCK_ROWS: Final = 500
"""So many rows at a time, that the first of a long list are there at once."""
_GAP: Final = 2
NAME_CELLS: Final = 40
BAR_CELLS: Final = 8


def print_tasks(tasks: Sequence[Task], now_ms: int, width: int | None = None) -> None:
    """Print tasks as a table with a header, as wide as the terminal or `width` cells."""
    console = Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)
    rows = []
    for task in tasks:
        *cells, prompt, reason = task_cells(task, now_ms)
        rows.append((*cells, reason if task.state is State.FAIL else prompt))
    widths = _widths([HEADER, *rows], console.width)
    for start in range(0, max(1, len(rows)), BLOCK_ROWS):
        table = Table(
            box=None, padding=(0, _GAP, 0, 0), pad_edge=False, show_header=not start, header_style="bold"
        )
        for name, width_of in widths.items():
            table.add_column(name, width=width_of, no_wrap=True, style="dim" if name == "TASK ID" else "")
        for task, row in zip(tasks[start:], rows[start : start + BLOCK_ROWS], strict=False):
            shown = [Text(cell) for name, cell in zip(HEADER, row, strict=True) if name in widths]
            shown[0].stylize(STATE_STYLES[task.state])
            table.add_row(*shown)
        with console.capture() as drawn:
            console.print(table)
        print_lines(line.rstrip() for line in drawn.get().splitlines())


def _widths(rows: Sequence[Sequence[str]], width: int) -> dict[str, int]:
    """Return the columns that there is room for, and how wide each is."""
    columns = zip(*rows, strict=True)
    widths = {name: max(map(cell_len, cells)) for name, cells in zip(HEADER, columns, strict=True)}
    widths["LABEL"] = min(widths["LABEL"], MAX_LABEL_CELLS)
    text = widths.pop(HEADER[-1])

    def left() -> int:
        return width - sum(cells + _GAP for cells in widths.values())

    for name in DROPPED:
        if left() < min(text, MIN_TEXT_CELLS):
            del widths[name]
    return {**widths, HEADER[-1]: max(1, min(text, left()))}


def cropped(text: str, cells: int) -> str:
    """Return `text` cut to `cells`, with an ellipsis where something is missing."""
    return text if cell_len(text) <= cells else set_cell_size(text, cells - 1).rstrip() + "…"


class Rewritten:
    """Lines on stderr that are drawn again in their place."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
        self._lines = LiveRender("", vertical_overflow="crop")

    def draw(self, files: Sequence[tuple[str, float, str]], share: float | None, words: str) -> None:
        """Draw a line for each file (its name, how much of it there is, in words), and one for all."""
        each = Table.grid(padding=(0, 1, 0, 0))
        each.add_column()
        each.add_column()
        each.add_column(max_width=NAME_CELLS, no_wrap=True, overflow="ellipsis")
        for name, done, more in files[: max(0, self._console.height - 2)]:
            each.add_row(self._bar(done), Text(more, no_wrap=True), Text(name, style="dim"))
        total = Table.grid(padding=(0, 1, 0, 0))
        total.add_row(*([] if share is None else [self._bar(share)]), Text(words, no_wrap=True))
        self._lines.set_renderable(Group(each, total) if each.row_count else total)
        with suppress(OSError):
            self._console.print(self._lines.position_cursor(), self._lines, sep="", end="")

    def clear(self) -> None:
        """Take them off the screen, so that something else can be said."""
        with suppress(OSError):
            self._console.print(self._lines.position_cursor(), end="")
        self._lines = LiveRender("", vertical_overflow="crop")

    def _bar(self, share: float) -> Text:
        """Draw as the dashboard does, in plain letters where the terminal has no others."""
        full, empty = ("#", "-") if self._console.options.ascii_only else ("▰", "▱")
        filled = min(BAR_CELLS, int(share * BAR_CELLS))
        return Text.assemble((full * filled, "cyan"), (empty * (BAR_CELLS - filled), "dim"), no_wrap=True)
