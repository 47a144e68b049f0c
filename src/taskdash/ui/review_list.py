"""Keeps the results under review, with verdicts, cursor and marks, and lays them out as tiles or as lines.

Pure, except for the functions that take a store.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from enum import StrEnum
from textwrap import wrap
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import Verdict
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NONE
from taskdash.ui.text.columns import Span, fitted
from taskdash.ui.text.prompts import prompt_pieces, shared_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from taskdash.domain.task import Task
    from taskdash.results.links import Refused
    from taskdash.store.saved import SavedFile
    from taskdash.store.store import Store, StoreThread
    from taskdash.ui.acts import Scope
    from taskdash.ui.text.columns import Cell

Place = tuple[int, int]
"""The `seq` of a task and the number of one of its results, from 1."""
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


class Result(NamedTuple):
    """Names a result under review, with its verdict."""

    number: int
    """Its number among all results under review, from 1, whichever of them are shown."""
    seq: int
    n: int
    """Its number among its task's results, from 1."""
    verdict: Verdict | None = None

    @property
    def place(self) -> Place:
        return self.seq, self.n


class Showing(StrEnum):
    """Chooses the results to show; a key cycles through the choices in this order."""

    ALL = "all"
    UNDECIDED = "undecided"
    PICKED = "picked"
    REJECTED = "rejected"

    def has(self, verdict: Verdict | None) -> bool:
        return self is Showing.ALL or self.value == (verdict.value if verdict else Showing.UNDECIDED.value)


class TaskCard(NamedTuple):
    """Carries a task with its result links and saved files."""

    task: Task
    urls: Sequence[str]
    saved: Mapping[int, SavedFile]
    """The saved files that still exist, by the result's number."""

    def path_of(self, n: int) -> str | None:
        return str(self.saved[n].path) if n in self.saved else None


def read_results(store: Store, scope: Scope, now_ms: int) -> list[Result]:
    """Read the results of a scope, in the order of the list."""
    query, marked = scope.asked
    counts = store.summaries.result_counts(query, now_ms, marked=marked)
    verdicts = store.verdicts.of([seq for seq, _ in counts])
    places = [(seq, n) for seq, count in counts for n in range(1, count + 1)]
    return [
        Result(number, *place, verdicts.get(place[0], {}).get(place[1]))
        for number, place in enumerate(places, 1)
    ]


async def read_cards(store: StoreThread, seqs: Sequence[int]) -> dict[int, TaskCard]:
    """Read the cards of tasks, by `seq`, without tasks that were removed from the list in the meantime.

    Files are looked for outside the store's thread, so that a network drive does not hold it up.
    """
    tasks, files = await store.run(lambda opened: (list(opened.tasks.links(seqs)), opened.saved.of(seqs)))

    def cards() -> dict[int, TaskCard]:
        return {
            task.seq: TaskCard(
                task, urls, {n: file for n, file in files.get(task.seq, {}).items() if file.is_there()}
            )
            for task, urls in tasks
        }

    return await asyncio.to_thread(cards)


def seqs_of(results: Iterable[Result]) -> list[int]:
    """Return the `seq` of the tasks of results, each once, in the same order."""
    return list(dict.fromkeys(result.seq for result in results))


class ReviewList:
    """Keeps the results under review, which of them are shown, the cursor and the marks."""

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = results
        self.showing = Showing.ALL
        self.shown = results
        self.cursor = 0
        """An index into `shown`."""
        self.marked: set[Place] = set()

    @property
    def at_cursor(self) -> Result | None:
        return self.shown[self.cursor] if self.cursor < len(self.shown) else None

    @property
    def marked_results(self) -> list[Result]:
        return [each for each in self.results if each.place in self.marked]

    @property
    def chosen(self) -> list[Result]:
        """Return the marked results, else the one under the cursor."""
        return self.marked_results or ([self.at_cursor] if self.at_cursor else [])

    @property
    def counts(self) -> Counter[Verdict | None]:
        return Counter(each.verdict for each in self.results)

    def follow(self, results: Sequence[Result]) -> None:
        """Replace the results; the cursor stays on its result, or on its line if that is gone."""
        self.results = results
        self.marked &= {each.place for each in results} if self.marked else set()
        self._select()

    def judge(self, verdicts: Iterable[tuple[int, int, Verdict | None]]) -> None:
        given = {(seq, n): verdict for seq, n, verdict in verdicts}
        self.follow([Result(*each[:3], given.get(each.place, each.verdict)) for each in self.results])

    def show_next(self) -> None:
        kinds = list(Showing)
        self.show(kinds[(kinds.index(self.showing) + 1) % len(kinds)])

    def show(self, showing: Showing) -> None:
        self.showing = showing
        self._select()

    def move_to(self, index: int) -> None:
        self.cursor = max(0, min(index, len(self.shown) - 1))

    def go_to_undecided(self, steps: int) -> bool:
        """Move to the next result without a verdict (for -1 the previous), wrapping around; return False if none."""
        count = len(self.shown)
        for distance in range(1, count + 1):
            index = (self.cursor + steps * distance) % count
            if self.shown[index].verdict is None:
                self.cursor = index
                return True
        return False

    def _select(self) -> None:
        before = self.at_cursor
        self.shown = [each for each in self.results if self.showing.has(each.verdict)]
        if before is not None:
            same = (index for index, each in enumerate(self.shown) if each.place == before.place)
            self.cursor = next(same, self.cursor)
        self.move_to(self.cursor)


# Tiles and lines


class Tiles(NamedTuple):
    """Divides the screen into tiles of one size, in cells."""

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


def caption_of(result: Result, card: TaskCard | None, names: Names, width: int) -> list[Cell]:
    """Return the two lines under a picture."""
    number = f"{result.number:,}"
    if card is None:
        return [[Span(number, "muted")], []]
    first = [Span(number, "muted"), Span(" "), *names.of(card.task, width - len(number) - 1)]
    of_several = [Span(f"{result.n}/{len(card.urls)} ", "muted")] if len(card.urls) > 1 else []
    return [first, [*_verdict(result), *of_several, Span(card.task.model or NONE, "muted")]]


def line_of(result: Result, card: TaskCard | None, names: Names, width: int, total: int) -> Cell:
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
