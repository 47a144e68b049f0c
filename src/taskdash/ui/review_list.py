"""Holds what is reviewed: one entry a result, its verdict, and where one is among them; reads what of it is shown.

Pure but for what reads from the store that it is handed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from taskdash.domain.task import Task, Verdict
    from taskdash.store.saved import SavedFile
    from taskdash.store.store import Store, StoreThread
    from taskdash.ui.acts import Scope

Place = tuple[int, int]
"""The `seq` of a task and the number of one of its results, from 1."""


class Result(NamedTuple):
    """One result."""

    number: int
    """Among all that are reviewed, from 1: it stays the same whichever of them are shown."""
    seq: int
    n: int
    """Which of its task's results, from 1."""
    verdict: Verdict | None = None

    @property
    def place(self) -> Place:
        return self.seq, self.n


class Showing(StrEnum):
    """Names which results are shown, in the order in which a key goes through them."""

    ALL = "all"
    UNDECIDED = "undecided"
    PICKED = "picked"
    REJECTED = "rejected"

    def has(self, verdict: Verdict | None) -> bool:
        return self is Showing.ALL or self.value == (verdict.value if verdict else Showing.UNDECIDED.value)


class TaskCard(NamedTuple):
    """Holds what is said of a task's results."""

    task: Task
    urls: Sequence[str]
    saved: Mapping[int, SavedFile]
    """Those that are saved and still there, by their numbers."""

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
    """Read what is said of tasks, by `seq`; what was taken off the list meanwhile is left out.

    The store does not wait for a network's disk to say whether files are there.
    """

    def read(opened: Store) -> list[TaskCard]:
        files = opened.saved.of(seqs)
        return [TaskCard(task, urls, files.get(task.seq, {})) for task, urls in opened.tasks.links(seqs)]

    def without_gone(cards: Sequence[TaskCard]) -> dict[int, TaskCard]:
        return {
            task.seq: TaskCard(task, urls, {n: file for n, file in saved.items() if file.is_there()})
            for task, urls, saved in cards
        }

    return await asyncio.to_thread(without_gone, await store.run(read))


def seqs_of(results: Iterable[Result]) -> list[int]:
    """Return the tasks of results, each once, in their order."""
    return list(dict.fromkeys(result.seq for result in results))


class ReviewList:
    """The results, those of them that are shown, the cursor and the marks."""

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
        return self.marked_results or [each for each in [self.at_cursor] if each]

    @property
    def counts(self) -> Counter[Verdict | None]:
        return Counter(each.verdict for each in self.results)

    def follow(self, results: Sequence[Result]) -> None:
        """Take over what was read anew: the cursor stays on its result, or on its line where that is gone."""
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
        """Move to the next result without a verdict, or for -1 the one before, round the end; False: there is none."""
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
