"""How the dashboard counts down to the end of result links, and warns of what is not saved."""

from __future__ import annotations

from dataclasses import replace

from tests.bodies import success_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    PROFILE,
    FrozenClock,
    add,
    add_answered,
    answer,
    configure_profile,
    driven,
    uuid,
)

from taskdash.store.store import Store
from taskdash.ui.context import Context

H = 3_600_000
TTL_MS = 24 * H


def put(store: Store, n: int, left_ms: int, label: str | None = None) -> str:
    """A success whose links still live so long."""
    add(store, uuid(n), label=label)
    answer(store, uuid(n), success_body(uuid(n), completeTime=NOW_MS - TTL_MS + left_ms))
    return uuid(n)


async def test_detail_and_row_count_down(desk: Context, other: Store, clock: FrozenClock) -> None:
    configure_profile(desk, result_ttl_ms=TTL_MS)
    desk.view = replace(desk.view, columns=(*desk.view.columns, "expires"))
    put(other, 1, 10 * H + 12 * 60_000)
    async with driven(desk, (160, 36), total=1) as dash:
        await dash.until_in_pane("in 10h12m")
        assert "10h12m" in dash.row("success")
        clock.at_ms += 5 * 60_000
        await dash.until_in_pane("in 10h7m")
        await dash.until_shown("10h7m")
        clock.at_ms += 5 * H
        await dash.until_in_pane("in 5h7m, not saved")
        clock.at_ms += 6 * H
        await dash.until_in_pane("53m ago, not saved")
        await dash.until(lambda: "expired" in dash.row("success"), "the row says so")


async def test_without_a_ttl_nothing_counts_down(desk: Context, other: Store) -> None:
    put(other, 1, H)
    async with driven(desk, (160, 36), total=1) as dash:
        await dash.until_in_pane("✓ success in 32s")
        assert "expire" not in dash.pane.lower()
        assert "Expires" not in dash.screen
        await dash.press("E", said="Expiry is unknown: set profiles.aigptimage.result_ttl")
        assert not dash.main.filter_box.display


async def test_links_that_tell_their_end_are_warned_of_and_found_without_a_ttl(
    desk: Context, other: Store, clock: FrozenClock
) -> None:
    add_answered(other, success_body(uuid(1), expiresAt=clock.at_ms + 2 * H))
    add_answered(other, success_body(uuid(2)))
    async with driven(desk, total=2) as dash:
        await dash.until_said("expires in 2h and isn't saved. Press E.")
        await dash.press("E", shown="expires:<6h saved:no", total=1)
        await dash.press("E", total=2)


async def test_one_is_warned_once_of_what_expires_unsaved(
    desk: Context, other: Store, clock: FrozenClock
) -> None:
    configure_profile(desk, result_ttl_ms=TTL_MS)
    put(other, 1, H, "poster")
    put(other, 2, 20 * H)
    put(other, 3, -H)
    async with driven(desk, total=3) as dash:
        await dash.until_said('"poster" expires in 1h and isn\'t saved. Press E.')
        put(other, 4, 2 * H)
        put(other, 5, 3 * H)
        clock.at_ms += 60_000
        await dash.until_said("2 results expire soon and aren't saved, the first in 1h. Press E.")
        assert len(dash.said) == 2


async def test_a_key_shows_what_expires_unsaved_and_all_again(desk: Context, other: Store) -> None:
    configure_profile(desk, result_ttl_ms=TTL_MS)
    soon = put(other, 1, H)
    put(other, 2, 20 * H)
    async with driven(desk, total=2) as dash:
        await dash.press("E", total=1)
        assert dash.cursor == soon
        await dash.until_shown("expires:<6h saved:no")
        assert dash.table.has_focus
        await dash.press("E", total=2)
        await dash.press("slash")
        await dash.until(lambda: not dash.table.has_focus, "the box has the focus")
        await dash.press(*"expires:past", total=0)
        await dash.press("escape", total=2)


async def test_asking_again_for_dead_links_says_what_came_of_it(
    desk: Context, other: Store, clock: FrozenClock
) -> None:
    configure_profile(desk, result_ttl_ms=TTL_MS)
    put(other, 1, -H)
    ended_ms = NOW_MS - TTL_MS - H
    async with driven(desk, total=1) as dash:
        for body, said in (
            (success_body(uuid(1), completeTime=ended_ms), "No fresh links: the response has the same ones"),
            (
                success_body(uuid(1), completeTime=ended_ms, contentState="purged"),
                "The gateway has removed the result",
            ),
            (
                success_body(uuid(1), ["https://cdn.example.com/new.png"], completeTime=ended_ms),
                "Fresh links: ",
            ),
        ):
            await dash.press("r", said="Checking now")
            await dash.until(lambda: bool(other.checks.asked(PROFILE, 1)), "it is asked for")
            answer(other, uuid(1), body, now_ms=clock.at_ms)
            await dash.until_said(said)
