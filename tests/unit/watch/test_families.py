"""The watcher where a task's record may be under several paths."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.fake_clock import World, problem

from taskdash.domain.gateways import Limits
from taskdash.domain.task import ProblemKind, State

PATHS = ("/first", "/second", "/third")


@pytest.fixture(autouse=True)
def three_paths(world: World) -> None:
    world.policy = replace(world.policy, record_paths=PATHS)


async def test_every_path_counts_in_the_budget_and_a_dead_id_costs_no_more_than_with_one(
    world: World,
) -> None:
    world.policy = replace(world.policy, limits=Limits(2, 20), share=1.0)
    world.add(*(f"task_{n}" for n in range(30)))
    async with world.watching():
        await world.clock.run_for(300)
    assert world.gateway.most_within(0.99) <= 2
    assert world.gateway.most_within(59.9) <= 20


async def test_an_id_that_none_knows_is_said_to_be_not_found_after_one_round(world: World) -> None:
    world.add("task_a")
    async with world.watching():
        await world.clock.run_for(1.5)
        assert world.mine.tasks.find("p", "task_a").problem is None
        await world.clock.run_for(3)
        found = world.mine.tasks.find("p", "task_a")
        assert found.problem is not None
        assert (found.problem.kind, found.checks) == (ProblemKind.NOT_FOUND, 3)
        # Then one path with each check, as far apart as with one path.
        await world.clock.run_for(400)
    alone = World(world.path.parent / "alone")
    alone.add("task_a")
    async with alone.watching():
        await alone.clock.run_for(400)
    alone.mine.close()
    assert world.gateway.count() <= alone.gateway.count() + 3


async def test_an_outage_says_nothing_of_a_path(world: World) -> None:
    world.gateway.override = lambda _: problem(ProblemKind.UNREACHABLE)
    world.add("task_a", ends_in_s=0)
    async with world.watching():
        await world.clock.run_for(20)
        assert set(world.gateway.paths) == {"/first"}
        world.gateway.override = None
        world.gateway.known_under["task_a"] = "/second"
        await world.clock.run_for(200)
    assert world.mine.tasks.find("p", "task_a").record_path == "/second"


@pytest.mark.parametrize("kind", [ProblemKind.UNAUTHORIZED, ProblemKind.SERVER_ERROR, ProblemKind.UNREADABLE])
async def test_a_path_that_is_not_for_this_key_holds_nothing_up(world: World, kind: ProblemKind) -> None:
    names = [f"task_{n}" for n in range(6)]
    world.gateway.known_under = dict.fromkeys(names, "/third")
    world.gateway.fails = {"/second": problem(kind)}
    world.add(*names, ends_in_s=0)
    async with world.watching() as watcher:
        await world.clock.run_for(10)
        assert [world.state(name) for name in names] == [State.SUCCESS] * 6
        assert watcher.status.problem is None
