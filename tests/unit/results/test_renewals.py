"""Dead links: the record is asked for once more, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.bodies import Body, success_body
from tests.store_lists import NOW, replied
from tests.unit.results.fakes import QuickClock

from taskdash.domain.record import Answer, apply_answer
from taskdash.domain.task import ProblemKind
from taskdash.results.wanted import LONGEST_WAIT_S, Renewals, Wanted, wanted_of
from taskdash.store.store import Store, StoreThread

TASK = "task_a_12345678"


def links(name: str, count: int = 2) -> list[str]:
    return [f"https://cdn.example.com/{name}-{n}.png" for n in range(1, count + 1)]


class Bench:
    """A list with one task whose links are dead, and who checks what is asked for."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.store.additions.add("p", [TASK], NOW)
        replied(self.store, success_body(TASK, links("old")))
        self.thread = StoreThread(path, "test-store")
        self.checks = 0
        self.next: Callable[[], object] = lambda: None

    @property
    def seq(self) -> int:
        return self.store.tasks.find("p", TASK).seq

    def wanted(self) -> list[Wanted]:
        return wanted_of(self.store, [self.seq])[0]

    def reply(self, body: Body) -> None:
        replied(self.store, body, now_ms=NOW + 5)

    def fail(self) -> None:
        task = self.store.tasks.find("p", TASK)
        self.store.checks.record([apply_answer(task, Answer(problem=ProblemKind.NOT_FOUND), NOW + 5)])

    async def watch(self) -> None:
        while True:
            if self.store.checks.asked("p", 1):
                self.checks += 1
                self.next()
            await asyncio.sleep(0.01)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "tasks.db")
    watching = asyncio.create_task(bench.watch())
    yield bench
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    bench.thread.close()
    bench.store.close()


async def test_all_results_of_a_task_get_their_fresh_links_by_one_check(bench: Bench) -> None:
    bench.next = lambda: bench.reply(success_body(TASK, links("new")))
    renewals = Renewals(bench.thread)
    first, second = bench.wanted()
    found = await asyncio.gather(renewals.renew(first), renewals.renew(second))
    assert [fresh and fresh.url for fresh, _ in found] == links("new")
    assert bench.checks == 1
    # One that failed meanwhile needs no check of its own.
    assert (await renewals.renew(second))[0] is not None
    assert bench.checks == 1


@pytest.mark.parametrize(
    ("act", "why_not"),
    [
        (lambda bench: bench.reply(success_body(TASK, links("old"))), "has no other one"),
        (
            lambda bench: bench.reply(success_body(TASK, links("old"), contentState="purged")),
            "the gateway has removed",
        ),
        (lambda bench: bench.reply(success_body(TASK, links("new", 1))), "has no other one"),
        (lambda bench: bench.fail(), "not found"),
    ],
)
async def test_a_record_without_a_fresh_link_says_so(
    bench: Bench, act: Callable[[Bench], object], why_not: str
) -> None:
    bench.next = lambda: act(bench)
    fresh, said = await Renewals(bench.thread).renew(bench.wanted()[1])
    assert fresh is None
    assert why_not in said


async def test_nobody_who_checks_costs_a_while_and_leaves_no_request(bench: Bench) -> None:
    clock = QuickClock(NOW)
    assert (await Renewals(bench.thread, clock=clock).renew(bench.wanted()[0]))[0] is None
    assert clock.at_ms - NOW == pytest.approx(1_000 * LONGEST_WAIT_S, abs=1_000)
    assert bench.store.tasks.find("p", TASK).asked_at_ms is None


async def test_where_nobody_can_check_nobody_is_asked(bench: Bench) -> None:
    async def no() -> bool:
        return False

    assert await Renewals(bench.thread, begin=no).renew(bench.wanted()[0]) == (None, "")
    assert bench.checks == 0
