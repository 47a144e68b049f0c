"""Views of the user's own: tabs behind those of the states, each with its filter, order, columns and profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers import fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import NOW_MS, PROFILE, Dash, add, answer_all, configure, driven, uuid

from taskdash.config.own import OwnView
from taskdash.config.profile import Profile
from taskdash.domain.query import Sort, SortKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from taskdash.store.store import Store
    from taskdash.ui.context import Context

MANY = [uuid(n) for n in range(12)]
THEIRS = [uuid(n) for n in range(100, 103)]
VIEWS = (
    OwnView(name="to redo", filter="state:fail", sort="-id", columns=("state", "id", "label")),
    OwnView(name="all profiles", profiles=None),
    OwnView(name="theirs", profiles=("kie",), filter="saved:no"),
    OwnView(name="both", profiles=(PROFILE, "kie"), filter="state:success"),
)


@pytest.fixture
async def dash(desk: Context, other: Store) -> AsyncIterator[Dash]:
    add(other, *MANY)
    bodies = {each: waiting_body(each) for each in MANY}
    bodies |= {each: fail_body(each) for each in MANY[:3]} | {
        MANY[3]: success_body(MANY[3], ["https://cdn.example/r"])
    }
    answer_all(other, bodies)
    other.tasks.add("kie", THEIRS, NOW_MS)
    other.tasks.add("gone", [uuid(200)], NOW_MS)
    kie = Profile(name="kie", base_url="https://api.kie.ai", result_ttl_ms=3_600_000)
    configure(desk, views=VIEWS, profiles={PROFILE: desk.settings.in_use, "kie": kie})
    async with driven(desk, total=12) as made:
        yield made


async def test_each_stands_behind_the_states_with_its_count(dash: Dash, other: Store) -> None:
    for text in ("[All 12]", "to redo 3", "all profiles 16", "theirs 0", "both 1"):
        await dash.until_tab(text)
    answer_all(other, {MANY[4]: fail_body(MANY[4])})
    dash.desk.clock.at_ms += 5_000  # type: ignore[attr-defined] # a test's own clock
    await dash.until_tab("to redo 4")


async def test_keys_and_mouse_go_to_them_and_round_again(dash: Dash) -> None:
    await dash.press("left", tab="[both 1]")
    assert dash.shown_ids == [MANY[3]]
    await dash.press("]", tab="[All 12]")
    await dash.press(*["right"] * 5, tab="[to redo 3]")
    assert dash.shown_ids == [MANY[2], MANY[1], MANY[0]]
    await dash.until_tab("× Fail 3")
    line = dash.lines[1]
    assert await dash.pilot.click(offset=(line.index("all profiles"), 1))
    await dash.until_tab("[all profiles 16]")
    assert dash.shown_ids[0] == uuid(200)


async def test_it_has_its_own_order_and_columns_and_leaves_those_of_the_list_alone(dash: Dash) -> None:
    await dash.press(*["]"] * 5, tab="[to redo 3]")
    assert "Duration" not in dash.screen
    assert dash.desk.view.columns == dash.desk.first_view.columns
    await dash.press("S")
    await dash.until(lambda: dash.shown_ids == MANY[:3], "the reversed order")
    await dash.press("C", said="The columns of this view are set in the config.")
    await dash.press("[", tab="[× Fail 3]")
    await dash.until_shown("Duration")
    assert dash.table.wanted.sort == Sort(SortKey.ADDED)
    await dash.press("s", dialog="ChooseSort")
    await dash.press("enter", dialog=None)
    await dash.press("]", tab="[to redo 3]")
    assert dash.table.wanted.sort == Sort(SortKey.ID)


async def test_what_stands_in_the_filter_box_is_added_to_it(dash: Dash) -> None:
    await dash.press(*["]"] * 5, tab="[to redo 3]")
    await dash.press("/", *f"id:{MANY[1]}", "enter", tab="[to redo 1]")
    await dash.until_tab("× Fail 1")
    await dash.until_tab("all profiles 1")
    await dash.press("/", *"x", "enter", tab="[to redo 0]")
    await dash.until_shown(f'No tasks match "id:{MANY[1]}x". Esc clears the filter.')
    await dash.press("escape", tab="[to redo 3]")
    await dash.press("]", "]", tab="[theirs 0]")
    await dash.until_shown("No tasks in this view.")


async def test_failures_and_statistics_are_of_the_view(dash: Dash) -> None:
    await dash.press(*["]"] * 5, tab="[to redo 3]")
    await dash.press("t", dialog="Statistics")
    await dash.until_shown("3 tasks matching state:fail")
    await dash.press("escape", dialog=None)
    await dash.press("F", dialog="Failures")
    await dash.press("enter", dialog=None)
    await dash.until_tab("[to redo 3]")
    assert dash.main.filter_text.startswith("state:fail reason:")


async def test_one_of_several_profiles_says_whose_each_task_is(dash: Dash) -> None:
    await dash.press(*["]"] * 6, tab="[all profiles 16]")
    await dash.until_shown("Profile")
    assert "kie" in dash.row(THEIRS[0])
    assert PROFILE[:7] in dash.row(MANY[0])
    assert "gone" in dash.row(uuid(200))
    await dash.press("[", tab="[to redo 3]")
    await dash.until_gone("Profile")


async def test_the_palette_goes_to_them(dash: Dash) -> None:
    await dash.open_palette("view to", shown="View to redo")
    await dash.press("enter", tab="[to redo 3]")


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
async def test_on_a_narrow_terminal_the_one_in_use_is_seen(dash: Dash, size: tuple[int, int]) -> None:
    await dash.pilot.resize_terminal(*size)
    await dash.until_size(*size)
    for text in (
        "[All 12]",
        "[○ New",
        "[◐ Waiting",
        "[✓ Success",
        "[× Fail",
        "[to redo",
        "[all prof",
        "[theirs",
        "[both",
    ):
        await dash.until_tab(text)
        assert text in dash.lines[1]
        await dash.press("right")
