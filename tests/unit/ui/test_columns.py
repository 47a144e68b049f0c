"""The columns: who gives way when it gets narrow, and what each cell says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskdash.config.settings import COLUMN_NAMES, View
from taskdash.domain.task import Problem, ProblemKind, State, Task
from taskdash.ui.text.columns import COLUMNS, GAP, Moment, place_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_COLUMNS = View().columns
NOW_MS = 1_777_475_100_000


def cell(name: str, task: Task, width: int = 40, typical_ms: int | None = None) -> str:
    moment = Moment(NOW_MS, lambda _: typical_ms)
    return "".join(span.text for span in COLUMNS[name].cell(task, moment, width)).strip()


def task(**fields: object) -> Task:
    known: dict[str, object] = {"seq": 1, "profile": "p", "task_id": "t", "added_at_ms": NOW_MS - 5_000}
    return Task(**{**known, **fields})  # type: ignore[arg-type] # the names are Task's own


def widths(cells: int, names: Sequence[str] = DEFAULT_COLUMNS) -> dict[str, int]:
    return {place.column.name: place.width for place in place_columns(names, cells)}


@pytest.mark.parametrize("width", range(34, 320))
def test_the_columns_fill_the_width_and_never_more(width: int) -> None:
    placed = widths(width)
    names = list(placed)
    assert sum(placed.values()) + GAP * (len(placed) - 1) == width
    assert {"state", "label", "cost"} <= set(names)
    assert names == [name for name in DEFAULT_COLUMNS if name in names]
    if width >= 57:
        assert placed["label"] >= 18
        assert placed["id"] >= 9


@pytest.mark.parametrize("names", [DEFAULT_COLUMNS, COLUMN_NAMES], ids=["by default", "all"])
def test_a_wider_table_takes_nothing_from_a_column_but_the_flexible_one(names: Sequence[str]) -> None:
    before: dict[str, int] = {}
    for cells in range(34, 400):
        now = widths(cells, names)
        assert {name: now.get(name, 0) >= width for name, width in before.items() if name != "label"} == {
            name: True for name in before if name != "label"
        }
        before = now


@pytest.mark.parametrize(
    ("cells", "least"),
    [
        # As much as the table has at 80x24, at 120x36 and 200x60 beside the detail, and at 200 alone.
        (77, {"label": 22, "cost": 10, "created": 7, "checked": 7, "id": 9}),
        (74, {"label": 19, "cost": 10, "created": 7, "checked": 7, "id": 9}),
        (126, {"label": 26, "model": 18, "cost": 17, "created": 9, "checked": 7, "id": 24}),
        (197, {"label": 60, "model": 26, "cost": 22, "created": 9, "checked": 19, "id": 36}),
    ],
)
def test_the_usual_sizes_have_room_for_what_matters(cells: int, least: dict[str, int]) -> None:
    placed = widths(cells)
    assert {name: placed.get(name, 0) >= width for name, width in least.items()} == dict.fromkeys(least, True)


def test_every_column_can_be_chosen_and_has_a_place_in_the_order_of_giving_way() -> None:
    assert set(COLUMNS) == set(COLUMN_NAMES)
    for column in COLUMNS.values():
        assert len(column.gives_way) == len(column.widths) - 1


def test_without_a_flexible_column_the_others_shrink_only_as_far_as_they_must() -> None:
    assert widths(90, ["state", "cost", "id"]) == {"state": 12, "cost": 22, "id": 36}
    assert widths(60, ["state", "cost", "id"]) == {"state": 12, "cost": 17, "id": 24}


def test_a_width_of_ones_own_does_not_give_way() -> None:
    placed = {place.column.name: place.width for place in place_columns(DEFAULT_COLUMNS, 77, {"id": 36})}
    assert placed["id"] == 36
    assert list(placed) == ["state", "label", "cost", "id"]


@pytest.mark.parametrize(
    ("task_id", "width", "shown"),
    [
        ("5064bd1a-025a-490b-b28f-6a9fa12eb88a", 36, "5064bd1a-025a-490b-b28f-6a9fa12eb88a"),
        ("5064bd1a-025a-490b-b28f-6a9fa12eb88a", 24, "5064bd1a-025a-49…12eb88a"),
        ("task_gpt-image-2_1f2e3d4c", 16, "task_gpt-i…e3d4c"),
        ("task_xxx", 9, "task_xxx"),
    ],
)
def test_an_id_without_room_keeps_its_head_and_its_tail(task_id: str, width: int, shown: str) -> None:
    assert cell("id", task(task_id=task_id), width) == shown


@pytest.mark.parametrize(("width", "shown"), [(9, "5s ago"), (7, "5s")])
def test_a_narrow_column_of_times_leaves_the_word_out(width: int, shown: str) -> None:
    assert cell("created", task(state=State.SUCCESS, create_time_ms=NOW_MS - 5_000), width) == shown
    assert cell("added", task(), width) == shown


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"state": State.SUCCESS, "cost_time_ms": 32_241}, "32.2 s"),
        ({"state": State.SUCCESS, "cost_time_ms": 0}, "0.0 s"),
        ({"state": State.SUCCESS}, "–"),
        ({"state": State.FAIL}, "–"),
        ({"state": State.WAITING, "create_time_ms": NOW_MS - 12_000}, "12s"),
        ({"state": State.WAITING, "create_time_ms": NOW_MS - 125_000}, "2m00s"),
        # Without a createTime it counts from when it was added, and a clock that is behind counts as no time.
        ({"state": State.WAITING}, "5s"),
        # A task that never answered waits for nothing that is known.
        ({"state": State.NEW}, "–"),
        ({"state": State.WAITING, "create_time_ms": NOW_MS + 60_000}, "0s"),
    ],
)
def test_cost_time_or_the_time_so_far(fields: dict[str, object], shown: str) -> None:
    assert cell("cost", task(**fields), 10) == shown


@pytest.mark.parametrize(
    ("since_s", "bar"),
    [(0, "▱▱▱▱▱▱"), (16, "▰▰▰▱▱▱"), (31, "▰▰▰▰▰▱"), (32, "▰▰▰▰▰▰"), (47, "▰▰▰▰▰▰"), (49, "▰▰▰▰▰▰ late")],
)
def test_the_bar_grows_to_the_usual_time_and_says_late_well_after_it(since_s: int, bar: str) -> None:
    waiting = task(state=State.WAITING, create_time_ms=NOW_MS - since_s * 1000)
    assert cell("cost", waiting, 22, 32_000).split(maxsplit=1)[-1] == bar


def test_a_bar_without_room_for_the_word_beside_it_gives_way_to_the_word() -> None:
    waiting = task(state=State.WAITING, create_time_ms=NOW_MS - 49_000)
    assert cell("cost", waiting, 17, 32_000).split() == ["49s", "late"]


def test_the_bar_needs_room_and_a_history() -> None:
    waiting = task(state=State.WAITING, create_time_ms=NOW_MS - 16_000)
    assert "▰" not in cell("cost", waiting, 10, 32_000)
    assert "▰" not in cell("cost", waiting, 22, None)


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"state": State.WAITING, "raw_state": "queuing"}, "◐ queuing"),
        ({"state": State.WAITING, "raw_state": "waiting"}, "◐ waiting"),
        ({"state": State.SUCCESS, "raw_state": "completed"}, "✓ success"),
        ({"state": State.FAIL, "raw_state": "fail"}, "× fail"),
        ({}, "○ new"),
    ],
)
def test_a_state_is_a_symbol_and_a_word(fields: dict[str, object], shown: str) -> None:
    assert cell("state", task(**fields)) == shown


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"label": "hero", "prompt": "A fox"}, "hero  A fox"),
        ({"label": "hero"}, "hero"),
        ({"prompt": "A fox\nin the\tsnow"}, "A fox in the snow"),
        ({}, "not checked yet"),
        ({"checks": 3, "state": State.WAITING}, "–"),
        (
            {"checks": 1, "problem": Problem(ProblemKind.NOT_FOUND, "no such task", NOW_MS)},
            "not found: no such task",
        ),
    ],
)
def test_label_and_prompt_else_what_is_known(fields: dict[str, object], shown: str) -> None:
    assert cell("label", task(**fields)) == shown


def test_a_prompt_of_a_megabyte_costs_no_more_than_its_cell() -> None:
    assert len(cell("label", task(prompt="fox " * 250_000), 30)) < 1_000


@pytest.mark.parametrize(
    ("fields", "width", "shown"),
    [
        ({}, 19, "–"),
        ({"checked_at_ms": NOW_MS - 3_000}, 19, "now"),
        ({"checked_at_ms": NOW_MS - 39_000}, 19, "30s"),
        ({"checked_at_ms": NOW_MS - 61_000}, 19, "1m"),
        ({"checked_at_ms": NOW_MS - 3_000, "asked_at_ms": NOW_MS}, 19, "asked"),
        (
            {"checked_at_ms": NOW_MS, "problem": Problem(ProblemKind.SERVER_ERROR, "x", NOW_MS)},
            19,
            "now ! server error",
        ),
        ({"checked_at_ms": NOW_MS, "problem": Problem(ProblemKind.SERVER_ERROR, "x", NOW_MS)}, 7, "now !"),
    ],
)
def test_the_age_of_the_last_check_and_its_problem(fields: dict[str, object], width: int, shown: str) -> None:
    assert cell("checked", task(**fields), width) == shown


def test_times_that_no_clock_knows_do_no_harm() -> None:
    for at_ms in (-(2**63), -1, 0, 2**62):
        for name in DEFAULT_COLUMNS:
            for state in State:
                cell(name, task(state=state, create_time_ms=at_ms, checked_at_ms=at_ms, cost_time_ms=at_ms))
