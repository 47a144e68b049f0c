"""Fills the table's columns, and shares its width among them: on a narrow terminal some shrink or go."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rich.cells import cell_len, set_cell_size

from taskdash.domain.gateways import family_of
from taskdash.domain.query import SortKey
from taskdash.domain.task import State, Task
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import (
    NONE,
    SYMBOLS,
    age,
    ago,
    amount,
    duration,
    expiry_of,
    short_countdown,
    started_ms,
    state_word,
    waited_ms,
)
from taskdash.ui.text.prompts import prompt_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from taskdash.domain.usual import Usual

GAP: Final = 2
PROMPT_MIN: Final = 18
PROMPT_ENOUGH: Final = 70
"""Cells of a prompt that can be read at a glance; room beyond them goes to the other columns first."""
OTHERS: Final = 54
"""Cells that the other columns get before the prompt has `PROMPT_ENOUGH`."""
SAVED: Final = "↓"
"""Beside the state of a task whose results are all saved."""
ASKED: Final = "…"
"""Beside the state of a task that the user wants checked now."""
TROUBLE: Final = "!"
"""Beside the state of a task whose last check brought no answer."""
WORDS_FROM: Final = 67
"""Table width (on a terminal of 70) from which a state is a symbol and a word; below, the prompt needs the room."""
_LABEL_CELLS: Final = ((24, PROMPT_ENOUGH), (14, 50), (10, PROMPT_MIN))
"""Widths of a separate label column, each with the width that the prompt must have beside it."""
_LEAST_STATE_CELLS: Final = 5
_NUMBER_CELLS: Final = 5
_LEAST_BAR_CELLS: Final = 4
_OVERDUE: Final = "overdue"
_AGE_CELLS: Final = 5
_AGO_CELLS: Final = 9
_ID_BOTH_ENDS: Final = 12

_MATCHED_CHARS: Final = 4_000
"""Matches of a filter beyond these are not shown in the row."""
NOTHING: Final[Mapping[Any, int]] = MappingProxyType({})


class Moment(NamedTuple):
    """Tells a cell what it needs besides its task, such as the time and usual durations (None if unknown)."""

    now_ms: int
    usual: Callable[[Task], Usual | None]
    ttls_ms: Mapping[str, int] = NOTHING
    shared: Mapping[int, int] = NOTHING
    """How many leading characters of a prompt nearby tasks share, by `seq`."""
    says_label: bool = True
    """Whether the label is put before the prompt, as it is shown nowhere else."""
    words: tuple[str, ...] = ()


class Span(NamedTuple):
    """Gives a piece of a cell its text and the name of its style."""

    text: str
    style: str = ""


Cell = list[Span]
_UNKNOWN: Final = Span(NONE, "muted")


def fitted(cell: Cell, width: int) -> Cell:
    """Return a cell of exactly `width` terminal cells; text that is too long ends in an ellipsis."""
    spans, room = [], width
    for text, style in cell:
        if (cells := cell_len(text)) > room:
            text, cells = f"{set_cell_size(text, room - 1)}…" if room else "", room
        spans.append(Span(text, style))
        room -= cells
    return [*spans, Span(" " * room)]


class Column(NamedTuple):
    """Describes a column; a new one takes an entry in `COLUMNS` and its name in the settings.

    `widths` are in cells: the preferred one, then those it may shrink to; 0 drops it.
    """

    name: str
    title: str
    widths: tuple[int, ...]
    cell: Callable[[Task, Moment, int], Cell]
    sort: SortKey | None = None
    gives_way: tuple[int, ...] = ()
    """The rank of each step from one width to the next: among the steps of all columns, the lowest comes first."""
    narrow_title: str | None = None
    """The title if the column is narrower than `title`."""
    title_width: int = 0
    """The cells in which the title is right-aligned, as its values are; 0: left-aligned."""
    flexible: bool = False
    """It takes the room that the others leave."""

    def of_width(self, cells: int | None) -> Column:
        """Return the column with that width only, or unchanged for None."""
        return self if cells is None else self._replace(widths=(cells,))

    def title_in(self, width: int) -> str:
        return self.title if self.narrow_title is None or width >= len(self.title) else self.narrow_title


def _state(task: Task, _: Moment, width: int) -> Cell:
    is_saved = task.saved_count and task.saved_count >= task.result_count
    if task.asked_at_ms is not None:
        sign = [Span(f" {ASKED}", "live")]
    elif task.problem:
        sign = [Span(f" {TROUBLE}", "problem")]
    else:
        sign = [Span(f" {SAVED}", "muted")] if is_saved else []
    text, room = f"{SYMBOLS[task.state]} {state_word(task)}", width - 2 * len(sign)
    if width < _LEAST_STATE_CELLS:
        text = SYMBOLS[task.state]
    elif len(text) > room:
        text = f"{text[: room - 1]}…"
    return [Span(text, f"state-{task.state.value}"), *sign]


def _prompt(task: Task, moment: Moment, width: int) -> Cell:
    start = moment.shared.get(task.seq, 0)
    label = [Span(task.label, "label"), Span("  ")] if task.label and moment.says_label else []
    if task.prompt:
        chars = _MATCHED_CHARS if moment.words else start + 4 * width + 80
        room = width - sum(len(text) for text, _ in label)
        pieces = prompt_pieces(inert_line(task.prompt[:chars]), start, room, moment.words)
        cell = [Span(*piece) for piece in pieces]
    elif task.problem and task.state is State.NEW:
        cell = _problem(task, moment, width)
    elif task.state is State.FAIL and (said := task.fail_msg or task.fail_code):
        cell = [Span(inert_line(said[: 4 * width + 80]), "muted")]
    else:
        # Tasks of which nothing else is known differ only in their IDs.
        cell = [Span(f"{'not checked yet' if task.checks == 0 else NONE}  {task.task_id}", "muted")]
    return [*label, *cell]


def _words_of(
    attribute: str, style: str = "muted", unknown: str = NONE
) -> Callable[[Task, Moment, int], Cell]:
    return lambda task, _moment, _width: [Span(getattr(task, attribute) or unknown, style)]


def _cost(task: Task, moment: Moment, width: int) -> Cell:
    if task.state.finished or task.state is State.NEW:
        is_known = task.state.finished and task.cost_time_ms is not None
        text = duration(task.cost_time_ms, measured=True) if is_known else NONE
        return [Span(f"{text:>{_NUMBER_CELLS}}", "" if is_known else "muted")]
    since_ms = max(0, moment.now_ms - started_ms(task))
    text = duration(waited_ms(task, moment.now_ms))
    text = age(since_ms) if len(text) > _NUMBER_CELLS else text
    usual, room = moment.usual(task), width - _NUMBER_CELLS - 1
    is_overdue = usual is not None and since_ms > usual.overdue_ms
    number = Span(f"{text:>{_NUMBER_CELLS}}", "overdue" if is_overdue else "")
    if usual is None or room < _LEAST_BAR_CELLS:
        return [number]
    if is_overdue:
        return [number, Span(" "), Span(_OVERDUE if room >= len(_OVERDUE) else "▰" * room, "overdue")]
    filled = min(room, int(since_ms / usual.ms * room))
    return [number, Span(" "), Span("▰" * filled, "live"), Span("▱" * (room - filled), "muted")]


def _age(at_ms: int | None, moment: Moment, width: int, unknown: str = NONE) -> Cell:
    if at_ms is not None and width >= _AGO_CELLS:
        return [Span(ago(at_ms, moment.now_ms), "muted")]
    text = unknown if at_ms is None else age(moment.now_ms - at_ms)
    return [Span(f"{text:>{min(width, _AGE_CELLS)}}", "muted")]


def _age_of(attribute: str) -> Callable[[Task, Moment, int], Cell]:
    return lambda task, moment, width: _age(getattr(task, attribute), moment, width)


def _created(task: Task, moment: Moment, width: int) -> Cell:
    return _age(task.create_time_ms, moment, width, NONE if task.state is State.NEW else "?")


def _checked(task: Task, moment: Moment, width: int) -> Cell:
    if task.asked_at_ms is not None:
        return [Span("asked", "live")]
    text = NONE
    if task.checked_at_ms is not None:
        age_ms = moment.now_ms - task.checked_at_ms
        # Under a minute in steps of ten seconds: on a busy list all rows are that young, and would change every second.
        text = age(max(0, age_ms if age_ms >= 60_000 else age_ms // 10_000 * 10_000))
    cell = [Span(f"{text:>4}", "muted")]
    if task.problem:
        word = task.problem.kind.value if width >= 16 else ""
        cell.append(Span(f" {TROUBLE} {word}", "problem"))
    return cell


def _id(task: Task, _: Moment, width: int) -> Cell:
    return [Span(shortened_id(task.task_id, width), "muted")]


def shortened_id(task_id: str, width: int) -> str:
    """Return an ID shortened to `width` cells: its head, and from 12 cells on its tail, too.

    With fewer it is the end that differs most: the tail if all IDs of the form begin alike.
    """
    if len(task_id) <= width:
        return task_id
    if width < _ID_BOTH_ENDS:
        return f"…{task_id[1 - width :]}" if task_id.startswith("task_") else task_id[:width]
    tail = (width - 1) // 3
    return f"{task_id[: width - 1 - tail]}…{task_id[-tail:]}"


def _note(task: Task, _: Moment, width: int) -> Cell:
    return [Span(inert_line(task.note[: 4 * width + 80]) if task.note else "")]


def _problem(task: Task, _: Moment, __: int) -> Cell:
    return [Span(f"{task.problem.kind.value}: {task.problem.message}", "problem")] if task.problem else []


def _results(task: Task, _: Moment, __: int) -> Cell:
    return [Span(f"{f'{task.result_count:,}' if task.result_count else NONE:>7}")]


def _expires(task: Task, moment: Moment, _: int) -> Cell:
    if task.purged:
        return [Span("removed", "muted")]
    ttl_ms = moment.ttls_ms.get(task.profile)
    if (expiry := expiry_of(task, ttl_ms)) is None:
        return [_UNKNOWN]
    style = "problem" if expiry.is_soon(ttl_ms, moment.now_ms) else ""
    if expiry.left_ms(moment.now_ms) <= 0 or task.saved_count >= task.result_count:
        style = "muted"
    return [Span(short_countdown(expiry, moment.now_ms), style)]


def _saved(task: Task, _: Moment, __: int) -> Cell:
    if not task.result_count or not task.saved_count:
        return [Span(NONE if task.result_count else "", "muted")]
    is_whole = task.saved_count >= task.result_count
    return [Span("saved" if is_whole else f"{task.saved_count:,} of {task.result_count:,}")]


def _picks(task: Task, _: Moment, __: int) -> Cell:
    if not task.picked_count + task.rejected_count:
        return [Span(NONE if task.result_count else "", "muted")]
    return [Span(f"{task.picked_count:,}/{task.result_count:,}")]


def _credits(task: Task, _: Moment, __: int) -> Cell:
    return [_UNKNOWN if task.credits is None else Span(f"{amount(task.credits):>7}")]


def _family(task: Task, _: Moment, __: int) -> Cell:
    return [Span(family) if (family := family_of(task.record_path)) else _UNKNOWN]


COLUMNS: Final = {
    column.name: column
    for column in (
        Column("state", "State", (12, 3), _state, SortKey.STATE, gives_way=(120,), narrow_title=""),
        Column("label", "Prompt", (0,), _prompt, SortKey.LABEL, flexible=True),
        Column("model", "Model", (26, 18, 12, 0), _words_of("model"), SortKey.MODEL, gives_way=(30, 70, 90)),
        Column("cost", "Duration", (13, 8), _cost, SortKey.COST, gives_way=(115,)),
        Column("created", "Created", (5, 0), _created, SortKey.CREATED, (110,), "Age", _AGE_CELLS),
        Column("checked", "Checked", (19, 7, 0), _checked, SortKey.CHECKED, gives_way=(17, 86)),
        Column("added", "Added", (9, 5, 0), _age_of("added_at_ms"), SortKey.ADDED, gives_way=(74, 83)),
        Column("completed", "Completed", (9, 0), _age_of("complete_time_ms"), gives_way=(82,)),
        Column("note", "Note", (24, 12, 0), _note, gives_way=(15, 81)),
        Column("problem", "Problem", (28, 14, 0), _problem, gives_way=(16, 88)),
        Column("results", "Results", (7, 0), _results, gives_way=(92,)),
        Column("expires", "Expires", (9, 0), _expires, gives_way=(91,)),
        Column("saved", "Saved", (8, 0), _saved, gives_way=(93,)),
        Column("picks", "Picks", (7, 0), _picks, gives_way=(94,)),
        Column("credits", "Credits", (7, 0), _credits, SortKey.CREDITS, gives_way=(89,), title_width=7),
        Column("family", "Family", (13, 8, 0), _family, gives_way=(18, 87)),
        Column("profile", "Profile", (12, 8, 0), _words_of("profile"), gives_way=(19, 105)),
        Column("id", "ID", (36, 8, 0), _id, SortKey.ID, gives_way=(10, 28)),
    )
}
"""By their names in the settings. `label` is the prompt, with the label beside or before it if tasks have several."""
_LABEL: Final = Column("label", "Label", (0,), _words_of("label", "label", ""), SortKey.LABEL)
_PROMPT: Final = Column("label", "Prompt", (0,), _prompt, flexible=True)
"""Beside a label column, which is the one to sort by."""
_STEPS: Final = [
    name
    for _, name in sorted((number, column.name) for column in COLUMNS.values() for number in column.gives_way)
]
"""The columns to shrink, one step per entry, until the prompt is as wide as it should be."""


class Placed(NamedTuple):
    """Gives a column its width, and its place in a row, in cells."""

    column: Column
    width: int
    x: int


def place_columns(
    names: Sequence[str], width: int, fixed: Mapping[str, int] = NOTHING, *, has_labels: bool = False
) -> list[Placed]:
    """Share `width` cells among the named columns; those that shrink to nothing are not in the result.

    Widths in `fixed`, which the user chose, do not shrink. With `has_labels` the prompt leaves room for a label column.
    """
    columns = [COLUMNS[name].of_width(fixed.get(name)) for name in names]
    has_flexible = any(column.flexible and column.name not in fixed for column in columns)
    steps = dict.fromkeys(names, 0)
    for name, gives_way in (("state", width < WORDS_FROM), ("id", has_flexible)):
        if gives_way and name in steps and name not in fixed:
            # Eight cells are enough to recognise an ID, and a key copies all of it.
            steps[name] = 1
    enough = max(PROMPT_MIN, min(PROMPT_ENOUGH, max(width // 2 - 2, width - OTHERS)))
    wanted = enough if has_flexible else -GAP

    def flexible_width() -> int:
        taken = [column.widths[steps[column.name]] for column in columns if column.widths != (0,)]
        return width - sum(cells + GAP for cells in taken if cells)

    for name in _STEPS:
        if flexible_width() >= wanted:
            break
        if name in steps and name not in fixed and steps[name] + 1 < len(COLUMNS[name].widths):
            steps[name] += 1
    placed, x = [], 0
    for column in columns:
        cells = max(4, flexible_width()) if column.widths == (0,) else column.widths[steps[column.name]]
        for part, room in _with_label(column, cells) if column.flexible and has_labels else [(column, cells)]:
            if room:
                placed.append(Placed(part, room, x))
                x += room + GAP
    return placed


def _with_label(prompt: Column, cells: int) -> list[tuple[Column, int]]:
    for width, least in _LABEL_CELLS:
        if (rest := cells - width - GAP) >= least:
            return [(_LABEL, width), (_PROMPT, rest)]
    return [(prompt, cells)]
