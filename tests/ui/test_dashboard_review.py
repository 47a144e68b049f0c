"""Failures by reason and statistics: what they count, and what Enter leads to."""

from __future__ import annotations

import pytest
from tests.servers import fail_body, success_body
from tests.ui.driven_dashboard import Dash, add, answer, driven, uuid

from taskdash.store.store import Store
from taskdash.ui.context import Context


@pytest.fixture
def listed(other: Store) -> int:
    """Ten tasks: three time-outs, one of them worded alone, a refusal, two successes."""
    add(other, *(uuid(n) for n in range(10)))
    for n, request in ((1, "aaaa1111"), (2, "bbbb2222")):
        answer(other, uuid(n), fail_body(uuid(n), failCode="504", failMsg=f"Timed out, request {request}"))
    answer(other, uuid(3), fail_body(uuid(3), failCode="504", failMsg="Deadline exceeded"))
    answer(other, uuid(4), fail_body(uuid(4), failCode="400", failMsg="Flagged as [bold]unsafe[/]"))
    for n in (5, 6):
        answer(other, uuid(n), success_body(uuid(n), costTime=n * 1000))
    return 10


async def open_failures(dash: Dash) -> None:
    await dash.press("F", dialog="Failures")


async def test_failures_are_grouped_and_enter_filters_to_a_reason(dash: Dash) -> None:
    await open_failures(dash)
    await dash.until_shown("4 of 10 tasks")
    assert "3   75%  timeout" in dash.screen
    assert "2   50%    Timed out, request … (504)" in dash.screen
    assert "Flagged as [bold]unsafe[/] (400)" in dash.screen
    await dash.press("j", shown="Timed out, request aaaa1111")
    await dash.press("enter", total=2)
    assert 'failure:"504 Timed out, request"' in dash.main.filter_box.text


async def test_a_class_is_a_filter_too_and_esc_leaves_all_as_it_was(dash: Dash) -> None:
    await open_failures(dash)
    await dash.press("escape", dialog=None)
    assert dash.table.window.total == 10
    await open_failures(dash)
    await dash.press("enter", total=3)
    await open_failures(dash)
    await dash.until_shown("3 of 3 tasks matching state:fail reason:timeout")
    await dash.press("enter", dialog=None)
    assert dash.main.filter_box.text == "state:fail reason:timeout"


async def test_both_count_the_marked_alone_where_there_are_any(dash: Dash) -> None:
    await dash.press("j", "j", "j", "j", "space", "j", "space")
    await open_failures(dash)
    await dash.until_shown("1 of 2 marked tasks")
    await dash.press("F", dialog=None)
    await dash.press("t", dialog="Statistics", shown="Statistics of 2 marked tasks")
    await dash.until_shown("50.0%")


async def test_where_none_of_the_marked_has_failed_it_says_so_and_how_to_see_those_that_have(
    dash: Dash,
) -> None:
    await dash.press("G", "space", "k", "space")
    await dash.press("F", said="No failures in 2 marked tasks. Esc clears the marks.")
    await dash.press("escape", "j", "space", "F")
    await dash.until_said("No failures in 1 marked task. Esc clears the marks.")
    await dash.press("escape", "F", dialog="Failures", shown="4 of 10 tasks")
    await dash.press("escape", dialog=None)
    await dash.press("/", *"state:success", "enter", total=2)
    await dash.press("F", said='No failed tasks match "state:success". Esc clears the filter.')


async def test_statistics_are_of_what_is_shown_tab_and_filter(dash: Dash) -> None:
    await dash.press("t", shown="Statistics of all 10 tasks")
    await dash.until_shown("p90")
    assert "PgDn" not in dash.screen
    await dash.press("t", dialog=None)
    await dash.press("]", "]", "]", total=2)
    await dash.press("t", shown="Statistics of 2 successful tasks")
    await dash.press("t", dialog=None)
    await dash.press("/", *"cost:>5s", "enter", total=1)
    await dash.press("t", shown="Statistics of 1 successful task matching cost:>5s")


@pytest.mark.dashboard(size=(80, 15))
async def test_on_a_low_terminal_statistics_say_that_there_is_more(dash: Dash) -> None:
    await dash.press("t", shown="PgDn shows more")


async def test_where_there_is_nothing_to_show_a_line_says_so(desk: Context) -> None:
    async with driven(desk, total=0) as dash:
        for key, said in (
            *(("F", "No failed tasks in this view."), ("t", "Nothing to count."), ("B", "No tasks yet.")),
            *(
                ("b", "No results to review in this view."),
                ("J", "No record yet."),
                ("y", "No task selected."),
            ),
        ):
            await dash.press(key, said=said)
            assert dash.dialog is None
