"""The columns of the table: what each cell says, how wide it is, and which give way when the terminal is narrow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.query import SortKey
from taskdash.domain.task import State, Task
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import (
    NONE,
    SYMBOLS,
    ago,
    elapsed,
    expiry_of,
    length,
    short_countdown,
    span,
    started_ms,
    state_word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

GAP: Final = 2
FLEXIBLE_MIN: Final = 18
FLEXIBLE_PART: Final = 5
"""The flexible column wants a fifth of a wide table."""
BAR_CELLS: Final = 6
SAVED: Final = "↓"
"""Beside the state of a task all of whose results are saved."""
_LATE: Final = " late"
_NUMBER_CELLS: Final = 10
_AGO_CELLS: Final = 9
_ID_BOTH_ENDS: Final = 12

NO_WIDTHS: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Moment:
    """What a cell may need besides its task: the time, and the typical costTime of a task's kind, None unknown."""

    now_ms: int
    typical_ms: Callable[[Task], int | None]
    ttl_ms: int | None = None
    """How long result links live."""


class Span(NamedTuple):
    """A piece of a cell: its text and the name of its style."""

    text: str
    style: str = ""


Cell = list[Span]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; a new one is one entry in `COLUMNS` and its name in the settings.

    `widths` are in cells, the wanted first, then what it may shrink to; 0 drops it.
    """

    name: str
    title: str
    widths: tuple[int, ...]
    cell: Callable[[Task, Moment, int], Cell]
    sort: SortKey | None = None
    gives_way: tuple[int, ...] = ()
    """When it takes each step from one width to the next: of all the columns' steps the smallest number is first."""
    title_width: int = 0
    """How many cells the title is right-aligned in, as its values are; 0: it starts at the left."""
    flexible: bool = False


def _state(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - one signature for every column
    cell = [Span(f"{SYMBOLS[task.state]} {state_word(task)}", f"state-{task.state.value}")]
    if task.saved_count and task.saved_count >= task.result_count:
        cell.append(Span(f" {SAVED}", "muted"))
    return cell


def _prompt(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    prompt = inert_line(task.prompt[: 4 * width + 80]) if task.prompt else ""
    if task.label:
        # All tasks of a batch may have one label: what tells them apart comes behind it.
        return [Span(task.label, "label"), Span(f"  {prompt}" if prompt else "", "muted")]
    if prompt:
        return [Span(prompt)]
    if task.problem and task.state is State.NEW:
        return [Span(f"{task.problem.kind.value}: {task.problem.message}", "problem")]
    if task.checks == 0:
        return [Span("not checked yet", "muted")]
    return [Span(NONE, "muted")]


def _model(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    return [Span(task.model or NONE, "" if task.model else "muted")]


def _cost(task: Task, moment: Moment, width: int) -> Cell:
    if task.state is State.NEW:
        return [Span(f"{NONE:>{_NUMBER_CELLS}}", "muted")]
    if task.state.finished:
        style = "" if task.cost_time_ms is not None else "muted"
        return [Span(f"{length(task.cost_time_ms):>{_NUMBER_CELLS}}", style)]
    since_ms = max(0, moment.now_ms - started_ms(task))
    cell = [Span(f"{elapsed(since_ms):>{_NUMBER_CELLS}}", "live")]
    room = width - _NUMBER_CELLS - 1
    if room >= BAR_CELLS and (typical_ms := moment.typical_ms(task)):
        cell += [Span(" "), *_bar(since_ms / typical_ms, room)]
    return cell


def _bar(share: float, room: int) -> Cell:
    """How far a task is on its usual way; when it takes much longer than usual it says so in a word."""
    if share > 1.5:
        return [Span("▰" * BAR_CELLS + _LATE if room >= BAR_CELLS + len(_LATE) else _LATE, "late")]
    filled = min(BAR_CELLS, int(share * BAR_CELLS))
    return [Span("▰" * filled, "live"), Span("▱" * (BAR_CELLS - filled), "muted")]


def _since(at_ms: int | None, moment: Moment, width: int) -> Cell:
    """How long ago; in a narrow column without the word."""
    text = ago(at_ms, moment.now_ms)
    if width < _AGO_CELLS:
        text = text.removeprefix("just ").removesuffix(" ago")
    return [Span(text, "" if at_ms is not None else "muted")]


def _created(task: Task, moment: Moment, width: int) -> Cell:
    if task.create_time_ms is None and task.state is not State.NEW:
        return [Span("?", "muted")]
    return _since(task.create_time_ms, moment, width)


def _check_age(at_ms: int | None, now_ms: int) -> str:
    """Return the age of a check, under a minute in steps of ten seconds: on a busy list they are all so young."""
    if at_ms is None:
        return NONE
    age_ms = now_ms - at_ms
    return "now" if age_ms < 10_000 else span(age_ms if age_ms >= 60_000 else age_ms // 10_000 * 10_000)


def _checked(task: Task, moment: Moment, width: int) -> Cell:
    if task.asked_at_ms is not None:
        return [Span("asked", "live")]
    cell = [Span(f"{_check_age(task.checked_at_ms, moment.now_ms):>4}", "muted")]
    if task.problem:
        word = task.problem.kind.value if width >= 16 else ""
        cell.append(Span(f" ! {word}", "problem"))
    return cell


def _id(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    return [Span(shortened_id(task.task_id, width), "muted")]


def shortened_id(task_id: str, width: int) -> str:
    """An ID in so many cells: its head, and from 12 cells on its tail too, which tells IDs of one prefix apart."""
    if len(task_id) <= width or width < _ID_BOTH_ENDS:
        return task_id
    tail = (width - 1) // 3
    return f"{task_id[: width - 1 - tail]}…{task_id[-tail:]}"


def _added(task: Task, moment: Moment, width: int) -> Cell:
    return _since(task.added_at_ms, moment, width)


def _completed(task: Task, moment: Moment, width: int) -> Cell:
    return _since(task.complete_time_ms, moment, width)


def _note(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    return [Span(inert_line(task.note[: 4 * width + 80]) if task.note else "")]


def _problem(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    return (
        [Span(f"{task.problem.kind.value}: {task.problem.message}", "problem")]
        if task.problem
        else [Span("")]
    )


def _results(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    return [Span(f"{task.result_count:>7,}" if task.result_count else f"{NONE:>7}")]


def _expires(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    if moment.ttl_ms is None:
        return [Span(NONE, "muted")]
    expiry = expiry_of(task, moment.ttl_ms)
    if expiry is None:
        return [Span(NONE, "muted")]
    is_soon = expiry.is_soon(moment.ttl_ms, moment.now_ms)
    is_over = expiry.left_ms(moment.now_ms) <= 0 or task.saved_count >= task.result_count
    style = "muted" if is_over else "problem" if is_soon else ""
    return [Span(short_countdown(expiry, moment.now_ms), style)]


def _saved(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    if not task.result_count or not task.saved_count:
        return [Span(NONE if task.result_count else "", "muted")]
    if task.saved_count >= task.result_count:
        return [Span("saved")]
    return [Span(f"{task.saved_count:,} of {task.result_count:,}")]


COLUMNS: Final = {
    column.name: column
    for column in (
        Column("state", "State", (12,), _state, SortKey.STATE),
        Column("label", "Prompt", (0,), _prompt, SortKey.LABEL, flexible=True),
        Column("model", "Model", (26, 18, 12, 0), _model, SortKey.MODEL, gives_way=(30, 70, 90)),
        Column("cost", "costTime", (22, 17, 10), _cost, SortKey.COST, gives_way=(20, 65), title_width=10),
        Column("created", "Created", (9, 7, 0), _created, SortKey.CREATED, gives_way=(80, 110)),
        Column("checked", "Checked", (19, 7, 0), _checked, SortKey.CHECKED, gives_way=(10, 120)),
        Column("added", "Added", (9, 5, 0), _added, SortKey.ADDED, gives_way=(75, 86)),
        Column("completed", "Completed", (9, 0), _completed, gives_way=(85,)),
        Column("note", "Note", (24, 12, 0), _note, gives_way=(15, 84)),
        Column("problem", "Problem", (28, 14, 0), _problem, gives_way=(16, 88)),
        Column("results", "Results", (7, 0), _results, gives_way=(92,)),
        Column("expires", "Expires", (9, 0), _expires, gives_way=(95,)),
        Column("saved", "Saved", (8, 0), _saved, gives_way=(93,)),
        Column("id", "Task ID", (36, 24, 16, 9, 0), _id, SortKey.ID, gives_way=(50, 60, 100, 130)),
    )
}
_STEPS: Final = [
    name
    for _, name in sorted((number, column.name) for column in COLUMNS.values() for number in column.gives_way)
]
"""Who shrinks by one step next, while the flexible column has less than it wants."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with the width it got, and where in a row it begins, in cells."""

    column: Column
    width: int
    x: int


def place_columns(names: Sequence[str], width: int, fixed: Mapping[str, int] = NO_WIDTHS) -> list[Placed]:
    """Share `width` cells among the named columns; those that give way until nothing is left are not in the result.

    Args:
        names: The columns, from left to right.
        width: The cells there are.
        fixed: Widths that the user chose: these do not give way.
    """
    columns = [
        replace(COLUMNS[name], widths=(fixed[name],), flexible=False) if name in fixed else COLUMNS[name]
        for name in names
    ]
    steps = dict.fromkeys(names, 0)
    has_flexible = any(column.flexible for column in columns)
    wanted = max(FLEXIBLE_MIN, width // FLEXIBLE_PART) if has_flexible else -GAP

    def flexible_width() -> int:
        taken = [column.widths[steps[column.name]] for column in columns if not column.flexible]
        return width - sum(cells + GAP for cells in taken if cells)

    for name in _STEPS:
        if flexible_width() >= wanted:
            break
        if name in steps and name not in fixed:
            steps[name] += 1
    placed, x = [], 0
    for column in columns:
        cells = max(4, flexible_width()) if column.flexible else column.widths[steps[column.name]]
        if cells:
            placed.append(Placed(column, cells, x))
            x += cells + GAP
    return placed
