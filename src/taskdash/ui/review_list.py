"""The results under review, their verdicts, the cursor and the marks, and how they are read from the store.

Pure, except for the functions that take a store.
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
    """A result under review."""

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
    """The choices of results to show, in the order in which a key cycles through them."""

    ALL = "all"
    UNDECIDED = "undecided"
    PICKED = "picked"
    REJECTED = "rejected"

    def has(self, verdict: Verdict | None) -> bool:
        return self is Showing.ALL or self.value == (verdict.value if verdict else Showing.UNDECIDED.value)


class TaskCard(NamedTuple):
    """A task with its result links and saved files."""

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
    """Return the `seq` of the tasks of results, each once, in the same order."""
    return list(dict.fromkeys(result.seq for result in results))


class ReviewList:
    """The results under review, the ones that are shown, the cursor and the marks."""

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
