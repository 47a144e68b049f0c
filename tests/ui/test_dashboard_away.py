"""What happened while nobody was there is told in one line, until Esc."""

from __future__ import annotations

import pytest
from tests.servers import fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    PROFILE,
    Dash,
    FrozenClock,
    add,
    answer,
    answer_all,
    configure_profile,
    driven,
    uuid,
)

from taskdash.store.news import Missed
from taskdash.store.store import Store
from taskdash.ui.context import Context
from taskdash.ui.widgets.passing import AWAY_FROM_MS, IDLE_MS, away_text

HOUR_MS = 3_600_000
AWAY = "While you were away: "


def finish(store: Store, clock: FrozenClock, successes: range, failures: range) -> None:
    """Tasks that are added unfinished, and end now."""
    add(store, *map(uuid, (*successes, *failures)), now_ms=clock.at_ms - 30_000)
    answer_all(store, {uuid(n): waiting_body(uuid(n)) for n in (*successes, *failures)})
    bodies = {uuid(n): success_body(uuid(n), completeTime=clock.at_ms - 1_000) for n in successes}
    answer_all(store, bodies | {uuid(n): fail_body(uuid(n)) for n in failures}, now_ms=clock.at_ms)


async def tick(dash: Dash) -> None:
    """A second of the dashboard, and all that it brings about."""
    dash.main._tick()
    await dash.settle()
    await dash.desk.store.run(lambda _: None)
    await dash.settle()


@pytest.mark.parametrize(
    ("missed", "said"),
    [
        (Missed(286, 14, 12, 12), "286 finished, 14 failed (F), 12 expire within 6h (E)"),
        (Missed(1, 0, 1, 1), "1 finished, 1 expires within 6h (E)"),
        (Missed(1_286, 0, 0, 0), "1,286 finished"),
        (Missed(0, 2, 0, 0), "2 failed (F)"),
    ],
)
def test_the_words(missed: Missed, said: str) -> None:
    assert away_text(missed, 24 * HOUR_MS, "F", "E").plain == f" {AWAY}{said}   Esc closes"
    # Keys that there are none of are left out.
    assert "()" not in away_text(missed, 24 * HOUR_MS, "", "").plain


async def test_at_start_it_counts_since_the_dashboard_was_closed(
    desk: Context, other: Store, clock: FrozenClock
) -> None:
    configure_profile(desk, result_ttl_ms=24 * HOUR_MS)
    other.news.see(PROFILE, NOW_MS - 20 * HOUR_MS)
    # Some ended before that, or had ended when they were added.
    clock.at_ms = NOW_MS - 21 * HOUR_MS
    finish(other, clock, range(100, 103), range(103, 105))
    clock.at_ms = NOW_MS - 19 * HOUR_MS
    finish(other, clock, range(3), range(3, 5))
    clock.at_ms = NOW_MS - HOUR_MS
    finish(other, clock, range(5, 9), range(0))
    clock.at_ms = NOW_MS
    # Of the night nobody knew this before the dashboard was there again.
    add(other, uuid(20), now_ms=NOW_MS - 9 * HOUR_MS)
    answer(other, uuid(20), waiting_body(uuid(20)), now_ms=NOW_MS - 9 * HOUR_MS)
    async with driven(desk, (120, 36)) as dash:
        # Those of 21 h ago expire in 3 h, those of 19 h ago in 5 h.
        await dash.until_shown(f"{AWAY}7 finished, 2 failed (F), 6 expire within 6h (E)")
        # No message on the screen tells the same once more, but of those that ended before that.
        await dash.until_said("9 tasks finished: 7 succeeded, 2 failed")
        answer(other, uuid(20), success_body(uuid(20), completeTime=NOW_MS - 5 * HOUR_MS))
        clock.at_ms += 2_000
        await dash.until_shown(f"{AWAY}8 finished, 2 failed (F), 6 expire within 6h (E)")
        assert dash.toasts == ["5 tasks finished: 3 succeeded, 2 failed"]
        # What ends while somebody is there is none of it.
        clock.at_ms += 120_000
        finish(other, clock, range(30, 33), range(33, 34))
        await tick(dash)
        assert f"{AWAY}8 finished, 2 failed" in dash.screen
        await dash.press("j", "k")
        assert AWAY in dash.screen
        await dash.press("escape")
        await dash.until_gone(AWAY)
        await dash.press("q")
    desk.close()
    assert other.news.seen_at_ms(PROFILE) == clock.at_ms


async def test_a_dashboard_left_alone_does_not_take_back_that_another_was_used_since(
    desk: Context, other: Store, clock: FrozenClock
) -> None:
    async with driven(desk, (80, 24), total=0) as dash:
        await dash.until(lambda: other.news.seen_at_ms(PROFILE) == NOW_MS, "a start, written down")
        other.news.see(PROFILE, NOW_MS + HOUR_MS)
        clock.at_ms += 2 * HOUR_MS
    desk.close()
    assert other.news.seen_at_ms(PROFILE) == NOW_MS + HOUR_MS


async def test_who_looks_for_the_first_time_or_again_at_once_missed_nothing(
    desk: Context, other: Store, clock: FrozenClock
) -> None:
    clock.at_ms = NOW_MS - 10_000
    finish(other, clock, range(3), range(0))
    clock.at_ms = NOW_MS
    for seen_ms in (None, NOW_MS - AWAY_FROM_MS + 1):
        if seen_ms is not None:
            other.news.see(PROFILE, seen_ms)
        async with driven(desk, (80, 24), total=3) as dash:
            await tick(dash)
            assert AWAY not in dash.screen
            assert other.news.seen_at_ms(PROFILE) == NOW_MS


async def test_after_an_hour_without_a_key_it_counts_since_the_last_one(
    desk: Context, other: Store, clock: FrozenClock
) -> None:
    async with driven(desk, (80, 24), total=0) as dash:
        await dash.until(lambda: desk.seen_at_ms is not None, "a start")
        clock.at_ms += 60_000
        await dash.press("tab")
        clock.at_ms += IDLE_MS - 1_000
        finish(other, clock, range(2), range(2, 3))
        await dash.until_total(3)
        await tick(dash)
        assert AWAY not in dash.screen
        clock.at_ms += 1_000
        await dash.until_shown(f"{AWAY}2 finished, 1 failed (F)")
        # It goes on counting until somebody is there.
        clock.at_ms += 60_000
        finish(other, clock, range(3, 4), range(0))
        await dash.until_shown(f"{AWAY}3 finished, 1 failed (F)")
        await dash.press("j")
        clock.at_ms += 60_000
        finish(other, clock, range(4, 5), range(0))
        await dash.until_total(5)
        await tick(dash)
        assert f"{AWAY}3 finished, 1 failed (F)" in dash.screen
        # Esc closes it first; a mark stays.
        await dash.press("space", "escape")
        await dash.until_gone(AWAY)
        assert dash.table.marked
