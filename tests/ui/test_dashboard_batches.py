"""The batches of a list: what each comes to, kept up with, and what the keys do with one."""

from __future__ import annotations

import pytest
from tests.servers import fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    Dash,
    FakeDownloads,
    FrozenClock,
    add,
    add_answered,
    answer_all,
    driven,
    uuid,
)

from taskdash.store.store import Store
from taskdash.ui.context import Context
from taskdash.ui.screens.dialog import ChoiceList
from taskdash.ui.screens.review import Review


def fill(other: Store) -> None:
    """Eight tasks without a label, of which 2 failed; "mugs", of which three wait, one far too long; "mugs 2"."""
    ids = [uuid(n) for n in range(8)]
    add(other, *ids)
    answer_all(other, {each: success_body(each, costTime=30_000, creditsConsumed=4) for each in ids[:6]})
    refused = {
        each: fail_body(each, failCode="400", failMsg="Refused", creditsConsumed=2) for each in ids[6:]
    }
    answer_all(other, refused)
    add_answered(
        other,
        *(
            waiting_body(uuid(20 + n), createTime=NOW_MS - 1000 * age_s)
            for n, age_s in enumerate((20, 20, 61))
        ),
        success_body(uuid(30), costTime=30_000),
        label="mugs",
    )
    add(other, uuid(40), label="mugs 2")


def line(dash: Dash, label: str) -> list[str]:
    """Return what stands behind a label."""
    texts = [str(option.prompt) for option in dash.main.app.screen.query_one(ChoiceList).options]
    return next(text.removeprefix(label).split() for text in texts if text.startswith(f"{label}  "))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_each_label_is_a_line_that_follows_what_is_written(
    desk: Context, other: Store, clock: FrozenClock, size: tuple[int, int]
) -> None:
    fill(other)
    async with driven(desk, size, total=13) as dash:
        await dash.press("B", dialog="Batches", shown="without a label")
        assert line(dash, "mugs") == ["▰▰▱▱▱▱▱▱", "1", "3", "1", "–", "1"]
        assert line(dash, "without a label") == ["▰▰▰▰▰▰▰▰", "6", "2", "28", "6"]
        labels = ("mugs 2 ", "mugs   ", "without a label")
        assert sorted(labels, key=dash.screen.index) == list(labels)
        # A read that the clock goes on in has taken a second, and the next one waits for a while.
        await dash.until(lambda: all(work.group != "batches" for work in dash.app.workers), "no more is read")
        clock.at_ms += 1_000
        answer_all(other, {uuid(22): success_body(uuid(22), costTime=30_000, creditsConsumed=3)})
        # The late one is done: what the others take is known.
        await dash.until(
            lambda: line(dash, "mugs") == ["▰▰▰▰▱▱▱▱", "2", "2", "<1m", "3+", "2"], "two of four"
        )
        await dash.press("B", dialog=None)


async def test_enter_shows_its_tasks_and_no_others_and_b_and_d_are_of_the_batch(
    desk: Context, other: Store, downloads: FakeDownloads
) -> None:
    fill(other)
    async with driven(desk, (120, 36), total=13) as dash:
        await dash.press("B", dialog="Batches", shown="without a label")
        await dash.press("j", "d", said="Saving 1 result to")
        assert downloads.asked == [[other.tasks.find("aigptimage", uuid(30)).seq]]
        await dash.press("k", "d", said="Nothing to save in this batch.")
        await dash.press("j", "enter", dialog=None, total=4)
        assert dash.main.filter_box.text == "label:=mugs"
        await dash.press("B", dialog="Batches", shown="without a label")
        await dash.press("j", "j", "enter", dialog=None, total=8)
        assert dash.main.filter_box.text == 'label:=""'


async def test_b_reviews_the_results_of_the_batch_whatever_is_marked(desk: Context, other: Store) -> None:
    fill(other)
    async with driven(desk, (120, 36), total=13) as dash:
        await dash.press("space", "B", dialog="Batches", shown="without a label")
        await dash.press("j", "b", dialog="Review")
        review = dash.main.app.screen
        assert isinstance(review, Review)
        assert [result.seq for result in review.results.shown] == [
            other.tasks.find("aigptimage", uuid(30)).seq
        ]
        await dash.press("escape", dialog=None, total=4)
        assert dash.main.filter_box.text == "label:=mugs"


async def test_its_failures_lie_over_it_and_lead_to_a_filter_or_back(desk: Context, other: Store) -> None:
    fill(other)
    async with driven(desk, (120, 36), total=13) as dash:
        await dash.press("B", dialog="Batches", shown="without a label")
        await dash.press("F", said="No failed tasks in this batch.")
        await dash.press("j", "j", "F", dialog="Failures", shown="2 charged (4 credits)")
        await dash.press("escape", dialog="Batches")
        await dash.press("F", dialog="Failures")
        await dash.press("enter", dialog=None, total=2)
        assert dash.main.filter_box.text == 'label:="" state:fail reason:invalid-input'


async def test_keys_and_mouse_go_through_many(desk: Context, other: Store) -> None:
    for n in range(60):
        add(other, uuid(n), label=f"batch {n}")
    async with driven(desk, (80, 24), total=60) as dash:
        await dash.press("B", dialog="Batches", shown="batch 59")
        assert 8 < dash.main.app.screen.query_one(ChoiceList).size.height < 20
        assert "batch 0 " not in dash.screen
        await dash.press("G", shown="batch 0 ")
        await dash.press("g", "j", shown="batch 59")
        await dash.pilot.click(ChoiceList, offset=(3, 2))
        await dash.until_dialog(None)
        await dash.until_total(1)
        assert dash.main.filter_box.text == 'label:="batch 57"'
