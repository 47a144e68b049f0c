"""What the dashboard says when tasks finish: once, whoever else looks at the list, and a batch as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from tests.bodies import Body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    PROFILE,
    FrozenClock,
    add,
    answer,
    answer_all,
    configure,
    context_on,
    driven,
    uuid,
)

from taskdash.domain.batches import Way
from taskdash.results.own_commands import FinishCommand
from taskdash.store.store import Store
from taskdash.ui import background
from taskdash.ui.context import Context

LATER_MS = NOW_MS + 2_000
"""When the ends are learned: after the dashboard was opened."""


class FakeCommand:
    """Counts how often it is woken."""

    running = 0

    def __init__(self) -> None:
        self.wakes = 0
        self.trouble: Callable[[str], None] = lambda _: None

    def listen(self, on_trouble: Callable[[str], None]) -> None:
        self.trouble = on_trouble

    def wake(self) -> None:
        self.wakes += 1

    def close(self, grace_s: float = 0.0) -> None:
        pass


@pytest.fixture
def second(store_path: Path, clock: FrozenClock) -> Iterator[Context]:
    """Another dashboard on the same list."""
    desk = context_on(store_path, clock)
    yield desk
    desk.close()


def begin(store: Store, count: int, label: str | None = None, first: int = 0) -> list[str]:
    """Tasks that were seen waiting."""
    ids = [uuid(n) for n in range(first, first + count)]
    add(store, *ids, label=label)
    answer_all(store, {each: waiting_body(each) for each in ids})
    return ids


def ended(task_id: str) -> Body:
    """Ended a second after the dashboard was opened."""
    return success_body(task_id, completeTime=NOW_MS + 1_000)


async def test_of_two_dashboards_one_tells_and_a_later_one_does_not(
    desk: Context, second: Context, other: Store
) -> None:
    ids = begin(other, 2)
    async with driven(desk, total=2) as one, driven(second, total=2) as two:
        answer(other, ids[0], ended(ids[0]), now_ms=LATER_MS)
        await one.until(lambda: bool(one.said or two.said), "one of them tells")
        answer(other, ids[1], ended(ids[1]), now_ms=LATER_MS)
        await one.until(lambda: len(one.said + two.said) == 2, "one of them tells of the other")
        await asyncio.gather(one.until_shown("✓ success", times=2), two.until_shown("✓ success", times=2))
        assert len(one.said + two.said) == 2


async def test_what_ends_within_a_moment_is_told_together(
    desk: Context, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "TELL_EVERY_S", 0.6)
    ids = begin(other, 6)
    async with driven(desk, total=6) as dash:
        for number, each in enumerate(ids, 1):
            answer(other, each, ended(each), now_ms=LATER_MS)
            await dash.until_tab(f"Success {number}")
        await dash.until_said("tasks finished")
        assert len(dash.said) <= 3


async def test_the_last_of_the_marked_brings_one_message_for_all(desk: Context, other: Store) -> None:
    ids = begin(other, 3)
    async with driven(desk, total=3) as dash:
        await dash.press("space", "space")
        await dash.until(lambda: len(dash.table.marked) == 2, "two marked")
        answer(other, ids[0], ended(ids[0]), now_ms=LATER_MS)
        await dash.until_said("✓ success")
        answer(other, ids[1], ended(ids[1]), now_ms=LATER_MS)
        await dash.until_said("All 2 marked tasks finished: 2 succeeded")
        answer(other, ids[2], ended(ids[2]), now_ms=LATER_MS)
        await dash.until_said_times(3)
        assert sum("marked" in text for text in dash.said) == 1


@pytest.mark.parametrize("has_command", [True, False])
async def test_the_users_command_is_woken_and_what_fails_about_it_is_shown(
    desk: Context, other: Store, has_command: bool
) -> None:
    command = FakeCommand()
    desk.on_finish = cast("FinishCommand", command) if has_command else None
    ids = begin(other, 1)
    async with driven(desk, total=1) as dash:
        answer(other, ids[0], ended(ids[0]), now_ms=LATER_MS)
        await dash.until_said("✓ success")
        if has_command:
            await dash.until(lambda: command.wakes > 0, "the command is woken")
            await asyncio.to_thread(command.trouble, "on_finish: [b]x was not found")
            await dash.until_shown("on_finish: [b]x was not found")
    # Without a command none is kept for later.
    assert other.news.is_any(PROFILE, Way.COMMAND) is has_command


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_bell_rings_once_for_a_message_if_wanted(
    desk: Context, other: Store, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    configure(desk, bell=wanted)
    ids = begin(other, 2)
    rings: list[int] = []
    async with driven(desk, total=2) as dash:
        monkeypatch.setattr(dash.app, "bell", lambda: rings.append(1))
        answer_all(other, {each: ended(each) for each in ids}, now_ms=LATER_MS)
        await dash.until_said_times(2)
    assert len(rings) == wanted
