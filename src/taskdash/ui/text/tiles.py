"""Lays out the results of the review as tiles or as lines, and renders the text of each."""

from __future__ import annotations

from collections import Counter
from textwrap import wrap
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.durations import NONE
from taskdash.domain.task import Verdict
from taskdash.domain.untrusted import inert_line
from taskdash.ui.text.columns import Span, fitted, shared_of
from taskdash.ui.text.matches import prompt_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from taskdash.domain.task import Task
    from taskdash.results.links import Refused
    from taskdash.ui.review_list import Result, TaskCard
    from taskdash.ui.text.columns import Cell

SIGNS: Final = {Verdict.PICKED: "+", Verdict.REJECTED: "-"}
"""The keys that give the verdicts."""
CAPTION_ROWS: Final = 2
_LEAST_ROWS: Final = 10
"""Of a tile: a smaller picture would be too small to judge."""
_AROUND: Final = 3
"""Cells beside a square picture: those of the cursor, and the gap to the next one."""
_LEAST_NAME_CELLS: Final = 12
_MODEL_CELLS: Final = 22
_VERDICT_CELLS: Final = len("- rejected ")
_PROMPT_CHARS: Final = 4_000


class Tiles(NamedTuple):
    """A layout: all tiles have one size, in cells."""

    columns: int
    width: int
    height: int

    @property
    def picture(self) -> tuple[int, int]:
        """Return the most columns and rows a picture may have; no rows if results are lines."""
        return self.width - 2, max(0, self.height - CAPTION_ROWS)


def tiles_for(width: int, height: int, cell: tuple[int, int], *, has_pictures: bool) -> Tiles:
    """Return the layout for a screen in cells, which are `cell` pixels: as many tiles of square pictures as fit."""
    rows = height // _LEAST_ROWS
    if not has_pictures or not rows:
        return Tiles(1, max(1, width), 1)
    square = round((_LEAST_ROWS - CAPTION_ROWS) * cell[1] / cell[0])
    columns = max(1, width // (square + _AROUND))
    return Tiles(columns, width // columns, height // rows)


class Names:
    """Names the visible tasks by what tells them apart."""

    def __init__(self, tasks: Iterable[Task], width: int) -> None:
        """Take the visible and nearby tasks, and the number of cells for a name."""
        tasks = list(tasks)
        self._shared: Mapping[int, int] = shared_of(tasks, width)
        self._labels = Counter(task.label for task in tasks if task.label)

    def of(self, task: Task, width: int) -> Cell:
        """Return the label if no other task has it, else the part of the prompt that differs, else the ID."""
        if task.label and (self._labels[task.label] == 1 or not task.prompt):
            return [Span(task.label, "label")]
        if not task.prompt:
            return [Span(task.task_id, "muted")]
        start = self._shared.get(task.seq, 0)
        prompt = inert_line(task.prompt[: min(_PROMPT_CHARS, start + 4 * width + 80)])
        return [Span(*piece) for piece in prompt_pieces(prompt, start, width)]


def caption(result: Result, card: TaskCard | None, names: Names, width: int) -> list[Cell]:
    """Return the two lines under a picture."""
    number = f"{result.number:,}"
    if card is None:
        return [[Span(number, "muted")], []]
    first = [Span(number, "muted"), Span(" "), *names.of(card.task, width - len(number) - 1)]
    of_several = [Span(f"{result.n}/{len(card.urls)} ", "muted")] if len(card.urls) > 1 else []
    return [first, [*_verdict(result), *of_several, Span(card.task.model or NONE, "muted")]]


def line(result: Result, card: TaskCard | None, names: Names, width: int, total: int) -> Cell:
    """Return a result in one line; `total` is the largest number, for alignment."""
    number = Span(f"{result.number:>{len(f'{total:,}')},} ", "muted")
    if card is None:
        return [number]
    verdict = fitted(_verdict(result), _VERDICT_CELLS)
    room = max(_LEAST_NAME_CELLS, width - _VERDICT_CELLS - _MODEL_CELLS - len(number.text) - 2)
    of_several = f"{result.n}/{len(card.urls)} " if len(card.urls) > 1 else ""
    name = [Span(of_several, "muted"), *names.of(card.task, room - len(of_several))]
    return [number, *verdict, *fitted(name, room), Span("  "), Span(card.task.model or NONE, "muted")]


def _verdict(result: Result) -> Cell:
    if result.verdict is None:
        return []
    style = "picked" if result.verdict is Verdict.PICKED else "muted"
    return [Span(f"{SIGNS[result.verdict]} {result.verdict.value}", style), Span(" ")]


def why_no_picture(refused: Refused | None, renew_key: str, width: int, rows: int) -> list[str]:
    """Return the text in place of a picture, in lines of `width` cells; `refused` is None while it is loading."""
    if refused is None:
        texts = ["loading…"]
    elif refused.is_expired:
        texts = ["expired", *([f"{renew_key} asks again"] if renew_key else [])]
    else:
        texts = [refused.why]
    lines = [line for text in texts for line in wrap(text, max(1, width - 2))][:rows]
    above = [""] * ((rows - len(lines)) // 2)
    return [each.center(width) for each in [*above, *lines, *[""] * rows][:rows]]
