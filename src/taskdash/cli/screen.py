"""Draws for terminals, with Rich: tables that fit the width, and lines that are redrawn in place."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live_render import LiveRender
from rich.table import Column, Table
from rich.text import Text

from taskdash.cli.output import cropped
from taskdash.domain.failures import reason_lines
from taskdash.domain.task import State, Task
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NONE, SYMBOLS, age, duration_word, plural, reason_of, state_word
from taskdash.ui.text.prompts import shared_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from taskdash.store.summaries import FailureCounts

STATE_STYLES: Final[Mapping[str, str]] = {
    State.NEW: "dim",
    State.WAITING: "yellow",
    State.SUCCESS: "green",
    State.FAIL: "red",
}
STATES: Final = ("STATE", "state")
_DIM, _NAMED = ("AGE", "ID", "TASK ID", "taskId"), ("LABEL", "PROFILE", "label", "profile")
STYLES: Final = {**dict.fromkeys(_DIM, "dim"), **dict.fromkeys(_NAMED, "cyan")}
TROUBLE: Final = "!"
"""After the state of a task whose last check brought no answer."""
COLUMNS: Final = ("STATE", "PROMPT", "LABEL", "PROFILE", "DURATION", "AGE", "ID")
RIGHT: Final = ("DURATION", "AGE")
"""Columns that are right-aligned."""
OPTIONAL: Final = ("LABEL", "PROFILE")
"""Columns shown only if a task has a value for them; each takes a sixth of the width at most."""
DROPPED: Final = ("LABEL", "AGE", "PROFILE", "DURATION")
"""Columns dropped on a narrow terminal, in this order; only then does the rest shrink."""
MIN_TEXT_CELLS: Final = 20
"""Cells of a prompt or reason that are worth more than another column."""
MAX_STATE_CELLS: Final = 14
ID_CELLS: Final = 8
PROSE: Final = ("prompt", "reason", "note", "problem")
_GAP: Final = 2
NAME_CELLS: Final = 40
BAR_CELLS: Final = 8


class Cell(NamedTuple):
    """Is a text in a table, with its style if that is not its column's."""

    text: str
    style: str = ""


def terminal_size() -> tuple[int, int]:
    """Return the width and height of the terminal, in cells."""
    return Console(file=sys.stdout).size


def task_lines(
    tasks: Sequence[Task], now_ms: int, width: int, *, has_heading: bool = True, has_profile: bool = False
) -> list[str]:
    """Return the lines of a table of tasks that fits `width` cells."""
    rows = [
        {
            "STATE": _state(task),
            "PROMPT": _text(task),
            "LABEL": Cell(inert_line(task.label or "")),
            "PROFILE": Cell(task.profile if has_profile else ""),
            "DURATION": Cell(duration_word(task, now_ms)),
            "AGE": Cell(age(now_ms - (task.create_time_ms or task.added_at_ms))),
            "ID": Cell(task.task_id[:ID_CELLS]),
        }
        for task in tasks
    ]
    shown = (name for name in COLUMNS if name not in OPTIONAL or any(row[name].text for row in rows))
    headings = {name: name for name in shown}
    if any(task.state is State.FAIL for task in tasks):
        headings["PROMPT"] = "PROMPT OR REASON"
    widths = _fitting(_natural(headings, rows), width)
    # As in the dashboard, the start that a prompt shares with those of other tasks is left out.
    prompted = [task for task in tasks if task.prompt and task.state is not State.FAIL]
    chars = shared_of(prompted, widths["PROMPT"])
    for task, row in zip(tasks, rows, strict=True):
        if shared := chars.get(task.seq):
            row["PROMPT"] = Cell(f"…{row['PROMPT'].text[shared:]}")
    if has_heading:
        rows.insert(0, {name: Cell(heading, "bold") for name, heading in headings.items()})
    return _lines(widths, rows)


def cell_lines(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    width: int | None,
    *,
    right: Collection[str] = RIGHT,
    has_heading: bool = True,
) -> list[str]:
    """Return the lines of any table, in full or with cells cut to fit `width`; `right`: columns to right-align."""
    named = [dict(zip(headings, map(Cell, row), strict=True)) for row in rows]
    widths = _natural({name: name if has_heading else "" for name in headings}, named)
    if width is not None:
        room, most = width - _GAP * (len(widths) - 1), max(widths.values())
        while sum(min(cells, most) for cells in widths.values()) > room and most > 1:
            most -= 1
        widths = {name: min(cells, most) for name, cells in widths.items()}
    if has_heading:
        named.insert(0, {name: Cell(name, "bold") for name in headings})
    return _lines(widths, named, right)


def named_lines(pairs: Iterable[tuple[str, str]], indent: int) -> list[str]:
    """Return names and values as lines, with the values in a column from `indent` to the edge of the terminal.

    Only prose is wrapped to fit: links and paths stay whole for copying.
    """
    console = Console(file=sys.stdout)
    lines = []
    for name, value in pairs:
        parts = [Text(part, _style(name, value)) for part in value.splitlines() or [""]]
        if name in PROSE:
            room = max(1, console.width - indent)
            parts = [line for part in parts for line in part.wrap(console, room) or [Text()]]
        for n, part in enumerate(parts):
            head = "" if n else f"{name}  "
            lines.append(Text.assemble((head, "dim"), " " * (indent - cell_len(head)), part))
    return _drawn(lines)


def failure_lines(found: FailureCounts, failed: int) -> list[str]:
    """Return the reasons why `failed` tasks failed, each with its newest task; then the problems of checks."""
    lines = [Text(f"{failed:,} failed of {plural(found.total, 'task')}", "bold")]
    for line in reason_lines(found.reasons):
        if line.is_class:
            lines += [Text(""), Text.assemble((line.text, "bold red"), (line.more, "yellow"))]
            continue
        lines.append(Text(line.text + line.more))
        if task := found.newest.get(line.latest.newest_seq):
            name = " · ".join(inert_line(text) for text in (task.label, task.prompt) if text)
            lines.append(Text(f"{'':15}  {task.task_id[:ID_CELLS]}  {name}", "dim"))
    lines += [
        Text(f"{count:>7,}        last check: {kind.value}", "yellow") for kind, count in found.problems
    ]
    return _drawn(lines, is_cut=True)


def _state(task: Task) -> Cell:
    word = cropped(f"{SYMBOLS[task.state]} {state_word(task)}", MAX_STATE_CELLS - 2)
    return Cell(f"{word} {TROUBLE}" if task.problem else word, STATE_STYLES[task.state])


def _style(name: str, text: str) -> str:
    return STATE_STYLES.get(text, "yellow") if name in STATES else STYLES.get(name, "")


def _text(task: Task) -> Cell:
    """Return the text that identifies a task: the reason it failed, its prompt, or why nothing is known about it."""
    if task.state is State.FAIL:
        return Cell(reason_of(task) or NONE)
    if task.prompt:
        return Cell(inert_line(task.prompt))
    if task.problem:
        return Cell(f"{task.problem.kind.value}: {inert_line(task.problem.message)}", "dim")
    return Cell(NONE if task.checks else "not checked yet", "dim")


def _natural(headings: Mapping[str, str], rows: Sequence[Mapping[str, Cell]]) -> dict[str, int]:
    """Return the width that each column needs in full."""
    return {
        name: max(cell_len(heading), *(cell_len(row[name].text) for row in rows), 0)
        for name, heading in headings.items()
    }


def _fitting(natural: Mapping[str, int], width: int) -> dict[str, int]:
    """Return the columns that fit, each with its width."""
    wanted = natural["PROMPT"]
    least = min(wanted, MIN_TEXT_CELLS)
    widths = {
        name: min(cells, width // 6) if name in OPTIONAL else cells
        for name, cells in natural.items()
        if name != "PROMPT"
    }

    def left() -> int:
        return width - sum(cells + _GAP for cells in widths.values())

    for name in DROPPED:
        if left() < least:
            widths.pop(name, None)
    if left() < least:
        widths["STATE"] = 1
    widths["PROMPT"] = max(1, min(wanted, left()))
    return {name: widths[name] for name in natural if name in widths}


def _lines(
    widths: Mapping[str, int], rows: Iterable[Mapping[str, Cell]], right: Collection[str] = RIGHT
) -> list[str]:
    """Return rows as lines in columns."""
    lines = []
    *_, last = widths
    for row in rows:
        lines.append(line := Text())
        for name, width in widths.items():
            cell = row[name]
            # A state without room is reduced to its symbol.
            text = cell.text[:1] if width == 1 else cropped(cell.text, width)
            blanks = " " * (width - cell_len(text))
            line.append(blanks if name in right else "")
            line.append(text, cell.style or _style(name, cell.text))
            line.append("" if name == last else " " * _GAP if name in right else blanks + " " * _GAP)
    return _drawn(lines)


def _drawn(lines: Iterable[Text], *, is_cut: bool = False) -> list[str]:
    """Return lines in the colours that the terminal supports, in full or cut to its width."""
    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    with console.capture() as drawn:
        for line in lines:
            console.print(
                line, soft_wrap=not is_cut, no_wrap=True, overflow="ellipsis" if is_cut else "ignore"
            )
    return [line.rstrip() for line in drawn.get().splitlines()]


class Rewritten:
    """Redraws lines on stderr in place."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
        self._lines = LiveRender("", vertical_overflow="crop")

    def draw(self, files: Sequence[tuple[str, float, str]], share: float, words: str) -> None:
        """Draw a line for each file (its name, the share done, progress in words), and one for all."""
        names = Column(max_width=NAME_CELLS, no_wrap=True, overflow="ellipsis")
        each = Table.grid("", "", names, padding=(0, 1, 0, 0))
        for name, done, more in files[: max(0, self._console.height - 2)]:
            each.add_row(self._bar(done), Text(more, no_wrap=True), Text(name, style="dim"))
        total = Table.grid(padding=(0, 1, 0, 0))
        total.add_row(self._bar(share), Text(words, no_wrap=True))
        self._lines.set_renderable(Group(each, total) if each.row_count else total)
        with suppress(OSError):
            self._console.print(self._lines.position_cursor(), self._lines, sep="", end="")

    def clear(self) -> None:
        """Erase the lines, so that something else can be printed."""
        with suppress(OSError):
            self._console.print(self._lines.position_cursor(), end="")
        self._lines = LiveRender("", vertical_overflow="crop")

    def _bar(self, share: float) -> Text:
        """Return a bar like the dashboard's, in ASCII if the terminal supports nothing else."""
        full, empty = ("#", "-") if self._console.options.ascii_only else ("▰", "▱")
        filled = min(BAR_CELLS, int(share * BAR_CELLS))
        return Text.assemble((full * filled, "cyan"), (empty * (BAR_CELLS - filled), "dim"), no_wrap=True)
