"""An end is marked until somebody has looked at it, in whichever dashboard, and after a restart as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.servers import fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import PROFILE, Dash, FrozenClock, add, answer_all, context_on, driven, uuid

from taskdash.store.store import Store
from taskdash.ui.context import Context

MANY = [uuid(n) for n in range(6)]


def end(store: Store, *task_ids: str) -> None:
    """Have tasks that were seen to wait end: those with an odd number fail."""
    answer_all(store, {each: waiting_body(each) for each in task_ids})
    answer_all(
        store,
        {
            each: fail_body(each)
            if int(each[:8], 16) % 2
            else success_body(each, ["https://cdn.example/r.png"])
            for each in task_ids
        },
    )


def starred(dash: Dash) -> list[str]:
    """The IDs of the rows that have the sign."""
    rows = zip(dash.table_lines, dash.shown_ids, strict=False)
    return [task_id for line, task_id in rows if line[1] == "*"]


async def until_starred(dash: Dash, *task_ids: str) -> None:
    await dash.until(lambda: starred(dash) == [*task_ids], f"{task_ids} marked, {starred(dash)} are")


def unseen(store: Store) -> int:
    return store.news.unseen(PROFILE)


async def until_unseen(dash: Dash, store: Store, count: int) -> None:
    """Wait until the list says so, without waiting for the second to go by."""
    dash.main._tick()
    await dash.until(lambda: unseen(store) == count, f"{count} unseen")


@pytest.mark.dashboard(tasks=6)
async def test_an_end_is_marked_until_the_cursor_has_gone_over_it(other: Store, dash: Dash) -> None:
    end(other, *MANY[:4])
    await until_starred(dash, *MANY[:4])
    await dash.until_shown("4 unseen")
    # Nobody has touched a key: the task at the cursor may have ended over night.
    await dash.press("j", cursor=MANY[1])
    await until_starred(dash, *MANY[2:4])
    # What the cursor went on from is written down.
    await until_unseen(dash, other, 3)
    await dash.press("j", "k", cursor=MANY[1])
    await until_starred(dash, MANY[3])
    await until_unseen(dash, other, 2)


@pytest.mark.dashboard(tasks=6)
async def test_esc_takes_all_as_seen_once_it_has_nothing_else_to_do(other: Store, dash: Dash) -> None:
    # Below those that the cursor comes by.
    end(other, *MANY[2:5])
    await until_starred(dash, *MANY[2:5])
    await dash.until_shown("3 unseen")
    await dash.press("V", "space", "escape", marked=[])
    assert unseen(other) == 3
    await dash.press("tab", "escape")
    assert unseen(other) == 3
    await dash.press("escape", said="3 tasks marked as seen.")
    await until_starred(dash)
    await dash.until_gone("unseen")
    assert unseen(other) == 0
    assert dash.table.flashing == set()


async def test_what_was_looked_at_is_seen_after_a_restart_and_what_ended_since_is_marked(
    store_path: Path, other: Store, clock: FrozenClock, desk: Context
) -> None:
    add(other, *MANY)
    end(other, *MANY[:2])
    async with driven(desk, total=6) as dash:
        await until_starred(dash, *MANY[:2])
        await dash.press("e", dialog="EditLabel")
        await dash.press("escape", dialog=None)
        await until_starred(dash, MANY[1])
    desk.close()
    end(other, MANY[5])
    again = context_on(store_path, clock)
    async with driven(again, total=6) as dash:
        await until_starred(dash, MANY[1], MANY[5])
    again.close()


@pytest.mark.dashboard(tasks=6)
async def test_two_dashboards_have_seen_the_same(
    store_path: Path, other: Store, clock: FrozenClock, dash: Dash
) -> None:
    end(other, *MANY[:3])
    await until_starred(dash, *MANY[:3])
    second = context_on(store_path, clock)
    async with driven(second, total=6) as also:
        await also.press("G", cursor=MANY[5])
        await until_unseen(also, other, 2)
        await until_starred(also, *MANY[1:3])
        await until_starred(dash, *MANY[1:3])
    second.close()
