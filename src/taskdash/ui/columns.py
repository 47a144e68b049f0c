"""The columns of the table: what each cell says, how wide it is, and which give way when the terminal is narrow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from taskdash.domain.query import SortKey
from taskdash.domain.task import State, Task
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NONE, SYMBOLS, ago, elapsed, length, span, started_ms, state_word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

GAP: Final = 2
FLEXIBLE_MIN: Final = 20
BAR_CELLS: Final = 6


NO_WIDTHS: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Moment:
    """What a cell may need besides its task: the time, and the typical costTime of a task's kind, None unknown."""

    now_ms: int
    typical_ms: Callable[[Task], int | None]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a cell: its text and the name of its style."""

    text: str
    style: str = ""


Cell = list[Span]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `widths` are in cells, the wanted first, then what it may shrink to; 0 drops it."""

    name: str
    title: str
    widths: tuple[int, ...]
    cell: Callable[[Task, Moment, int], Cell]
    sort: SortKey | None = None
    title_width: int = 0
    """How many cells the title is right-aligned in, as its values are; 0: it starts at the left."""
    flexible: bool = False


def _state(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - one signature for every column
    return [Span(f"{SYMBOLS[task.state]} {state_word(task)}", f"state-{task.state.value}")]


def _prompt(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    if task.label:
        return [Span(task.label, "label")]
    if task.prompt:
        return [Span(inert_line(task.prompt[: 4 * width + 80]))]
    if task.problem and task.state is State.NEW:
        return [Span(f"{task.problem.kind.value}: {task.problem.message}", "problem")]
    if task.checks == 0:
        return [Span("not checked yet", "muted")]
    return [Span(NONE, "muted")]


def _model(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    return [Span(task.model or NONE, "" if task.model else "muted")]


def _cost(task: Task, moment: Moment, width: int) -> Cell:
    if task.state.finished:
        return [
            Span(
                f"{length(task.cost_time_ms):>10}",
                "" if task.cost_time_ms is not None else "muted",
            )
        ]
    since_ms = max(0, moment.now_ms - started_ms(task))
    cell = [Span(f"{elapsed(since_ms):>10}", "live")]
    typical_ms = moment.typical_ms(task) if task.state is State.WAITING else None
    if typical_ms and width >= 10 + 1 + BAR_CELLS:
        cell += [Span(" "), *_bar(since_ms / typical_ms)]
    return cell


def _bar(share: float) -> Cell:
    """How far a task is on its usual way; full and marked when it takes longer than usual."""
    if share > 1.5:
        return [Span("▰" * BAR_CELLS, "late"), Span(" late", "late")]
    filled = min(BAR_CELLS, int(share * BAR_CELLS))
    return [Span("▰" * filled, "live"), Span("▱" * (BAR_CELLS - filled), "muted")]


def _created(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    if task.create_time_ms is None and task.state is not State.NEW:
        return [Span("?", "muted")]
    return [Span(ago(task.create_time_ms, moment.now_ms), "" if task.create_time_ms is not None else "muted")]


def _checked(task: Task, moment: Moment, width: int) -> Cell:
    if task.asked_at_ms is not None:
        return [Span("asked", "live")]
    age = NONE if task.checked_at_ms is None else span(moment.now_ms - task.checked_at_ms)
    cell = [Span(f"{age:>4}", "muted")]
    if task.problem:
        word = task.problem.kind.value if width >= 16 else ""
        cell.append(Span(f" ! {word}", "problem"))
    return cell


def _id(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    return [Span(task.task_id, "muted")]


def _added(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    return [Span(ago(task.added_at_ms, moment.now_ms))]


def _completed(task: Task, moment: Moment, width: int) -> Cell:  # noqa: ARG001 - as above
    return [
        Span(ago(task.complete_time_ms, moment.now_ms), "" if task.complete_time_ms is not None else "muted")
    ]


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


COLUMNS: Final = {
    column.name: column
    for column in (
        Column("state", "State", (12,), _state, SortKey.STATE),
        Column("label", "Prompt", (0,), _prompt, SortKey.LABEL, flexible=True),
        Column("model", "Model", (26, 18, 0), _model, SortKey.MODEL),
        Column("cost", "costTime", (22, 10), _cost, SortKey.COST, title_width=10),
        Column("created", "Created", (9, 0), _created, SortKey.CREATED),
        Column("checked", "Checked", (19, 7), _checked, SortKey.CHECKED),
        Column("added", "Added", (9, 0), _added, SortKey.ADDED),
        Column("completed", "Completed", (9, 0), _completed),
        Column("note", "Note", (24, 12, 0), _note),
        Column("problem", "Problem", (28, 14, 0), _problem),
        Column("results", "Results", (7, 0), _results),
        Column("id", "Task ID", (36, 20, 9), _id, SortKey.ID),
    )
}
_GIVE_WAY: Final = (
    *("id", "note", "problem", "model", "checked", "id", "cost", "model"),
    *("note", "completed", "added", "problem", "results", "created"),
)
"""Who shrinks by one step next, while the flexible column has less than it wants."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with the width it got, in cells."""

    column: Column
    width: int


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
    wanted = max(FLEXIBLE_MIN, width // 4)

    def flexible_width() -> int:
        taken = [column.widths[steps[column.name]] for column in columns if not column.flexible]
        return width - sum(cells + GAP for cells in taken if cells)

    for name in _GIVE_WAY:
        if flexible_width() >= wanted:
            break
        if name in steps and name not in fixed and steps[name] + 1 < len(COLUMNS[name].widths):
            steps[name] += 1
    placed = []
    for column in columns:
        cells = max(4, flexible_width()) if column.flexible else column.widths[steps[column.name]]
        if cells:
            placed.append(Placed(column, cells))
    return placed
