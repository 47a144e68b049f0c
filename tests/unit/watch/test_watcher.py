"""The watcher in virtual time: what it sends, when, and what it survives."""

from __future__ import annotations

import asyncio
import math
import os
from dataclasses import replace

import pytest
from tests.fake_clock import World, problem, throttled

from taskdash.domain.errors import StoreError
from taskdash.domain.gateways import TIERS, Limits
from taskdash.domain.query import Query
from taskdash.domain.record import Answer
from taskdash.domain.task import ProblemKind, State
from taskdash.store.checks import Process, Viewer
from taskdash.watch.thread import WatchStatus
from taskdash.watch.watcher import Watcher

SOAK_HOURS = float(os.environ.get("SOAK_HOURS", "0.2"))


def now(watcher: Watcher) -> WatchStatus:
    """What it says at this moment: a type checker believes an attribute to stay what it was."""
    return watcher.status


@pytest.fixture
def free(world: World) -> World:
    """The slowest tier: 1 check in a second and 30 in a minute, 6 of them kept."""
    world.policy = replace(world.policy, limits=TIERS["free"])
    return world


def assert_never_above(world: World, in_second: int, in_minute: int) -> None:
    assert world.gateway.most_within(1.0) <= in_second
    assert world.gateway.most_within(60.0) <= in_minute


async def test_an_added_task_is_checked_at_once_and_again_until_it_ends(world: World) -> None:
    async with world.watching():
        await world.clock.run_for(1)
        world.add("task_a", ends_in_s=33)
        await world.clock.run_for(1)
        assert world.gateway.count("task_a") == 1
        assert world.state("task_a") is State.WAITING
        await world.clock.run_for(60)
        assert world.state("task_a") is State.SUCCESS


async def test_a_finished_task_is_only_checked_once_more_when_somebody_asks(world: World) -> None:
    world.add("task_a", ends_in_s=0)
    async with world.watching():
        await world.clock.run_for(240)
        assert world.gateway.count("task_a") == 1
        world.ask("task_a")
        await world.clock.run_for(0.5)
        assert world.gateway.count("task_a") == 2
        await world.clock.run_for(240)
    assert world.gateway.count("task_a") == 2


async def test_what_another_process_asks_for_is_sent_within_a_quarter_of_a_second(world: World) -> None:
    world.add("task_a", ends_in_s=1e6)
    async with world.watching():
        await world.clock.run_for(240)
        asked_at_s = world.clock.s
        world.ask("task_a")
        await world.clock.run_for(1)
    assert min(at_s for at_s, _ in world.gateway.arrivals if at_s > asked_at_s) < asked_at_s + 0.25 + 0.2


async def test_a_request_made_while_a_check_is_under_way_is_served_by_another_check(world: World) -> None:
    world.gateway.latency_s = 4.0
    world.add("task_a", ends_in_s=1e6)
    async with world.watching():
        await world.clock.run_for(3)
        assert world.gateway.count() == 1
        world.ask("task_a")
        await world.clock.run_for(4)
        assert world.gateway.count() == 2
        assert world.mine.tasks.find("p", "task_a").asked_at_ms is not None
        await world.clock.run_for(4)
        assert world.mine.tasks.find("p", "task_a").asked_at_ms is None


async def test_neither_window_is_ever_exceeded_by_thousands_of_tasks(world: World) -> None:
    world.policy, world.gateway.latency_s = replace(world.policy, limits=Limits(8, 200)), 0.7
    world.add(*(f"task_{n}" for n in range(3000)))
    async with world.watching():
        await world.clock.run_for(160)
    assert_never_above(world, 4, 100)
    assert world.gateway.count() >= 2 * 100


async def test_a_restart_does_not_spend_the_minute_twice(free: World) -> None:
    free.add(*(f"task_{n}" for n in range(300)))
    for _ in range(6):
        async with free.watching():
            await free.clock.run_for(17)
    assert_never_above(free, 1, 30)


@pytest.mark.parametrize("jump_ms", [-86_400_000, 86_400_000])
async def test_a_jump_of_the_wall_clock_makes_no_burst_and_loses_no_task(free: World, jump_ms: int) -> None:
    free.add(*(f"task_{n}" for n in range(100)))
    free.add("task_late", ends_in_s=150)
    async with free.watching():
        await free.clock.run_for(90)
        free.clock.wall_ahead_ms += jump_ms
        await free.clock.run_for(90)
        free.ask("task_late")
        await free.clock.run_for(10)
        assert free.state("task_late") is State.SUCCESS
        asked = free.gateway.count("task_late")
        await free.clock.run_for(120)
    assert_never_above(free, 1, 30)
    assert free.gateway.count("task_late") == asked


@pytest.mark.parametrize("kind", [ProblemKind.UNAUTHORIZED, ProblemKind.UNREACHABLE])
async def test_who_asks_right_after_the_clock_was_set_back_asks_after_the_failure(
    world: World, kind: ProblemKind
) -> None:
    world.add("task_a")
    world.gateway.override = lambda _: problem(kind)
    async with world.watching():
        await world.clock.run_for(300)
        failed = world.gateway.count()
        world.clock.wall_ahead_ms -= 3_600_000
        world.ask("task_a")
        await world.clock.run_for(2)
        assert world.gateway.count() == failed + 1


async def test_a_wall_clock_set_back_while_nobody_watches_freezes_no_task(world: World) -> None:
    world.add("task_a", ends_in_s=40)
    async with world.watching():
        await world.clock.run_for(20)
    world.clock.wall_ahead_ms -= 3 * 3_600_000
    async with world.watching():
        await world.clock.run_for(120)
    assert world.state("task_a") is State.SUCCESS


async def test_a_process_that_stood_still_for_an_hour_sends_no_burst(free: World) -> None:
    free.add(*(f"task_{n}" for n in range(200)))
    async with free.watching():
        await free.clock.run_for(70)
        free.clock.stall(3600)
        await free.clock.run_for(120)
    assert_never_above(free, 1, 30)


async def test_a_429_silences_everything_until_its_time_is_over_even_what_is_asked(world: World) -> None:
    world.add("task_a", "task_b")
    world.gateway.override = lambda _: throttled(17)
    async with world.watching() as watcher:
        await world.clock.run_for(1)
        world.gateway.override = None
        last_s = world.gateway.arrivals[-1][0]
        world.ask("task_b")
        await world.clock.run_for(2)
        assert now(watcher).problem is ProblemKind.RATE_LIMITED
        assert now(watcher).held_until_ms is not None
        await world.clock.run_for(60)
        assert now(watcher).problem is None
    assert next(at_s for at_s, _ in world.gateway.arrivals if at_s > last_s) >= last_s + 17


async def test_the_silence_of_a_429_survives_a_restart_and_a_wall_clock_set_on(world: World) -> None:
    world.add("task_a")
    world.gateway.override = lambda _: throttled(600)
    async with world.watching():
        await world.clock.run_for(1)
    world.clock.wall_ahead_ms += 86_400_000
    async with world.watching():
        await world.clock.run_for(300)
    assert world.gateway.count() == 1


async def test_a_storm_of_429_is_answered_by_single_checks(world: World) -> None:
    world.add(*(f"task_{n}" for n in range(500)))
    world.gateway.override = lambda _: throttled(2)
    async with world.watching():
        await world.clock.run_for(1)
        first = world.gateway.count()
        world.gateway.most_under_way = 0
        await world.clock.run_for(60)
    assert first <= 10
    assert world.gateway.most_under_way == 1
    assert world.gateway.count() - first <= 60 / 2


@pytest.mark.parametrize(
    ("limit", "tier", "told"),
    [
        (120, "gold", "The server allows 120 checks a minute, 2 a second: set both in the config."),
        (1000, "basic", 'The server allows 1,000 checks a minute, 20 a second: set tier = "basic".'),
    ],
)
async def test_the_limits_of_a_429_are_used_and_told_and_remembered(
    free: World, limit: int, tier: str, told: str
) -> None:
    free.add(*(f"task_{n}" for n in range(2000)))
    free.gateway.override = lambda _: throttled(1, limit=limit, tier=tier, window_s=60)
    async with free.watching() as watcher:
        await free.clock.run_for(0.5)
        free.gateway.override = None
        await free.clock.run_for(5)
        assert (now(watcher).per_minute, now(watcher).tier, now(watcher).learned) == (limit / 2, tier, told)
    async with free.watching() as watcher:
        await free.clock.run_for(1)
        assert now(watcher).per_minute == limit / 2
    changed = replace(free.policy, tier="pro", limits=TIERS["pro"])
    async with free.watching(free.watcher(policy=changed)) as watcher:
        await free.clock.run_for(1)
        assert now(watcher).per_minute == 3000  # whoever sets a tier wants it to count


async def test_limits_written_in_the_profile_are_only_ever_lowered(world: World) -> None:
    written = Limits(10, 300)
    policy = replace(world.policy, limits=written, written=written, tier=None)
    world.add("task_a")
    world.gateway.override = lambda _: throttled(1, limit=1000, tier="basic", window_s=60)
    async with world.watching(world.watcher(policy=policy)) as watcher:
        await world.clock.run_for(1)
        assert (now(watcher).per_second, now(watcher).per_minute) == (5, 150)
        world.gateway.override = lambda _: throttled(1, limit=100, window_s=60)
        await world.clock.run_for(5)
        assert now(watcher).per_minute == 50


@pytest.mark.parametrize("kind", [ProblemKind.UNREACHABLE, ProblemKind.SERVER_ERROR])
async def test_an_outage_is_probed_by_one_check_and_ends_with_the_first_good_answer(
    world: World, kind: ProblemKind
) -> None:
    for n in range(12):
        world.add(f"task_{n}", ends_in_s=2000)
    async with world.watching() as watcher:
        await world.clock.run_for(60)
        world.gateway.override = lambda _: problem(kind)
        await world.clock.run_for(30)
        assert now(watcher).problem is kind
        before, world.gateway.most_under_way = world.gateway.count(), 0
        await world.clock.run_for(300)
        assert world.gateway.count() - before <= 300 / 45 + 5
        assert world.gateway.most_under_way == 1
        world.gateway.override = None
        await world.clock.run_for(80)
        assert now(watcher).problem is None
        assert world.gateway.most_under_way > 1
    assert world.gateway.most_within(1.0) <= 10


async def test_a_refused_key_stops_all_but_a_try_now_and_then_and_one_for_who_asks(world: World) -> None:
    world.add(*(f"task_{n}" for n in range(50)))
    world.gateway.override = lambda _: problem(ProblemKind.UNAUTHORIZED)
    async with world.watching() as watcher:
        await world.clock.run_for(10)
        refused = world.gateway.count()
        assert refused <= 12
        assert now(watcher).problem is ProblemKind.UNAUTHORIZED
        retry_ms = now(watcher).held_until_ms
        assert retry_ms is not None
        assert 289_000 <= retry_ms - world.clock.now_ms() <= 300_000
        world.ask(*(f"task_{n}" for n in range(20)))
        await world.clock.run_for(200)
        assert world.gateway.count() == refused + 1
        await world.clock.run_for(1_200)
        # After 5 and 15 minutes.
        assert world.gateway.count() == refused + 3
        refused = world.gateway.count()
        world.gateway.override = None
        world.ask("task_0")
        # What waited for a good key is checked as soon as it is good: forty are left, at ten a second.
        await world.clock.run_for(6)
        assert world.gateway.count() >= refused + 40
        await world.clock.run_for(54)
        assert now(watcher).problem is None
    assert world.gateway.count() >= refused + 50


async def test_a_task_of_another_key_keeps_no_other_from_being_checked(world: World) -> None:
    foreign, refuse = "task_foreign", problem(ProblemKind.UNAUTHORIZED)
    world.add(foreign)
    world.gateway.override = lambda task_id: refuse if task_id == foreign else None
    async with world.watching() as watcher:
        await world.clock.run_for(60)
        assert now(watcher).problem is ProblemKind.UNAUTHORIZED
        assert world.gateway.count() == 2
        world.add("task_late", ends_in_s=20)
        await world.clock.run_for(2)
        assert world.state("task_late") is State.WAITING
        assert now(watcher).problem is None
        await world.clock.run_for(60)
        assert world.state("task_late") is State.SUCCESS


async def test_a_new_process_tries_a_refused_key_once(world: World) -> None:
    world.add(*(f"task_{n}" for n in range(50)))
    world.gateway.override = lambda _: problem(ProblemKind.UNAUTHORIZED)
    async with world.watching():
        await world.clock.run_for(60)
    refused = world.gateway.count()
    async with world.watching():
        await world.clock.run_for(60)
    assert world.gateway.count() == refused + 1


async def test_what_is_asked_for_goes_before_a_crowd_of_new_ids(free: World) -> None:
    free.add("task_asked")
    free.add(*(f"task_{n}" for n in range(1000)))
    async with free.watching():
        await free.clock.run_for(100)
        assert free.gateway.count("task_asked") == 0
        before = free.gateway.count()
        free.ask("task_asked")
        await free.clock.run_for(40)
    assert free.gateway.arrivals[before][1] == "task_asked"


async def test_5000_pasted_old_ids_do_not_starve_the_few_that_run(free: World) -> None:
    running = [f"task_run_{n}" for n in range(3)]
    old = [f"task_old_{n}" for n in range(5000)]
    for task_id in old:
        free.gateway.add(task_id, ends_at_s=free.clock.s, age_s=32)
    free.add(*running, ends_in_s=200)
    async with free.watching() as watcher:
        await free.clock.run_for(15)
        free.add(*old)
        await free.clock.run_for(2)
        assert now(watcher).new >= 4990
        assert now(watcher).over_budget
        await free.clock.run_for(283)
        checks = free.gateway.counts()
        assert all(free.state(task_id) is State.SUCCESS for task_id in running)
        assert sum(task_id in checks for task_id in old) >= 80
        assert max(checks[task_id] for task_id in old) == 1


async def test_old_tasks_that_are_all_overdue_do_not_hide_a_young_one(free: World) -> None:
    old = [f"task_old_{n}" for n in range(400)]
    free.add(*old, ends_in_s=1e7)
    now_ms = free.clock.now_ms()
    with free.mine.writing() as connection:
        connection.execute(
            "UPDATE tasks SET state = 1, raw_state = 'waiting', checks = 9, model = 'gpt-image-2', "
            "create_time_ms = ?, added_at_ms = ?, checked_at_ms = ?, next_check_at_ms = ?",
            (now_ms - 9 * 3_600_000, now_ms - 9 * 3_600_000, now_ms - 1_500_000, now_ms - 60_000),
        )
    async with free.watching():
        await free.clock.run_for(30)
        free.add("task_young", ends_in_s=40)
        await free.clock.run_for(100)
        assert free.state("task_young") is State.SUCCESS


async def test_paused_sends_what_is_asked_for_only(world: World) -> None:
    world.gateway.add("task_a", ends_at_s=world.clock.s + 1e6)
    world.add("task_a", "task_b")
    async with world.watching() as watcher:
        watcher.pause(True)
        await world.clock.run_for(120)
        assert (now(watcher).paused, world.gateway.count()) == (True, 0)
        world.ask("task_b")
        await world.clock.run_for(120)
        assert world.gateway.counts() == {"task_b": 1}
        watcher.pause(False)
        await world.clock.run_for(10)
        assert world.gateway.count("task_a") >= 1


async def test_the_pause_of_another_dashboard_is_obeyed_as_long_as_it_lives(world: World) -> None:
    gone = Process(2**22 + 1, "1")  # beyond the largest process number of Linux
    world.mine.gateways.view("p", Viewer(gone, paused=True, follows=True))
    parent = Process(os.getppid(), "")
    world.mine.gateways.view("p", Viewer(parent, paused=True, follows=True))
    world.add("task_a")
    async with world.watching() as watcher:
        await world.clock.run_for(60)
        assert (now(watcher).paused, world.gateway.count()) == (True, 0)
        world.mine.gateways.leave("p", [parent])
        await world.clock.run_for(1)
        assert not now(watcher).paused
        assert world.gateway.count() >= 1
        assert [each.process.pid for each in world.mine.gateways.viewers("p")] == [os.getpid()]


async def test_a_watcher_for_requests_only_sends_nothing_else(world: World) -> None:
    world.add("task_a", "task_b")
    watcher = world.watcher(policy=replace(world.policy, scheduled=False))
    async with world.watching(watcher):
        await world.clock.run_for(60)
        world.ask("task_b")
        await world.clock.run_for(120)
    assert world.gateway.counts() == {"task_b": 1}


async def test_a_watcher_for_requests_only_sends_what_a_dashboard_that_follows_would_send(
    world: World,
) -> None:
    dashboard = Process(os.getppid(), "")
    world.mine.gateways.view("p", Viewer(dashboard, paused=False, follows=True))
    world.add("task_a", ends_in_s=1e6)
    async with world.watching(world.watcher(policy=replace(world.policy, scheduled=False))) as watcher:
        await world.clock.run_for(60)
        assert now(watcher).leading
        sent = world.gateway.count("task_a")
        assert sent > 1
        world.mine.gateways.leave("p", [dashboard])
        await world.clock.run_for(240)
    assert world.gateway.count("task_a") <= sent + 1


async def test_a_watcher_for_requests_only_offers_the_lease_to_a_dashboard_with_another_key_and_keeps_it_if_unwanted(
    world: World,
) -> None:
    rival = Viewer(Process(os.getppid(), ""), paused=False, follows=False, rivals=True)
    world.mine.gateways.view("p", rival)
    world.add("task_a")
    async with world.watching(world.watcher(policy=replace(world.policy, scheduled=False))) as watcher:
        world.ask("task_a")
        await world.clock.run_for(1)
        assert (now(watcher).leading, world.gateway.count()) == (False, 0)
        await world.clock.run_for(10, until=lambda: now(watcher).leading)
        await world.clock.run_for(2)
    assert world.gateway.count() == 1


async def test_without_a_key_it_follows_and_leaves_the_lease_alone(world: World) -> None:
    world.add("task_a")
    async with world.watching(world.watcher(has_key=False)) as watcher:
        await world.clock.run_for(60)
        assert (now(watcher).leading, now(watcher).has_key, now(watcher).due) == (False, False, 1)
        assert not world.mine.gateways.viewers("p")[0].follows
    assert world.gateway.count() == 0


async def test_a_follower_soon_tells_what_has_changed(world: World) -> None:
    world.add("task_a")
    async with world.watching(world.watcher(has_key=False)) as watcher:
        await world.clock.run_for(2)
        assert now(watcher).due == 1
        world.add("task_b")
        await world.clock.run_for(1.5)
        assert now(watcher).due == 2


async def test_a_store_that_fails_stops_the_checks_and_not_the_watcher(world: World) -> None:
    world.add("task_a", ends_in_s=1e6)
    async with world.watching() as watcher:
        await world.clock.run_for(30)
        world.store.fail_with = StoreError("the disk is full")
        world.ask("task_a")
        before, world.store.calls = world.gateway.count(), 0
        await world.clock.run_for(300)
        assert now(watcher).store_problem == "the disk is full"
        assert world.gateway.count() == before
        assert world.store.calls <= 300 / 4
        world.store.fail_with = None
        await world.clock.run_for(10)
        assert now(watcher).store_problem is None
        assert world.gateway.count() > before


async def test_nothing_is_sent_whose_reservation_could_not_be_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("the disk is full")

    world.add("task_a")
    watcher = world.watcher()
    monkeypatch.setattr(world.store.opened.gateways, "reserve", refuse)
    async with world.watching(watcher):
        await world.clock.run_for(60)
        assert now(watcher).store_problem == "the disk is full"
        assert world.gateway.count() == 0
        monkeypatch.undo()
        await world.clock.run_for(10)
    assert world.gateway.count() == 1


async def test_a_check_whose_reservation_took_long_is_not_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add("task_a")
    watcher = world.watcher()
    reserve = world.store.opened.gateways.reserve
    delays_s = [30.0, 30.0]
    reserved_at_s: list[float] = []

    def slow(*arguments: object) -> object:
        reserved = reserve(*arguments)  # type: ignore[arg-type] # handed on
        reserved_at_s.append(world.clock.s)
        world.clock.stall(delays_s.pop() if delays_s else 0.0)
        return reserved

    monkeypatch.setattr(world.store.opened.gateways, "reserve", slow)
    async with world.watching(watcher):
        await world.clock.run_for(200)
    assert world.gateway.arrivals[0][0] > reserved_at_s[2]


async def test_answers_that_could_not_be_written_are_kept_and_written_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("locked")

    world.add("task_a", ends_in_s=0)
    watcher = world.watcher()
    monkeypatch.setattr(world.store.opened.checks, "record", refuse)
    async with world.watching(watcher):
        await world.clock.run_for(60)
        monkeypatch.undo()
        await world.clock.run_for(10)
    assert world.gateway.count() == 1
    assert world.state("task_a") is State.SUCCESS


async def test_a_check_that_was_lost_is_sent_again_at_once_within_the_budget(world: World) -> None:
    lost = {"task_a", "task_b"}

    async def lose_the_first(task_id: str, path: str) -> Answer:
        answer = await world.gateway.fetch(task_id, path)
        if task_id in lost:
            lost.discard(task_id)
            return Answer(problem=ProblemKind.UNREACHABLE, message="hung up", is_lost=True)
        return answer

    world.policy = replace(world.policy, limits=Limits(1, 60), share=1.0)
    world.add("task_a", "task_b", ends_in_s=0)
    async with world.watching(world.watcher(fetch=lose_the_first)) as watcher:
        await world.clock.run_for(20, until=lambda: world.gateway.count() == 4)
        await world.clock.run_for(2)
        assert now(watcher).problem is None
    assert world.gateway.counts() == {"task_a": 2, "task_b": 2}
    assert world.gateway.most_within(0.99) == 1
    for task_id in ("task_a", "task_b"):
        task = world.mine.tasks.find("p", task_id)
        assert (task.state, task.checks, task.problem) == (State.SUCCESS, 1, None)


async def test_what_nobody_expected_ends_the_watcher_aloud(world: World) -> None:
    async def broken(_: str, __: str) -> Answer:
        raise KeyError("oops")

    world.add("task_a")
    watcher = world.watcher(fetch=broken)
    with pytest.raises(KeyError):
        async with world.watching(watcher):
            await world.clock.run_for(5)
    assert not now(watcher).leading
    assert world.store.is_closed


async def test_yielding_writes_down_what_arrived_and_drops_the_lease_until_resumed(world: World) -> None:
    world.add("task_a", ends_in_s=1e6)
    async with world.watching() as watcher:
        await world.clock.run_for(1)
        assert now(watcher).leading
        watcher.yield_lease(True)
        await world.clock.run_for(5, until=lambda: not now(watcher).leading)
        await watcher.stood_down()
        sent = world.gateway.count()
        await world.clock.run_for(120)
        assert world.gateway.count() == sent
        assert not world.mine.gateways.viewers("p")[0].follows
        watcher.yield_lease(False)
        await world.clock.run_for(5)
        assert now(watcher).leading


async def test_an_answer_older_than_another_process_has_recorded_is_dropped(world: World) -> None:
    world.gateway.latency_s = 10.0
    world.add("task_a", ends_in_s=7)
    async with world.watching():
        await world.clock.run_for(6)  # on its way back: "waiting"
        with world.mine.writing() as connection:
            connection.execute("UPDATE tasks SET state = 2, checks = checks + 1, next_check_at_ms = NULL")
        await world.clock.run_for(10)
    assert world.state("task_a") is State.SUCCESS


async def test_the_answer_of_a_task_removed_meanwhile_is_kept_with_it(world: World) -> None:
    world.gateway.latency_s = 4.0
    world.add("task_a", ends_in_s=0)
    async with world.watching():
        await world.clock.run_for(1)
        seq = world.mine.tasks.find("p", "task_a").seq
        removal = world.mine.edits.remove([seq], world.clock.now_ms())
        await world.clock.run_for(10)
        assert world.mine.tasks.rows(Query("p"), world.clock.now_ms()) == []
        assert world.mine.edits.restore(removal).back == 1
        assert world.state("task_a") is State.SUCCESS
        await world.clock.run_for(60)
    assert world.gateway.count() == 1


async def test_nothing_to_do_and_held_up_cost_a_glance_a_quarter_second(world: World) -> None:
    world.add("task_a", ends_in_s=0)
    async with world.watching():
        await world.clock.run_for(60)
        world.store.calls = 0
        await world.clock.run_for(100)
        assert world.store.calls <= 500 + 20
        world.gateway.override = lambda _: throttled(3000)
        world.add(*(f"task_{n}" for n in range(100)))
        await world.clock.run_for(5)
        world.store.calls = 0
        await world.clock.run_for(300)
        assert world.store.calls <= 1500 + 50


async def test_the_status_is_told_when_it_changes_and_not_otherwise(world: World) -> None:
    told: list[float] = []
    watcher = world.watcher(on_change=lambda: told.append(world.clock.s))
    world.gateway.override = lambda _: throttled(3000)
    world.add("task_a")
    async with world.watching(watcher):
        await world.clock.run_for(70)
        told.clear()
        await world.clock.run_for(300)
        assert told == []


async def test_a_follower_knows_the_budget_the_pause_and_the_problem(world: World) -> None:
    world.add("task_a", "task_b")
    async with world.watching() as leader:
        await world.clock.run_for(2)
        follower = world.watcher()
        running = asyncio.create_task(follower.run())
        await world.clock.run_for(1)
        assert not follower.status.leading
        assert follower.status.watcher_pid == os.getpid()
        assert (follower.status.used, follower.status.per_minute) == (leader.status.used, 500)
        await world.clock.run_for(61)
        assert follower.status.used == leader.status.used
        world.gateway.override = lambda _: throttled(500)
        world.ask("task_a")
        await world.clock.run_for(3)
        assert follower.status.problem is ProblemKind.RATE_LIMITED
        assert follower.status.held_until_ms == leader.status.held_until_ms
        follower.stop()
        await world.clock.run_for(5, until=running.done)


async def test_a_follower_takes_over_within_two_seconds(world: World) -> None:
    world.add("task_a", ends_in_s=1e6)
    first = world.watcher()
    running = asyncio.create_task(first.run())
    await world.clock.run_for(3)
    async with world.watching() as second:
        await world.clock.run_for(3)
        assert not now(second).leading
        first.stop()
        await world.clock.run_for(2, until=lambda: now(second).leading)
        assert now(second).leading
        assert running.done()


async def test_hours_of_work_keep_every_window_and_see_the_ends_soon(world: World) -> None:
    delays_s: list[float] = []
    per_hour = 120
    most: list[tuple[int, int]] = []
    async with world.watching():
        for part in range(math.ceil(SOAK_HOURS * per_hour / 24)):
            delays_s.clear()
            await _work(world, part, 24, delays_s)
            most.append((world.gateway.most_within(1.0), world.gateway.most_within(60.0)))
            world.gateway.arrivals.clear()
    assert max(in_second for in_second, _ in most) <= 10
    assert max(in_minute for _, in_minute in most) <= 500
    assert sum(delays_s) / len(delays_s) < 2.5
    assert world.mine.value("SELECT count(*) FROM sent") < 500


async def _work(world: World, part: int, tasks: int, delays_s: list[float]) -> None:
    """A new task every 30 s, each taking about half a minute."""
    for n in range(tasks):
        task_id = f"task_{part}_{n}"
        ends_at_s = world.clock.s + 32 * world.seed.lognormvariate(0, 0.4)
        world.gateway.add(task_id, ends_at_s=ends_at_s)
        world.add(task_id)
        await world.clock.run_for(30)
    await world.clock.run_for(200)
    for n in range(tasks):
        task = world.mine.tasks.find("p", f"task_{part}_{n}")
        assert task.state is State.SUCCESS
        assert task.finished_at_ms is not None
        ended_ms = 1000 * world.gateway.ends_at_s.pop(task.task_id) + world.clock.wall_ahead_ms
        del world.gateway.created_ms[task.task_id]
        delays_s.append((task.finished_at_ms - ended_ms) / 1000)
