"""Where the dashboard says things: a line over the footer, toasts for what is not to be missed, `m` for all of them."""

from __future__ import annotations

import pytest
from tests.bodies import fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    PAGE_LINK,
    PAGE_SUCCESS,
    Dash,
    FrozenClock,
    add,
    answer,
    answer_all,
    driven,
    fill_with_the_page,
    uuid,
)
from tests.ui.test_dashboard_told import LATER_MS, begin, ended
from tests.ui.test_dialogs_at_any_size import OPENED_BY, reopen
from textual.widgets._toast import Toast

from taskdash.store.store import Store
from taskdash.ui import messages
from taskdash.ui.context import Context
from taskdash.ui.widgets.bars import MessageLine


async def test_what_an_act_says_takes_a_row_over_the_footer_until_the_next_or_a_while(
    dash: Dash, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = dash.table.size.height
    await dash.press("y", shown="Copied 1 task ID")
    assert "Copied 1 task ID" in dash.lines[-2]
    assert dash.table.size.height == rows - 1
    monkeypatch.setattr(messages, "LINE_S", 0.05)
    await dash.press("z", said="Nothing to undo.")
    assert "Copied" not in dash.screen
    await dash.until_gone("Nothing to undo.")
    await dash.until(lambda: dash.table.size.height == rows, "the row given back")
    assert dash.toasts == []


@pytest.mark.dashboard(size=(80, 24))
async def test_a_message_with_lines_is_one_line_and_cut_by_an_ellipsis(dash: Dash) -> None:
    dash.main.say(f"a [b]line[/b]\nand another {'x' * 100}")
    await dash.until_shown("a [b]line[/b] and another xxx")
    assert dash.lines[-2].rstrip().endswith("…")


async def test_what_ends_well_is_a_line_and_what_fails_a_toast(desk: Context, other: Store) -> None:
    good, bad = begin(other, 2)
    async with driven(desk, total=2) as dash:
        answer(other, good, ended(good), now_ms=LATER_MS)
        await dash.until_shown("✓ success: ")
        assert dash.toasts == []
        answer(other, bad, fail_body(bad, failMsg="no such size"), now_ms=LATER_MS)
        await dash.until(lambda: len(dash.toasts) == 1, "a toast")
        assert dash.toasts[0].endswith("\nno such size")
        await dash.until(
            lambda: bool(dash.app.screen.query(Toast)), "the toast, which comes a moment after it is told"
        )
        assert dash.app.screen.query_one(Toast).has_class("-error")


@pytest.mark.parametrize("fails", [0, 1, 2])
async def test_a_batch_is_a_toast_that_waits_for_a_key_where_something_failed(
    desk: Context, other: Store, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    monkeypatch.setattr(messages, "TOAST_S", 0.05)
    ids = begin(other, 2, "mugs")
    async with driven(desk, total=2) as dash:
        bodies = {each: fail_body(each) if number < fails else ended(each) for number, each in enumerate(ids)}
        answer_all(other, bodies, now_ms=LATER_MS)
        told = ["2 succeeded", "1 succeeded, 1 failed", "2 failed"][fails]
        await dash.until_said(f'All 2 tasks of "mugs" finished: {told}')
        if fails:
            await dash.until(
                lambda: bool(dash.app.screen.query(Toast)), "the toast, which comes a moment after it is told"
            )
            assert dash.app.screen.query_one(Toast).has_class("-warning")
            with pytest.raises(AssertionError):
                await dash.until(lambda: not dash.toasts, "no toast", 0.3)
            await dash.press("j")
        await dash.until(lambda: not dash.toasts, "no toast any more")


async def test_a_key_that_was_typed_before_a_toast_could_be_read_leaves_it(dash: Dash) -> None:
    dash.main.say("All failed", "warning", is_batch=True)
    await dash.press(*"jkj")
    assert dash.toasts == ["All failed"]


@pytest.mark.dashboard(size=(80, 24))
async def test_toasts_leave_most_of_a_small_screen_free(dash: Dash) -> None:
    for n in range(5):
        dash.main.say(f"{n} failed", "warning", is_batch=True)
    dash.main.say("Something went wrong", "error")
    await dash.until(lambda: len(dash.app.screen.query(Toast)) == 2, "the two that came last")
    assert dash.toasts == ["4 failed", "Something went wrong"]
    await dash.press("m", dialog="Messages", shown="0 failed")


async def test_m_has_the_messages_newest_first_with_their_times(dash: Dash, clock: FrozenClock) -> None:
    await dash.press("m", dialog="Messages", shown="No messages yet.")
    await dash.press("m", dialog=None)
    await dash.press("z", said="Nothing to undo.")
    clock.at_ms += 61_000
    dash.main.say("It [b]broke[/b]\nfor a reason", "error")
    await dash.press("m", dialog="Messages")
    lines = [line.split("│")[-2].strip() for line in dash.lines if "│  " in line]
    first = next(number for number, line in enumerate(lines) if "It [b]broke[/b]" in line)
    assert lines[first + 1] == "for a reason"
    later, earlier = (lines[at].split()[0] for at in (first, first + 2))
    assert lines[first + 2].endswith("Nothing to undo.")
    assert [int(part) for part in later.split(":")][1] - int(earlier.split(":")[1]) in (1, -59)
    await dash.press("escape", dialog=None)


async def test_no_message_lies_over_the_hints_of_a_dialog(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    answer(other, PAGE_SUCCESS, success_body(PAGE_SUCCESS, [PAGE_LINK, f"{PAGE_LINK}?2"]))
    async with driven(desk, (80, 24), total=3) as dash:
        for key in [each for each in OPENED_BY if each != ":"]:
            await reopen(dash, key)
            before = dash.app.screen.query_one("#hint").region
            dash.main.say("Something went wrong, and this is why it did, in more than a line", "error")
            dash.main.say("All of them failed", "warning", is_batch=True)
            dash.main.say("By the way")
            await dash.until(lambda: len(dash.app.screen.query(Toast)) == 2, "two toasts")
            await dash.settle()
            screen = dash.app.screen
            assert screen.query_one("#hint").region == before, key
            for each in (*screen.query(Toast), screen.query_one(MessageLine)):
                assert each.region, f"{each} is not drawn over {key}"
                assert not each.region.overlaps(before), key
            # The list, where it is seen beside the dialog, leaves the message to it.
            assert "By the way" in dash.lines[-2]
            assert dash.screen.count("By the way") == 1
            dash.app.clear_notifications()
            await dash.press("escape", dialog=None)


async def test_ctrl_c_is_asked_for_again_after_a_while(dash: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "QUIT_S", 0.5)
    await dash.press("ctrl+c", shown="Press Ctrl+C again to quit")
    await dash.until_gone("Press Ctrl+C again to quit")
    await dash.press("ctrl+c", shown="Press Ctrl+C again to quit")
    assert not dash.app._exit
    assert dash.said == []


async def test_keys_of_the_footer_can_be_clicked_as_well(desk: Context, other: Store) -> None:
    add(other, *(uuid(n) for n in range(3)))
    answer(other, uuid(0), waiting_body(uuid(0)), now_ms=NOW_MS)
    async with driven(desk, (160, 36), total=3) as dash:

        async def click(text: str, **until: str | None) -> None:
            await dash.pilot.click("#keys", offset=(dash.lines[-1].index(text) + 1, 0))
            await dash._settle_until(until)

        for text, dialog in (("a add", "AddIds"), ("x remove", "Confirm"), ("? help", "Help")):
            await click(text, dialog=dialog)
            await dash.press("escape", dialog=None)
        await click("y copy ID", said="Copied 1 task ID")
        await click("/ filter")
        await dash.press(*uuid(1))
        await dash.until_total(1)
        # The letter itself would be text.
        await click("y copy ID", copied=uuid(1))
        await click("q quit")
        await dash.until(lambda: dash.app._exit, "the end")
