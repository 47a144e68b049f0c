"""The columns: who gives way when it gets narrow, and what each cell says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest

from taskdash.config.own import COLUMN_NAMES
from taskdash.config.settings import View
from taskdash.domain.query import SortKey
from taskdash.domain.task import Problem, ProblemKind, State, Task
from taskdash.domain.usual import Usual
from taskdash.ui.text.columns import COLUMNS, GAP, NOTHING, Moment, place_columns
from taskdash.ui.text.prompts import shared_of

DEFAULT_COLUMNS = View().columns
NOW_MS = 1_777_475_100_000
PROBLEM = Problem(ProblemKind.SERVER_ERROR, "x", NOW_MS)


def cell(
    name: str,
    task: Task,
    width: int = 40,
    typical_ms: int | None = None,
    shared: Mapping[int, int] = NOTHING,
    *,
    says_label: bool = True,
) -> str:
    usual = Usual(typical_ms, typical_ms, round(1.5 * typical_ms)) if typical_ms else None
    moment = Moment(NOW_MS, lambda _: usual, shared=shared, says_label=says_label)
    return "".join(span.text for span in COLUMNS[name].cell(task, moment, width)).strip()


def task(**fields: object) -> Task:
    known: dict[str, object] = {"seq": 1, "profile": "p", "task_id": "t", "added_at_ms": NOW_MS - 5_000}
    return Task(**{**known, **fields})  # type: ignore[arg-type] # the names are Task's own


def widths(cells: int, names: Sequence[str] = DEFAULT_COLUMNS) -> dict[str, int]:
    return {place.column.name: place.width for place in place_columns(names, cells)}


def test_the_columns_fill_the_width_and_never_more() -> None:
    for width in range(34, 320):
        placed = widths(width)
        assert sum(placed.values()) + GAP * (len(placed) - 1) == width
        assert {"state", "label", "cost"} <= set(placed), width
        assert list(placed) == [name for name in DEFAULT_COLUMNS if name in placed], width
        assert placed["label"] >= min(36, width // 2 - 2), width
        # The state's word from a terminal of 70 on, the bar of what is waited for from one of 80 on.
        assert placed["state"] == (12 if width >= 67 else 3), width
        assert placed["cost"] == 13 or width < 77, width


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
        # As much as the table has in a terminal 50 cells wide, at 80x24, at 100x30, ...
        (47, {"state": 3, "label": 24, "cost": 8}),
        (77, {"state": 12, "label": 40, "cost": 13, "created": 5}),
        (97, {"state": 12, "label": 46, "cost": 13, "created": 5, "model": 12}),
        # ... beside the detail at 120x36, 160x45 and 200x60, and at 200 alone.
        (74, {"state": 12, "label": 36, "cost": 13, "created": 5}),
        (100, {"state": 12, "label": 50, "cost": 13, "created": 5, "model": 12}),
        (126, {"state": 12, "label": 70, "cost": 13, "created": 5, "model": 12}),
        (197, {"state": 12, "label": 120, "cost": 13, "created": 5, "model": 26, "id": 8}),
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
    assert widths(90, ["state", "cost", "id"]) == {"state": 12, "cost": 13, "id": 36}
    assert widths(60, ["state", "cost", "id"]) == {"state": 3, "cost": 13, "id": 36}
    assert widths(50, ["state", "cost", "id"]) == {"state": 3, "cost": 13, "id": 8}


def test_a_width_of_ones_own_does_not_give_way() -> None:
    placed = {place.column.name: place.width for place in place_columns(DEFAULT_COLUMNS, 77, {"id": 36})}
    assert placed["id"] == 36
    assert list(placed) == ["state", "label", "cost", "id"]


@pytest.mark.parametrize(
    ("cells", "label", "prompt"), [(197, 24, 97), (126, 14, 54), (74, 10, 26), (77, 10, 29), (47, 0, 27)]
)
def test_several_labels_have_a_column_of_their_own_where_there_is_room(
    cells: int, label: int, prompt: int
) -> None:
    placed = place_columns(DEFAULT_COLUMNS, cells, has_labels=True)
    by_title = {place.column.title: place.width for place in placed}
    assert (by_title.get("Label", 0), by_title["Prompt"]) == (label, prompt)
    assert all(after.x == before.x + before.width + GAP for before, after in pairwise(placed))
    assert placed[-1].x + placed[-1].width == cells
    # Each title sorts by what stands under it.
    sorts = [place.column.sort for place in placed if place.column.name == "label"]
    assert sorts == ([SortKey.LABEL, None] if label else [SortKey.LABEL])


@pytest.mark.parametrize(
    ("task_id", "width", "shown"),
    [
        ("5064bd1a-025a-490b-b28f-6a9fa12eb88a", 36, "5064bd1a-025a-490b-b28f-6a9fa12eb88a"),
        ("5064bd1a-025a-490b-b28f-6a9fa12eb88a", 24, "5064bd1a-025a-49…12eb88a"),
        ("task_gpt-image-2_1f2e3d4c", 16, "task_gpt-i…e3d4c"),
        ("task_xxx", 9, "task_xxx"),
        ("5064bd1a-025a-490b-b28f-6a9fa12eb88a", 8, "5064bd1a"),
        ("task_gpt-image-2_1f2e3d4c", 8, "…f2e3d4c"),
    ],
)
def test_an_id_without_room_keeps_what_tells_it_from_others(task_id: str, width: int, shown: str) -> None:
    assert cell("id", task(task_id=task_id), width) == shown


@pytest.mark.parametrize(("width", "shown"), [(9, "5s ago"), (7, "5s")])
def test_a_narrow_column_of_times_leaves_the_word_out(width: int, shown: str) -> None:
    assert cell("created", task(state=State.SUCCESS, create_time_ms=NOW_MS - 5_000), width) == shown
    assert cell("added", task(), width) == shown


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"state": State.SUCCESS, "cost_time_ms": 32_241}, "32s"),
        ({"state": State.SUCCESS, "cost_time_ms": 0}, "0s"),
        ({"state": State.SUCCESS, "cost_time_ms": 725_000}, "12m5s"),
        ({"state": State.SUCCESS}, "–"),
        ({"state": State.FAIL}, "–"),
        ({"state": State.WAITING, "create_time_ms": NOW_MS - 12_000}, "12s"),
        ({"state": State.WAITING, "create_time_ms": NOW_MS - 125_000}, "2m"),
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
    ("since_s", "width", "typical_ms", "shown"),
    [
        (0, 13, 32_000, "0s ▱▱▱▱▱▱▱"),
        (16, 13, 32_000, "16s ▰▰▰▱▱▱▱"),
        (31, 13, 32_000, "31s ▰▰▰▰▰▰▱"),
        (47, 13, 32_000, "47s ▰▰▰▰▰▰▰"),
        (49, 13, 32_000, "49s overdue"),
        # The bar needs a history, and room; so does the word.
        (16, 13, None, "16s"),
        (16, 8, 32_000, "16s"),
        (49, 8, 32_000, "49s"),
        (16, 10, 32_000, "16s ▰▰▱▱"),
        (49, 10, 32_000, "49s ▰▰▰▰"),
        # What takes more than its place is told in one unit, so that bar and word have theirs.
        (77_820, 13, 32_000, "21h overdue"),
    ],
)
def test_the_bar_grows_to_the_usual_time_and_becomes_a_word_well_after_it(
    since_s: int, width: int, typical_ms: int | None, shown: str
) -> None:
    waiting = task(state=State.WAITING, create_time_ms=NOW_MS - since_s * 1000)
    assert cell("cost", waiting, width, typical_ms) == shown


@pytest.mark.parametrize(
    ("width", "since_s", "overdue"), [(13, 49, "  49soverdue"), (8, 49, "  49s"), (13, 48, "")]
)
def test_what_is_overdue_has_the_colour_of_problems_at_every_width(
    width: int, since_s: int, overdue: str
) -> None:
    waiting = task(state=State.WAITING, create_time_ms=NOW_MS - 1000 * since_s)
    cell = COLUMNS["cost"].cell(waiting, Moment(NOW_MS, lambda _: Usual(32_000, 40_000, 48_000)), width)
    assert "".join(text for text, style in cell if style == "overdue") == overdue


@pytest.mark.parametrize(
    ("fields", "width", "shown"),
    [
        ({"state": State.WAITING, "raw_state": "queuing"}, 11, "◐ queuing"),
        ({"state": State.WAITING, "raw_state": "generating"}, 12, "◐ generating"),
        ({"state": State.WAITING, "raw_state": "generating", "problem": PROBLEM}, 12, "◐ generat… !"),
        ({"state": State.SUCCESS, "raw_state": "completed"}, 11, "✓ success"),
        ({"state": State.SUCCESS, "result_count": 2, "saved_count": 2}, 11, "✓ success ↓"),
        ({"state": State.SUCCESS, "result_count": 2, "saved_count": 2}, 3, "✓ ↓"),
        ({"state": State.FAIL, "raw_state": "fail"}, 11, "× fail"),
        ({"state": State.FAIL}, 3, "×"),
        ({}, 11, "○ new"),
        ({"state": State.WAITING, "problem": PROBLEM}, 11, "◐ waiting !"),
        ({"state": State.WAITING, "problem": PROBLEM, "asked_at_ms": NOW_MS}, 11, "◐ waiting …"),
        ({"state": State.WAITING, "problem": PROBLEM}, 3, "◐ !"),
    ],
)
def test_a_state_is_a_symbol_and_a_word_and_a_sign_of_what_else_is_to_know(
    fields: dict[str, object], width: int, shown: str
) -> None:
    assert cell("state", task(**fields), width) == shown


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"label": "hero", "prompt": "A fox"}, "hero  A fox"),
        ({"label": "hero"}, "hero  not checked yet  t"),
        ({"prompt": "A fox\nin the\tsnow"}, "A fox in the snow"),
        ({}, "not checked yet  t"),
        ({"checks": 3, "state": State.WAITING}, "–  t"),
        ({"checks": 1, "state": State.FAIL, "fail_msg": "Invalid\ninput"}, "Invalid input"),
        ({"checks": 1, "state": State.FAIL, "fail_code": "422"}, "422"),
        ({"checks": 1, "state": State.FAIL}, "–  t"),
        (
            {"checks": 1, "problem": Problem(ProblemKind.NOT_FOUND, "no such task", NOW_MS)},
            "not found: no such task",
        ),
    ],
)
def test_label_and_prompt_else_what_is_known(fields: dict[str, object], shown: str) -> None:
    assert cell("label", task(**fields)) == shown


@pytest.mark.parametrize(
    ("prompts", "shown"),
    [
        (["A mug, matte black glaze, oak", "A mug, matte black glaze, ash"], ["…glaze, oak", "…glaze, ash"]),
        # Those that differ within half of the cell, those that are the same, and those without one stay as they are.
        (["A mug, red", "A mug, blue"], ["A mug, red", "A mug, blue"]),
        (["A mug on a walnut desk"] * 2 + [None], ["A mug on a walnut desk"] * 2 + ["not checked yet  t"]),
        # Among those that share something some share more.
        (
            [
                f"A mug on a walnut desk, {end}"
                for end in ("red ink on wet paper, 1", "red ink on wet paper, 2", "blue")
            ],
            ["…paper, 1", "…paper, 2", "…desk, blue"],
        ),
    ],
)
def test_what_prompts_share_is_left_out_where_it_takes_half_of_the_cell(
    prompts: list[str | None], shown: list[str]
) -> None:
    tasks = [task(seq=n, prompt=prompt) for n, prompt in enumerate(prompts)]
    assert [cell("label", each, 24, shared=shared_of(tasks, 24)) for each in tasks] == shown


@pytest.mark.parametrize("cells", [34, 77, 97, 74, 100, 126, 197])
def test_the_rows_of_a_batch_can_be_told_apart(cells: int) -> None:
    begin = "Product photo of a handmade ceramic mug, matte black glaze, on a walnut desk, "
    colours = (
        "red",
        "green",
        "blue",
        "amber and gold with a long description of its own that all of them have",
    )
    tasks = [
        task(seq=n, label="mugs", prompt=f"{begin}{colours[n % 4]}, soft light, variant {n}")
        for n in range(300)
    ]
    width = widths(cells)["label"]
    for top in range(0, 300, 30):
        rows = tasks[top : top + 90]
        shared = shared_of(rows, width)
        shown = [cell("label", each, width, shared=shared, says_label=False)[: width - 1] for each in rows]
        assert all(a != b for a, b in pairwise(shown)), shown


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
        ({"checked_at_ms": NOW_MS, "problem": PROBLEM}, 19, "now ! server error"),
        ({"checked_at_ms": NOW_MS, "problem": PROBLEM}, 7, "now !"),
    ],
)
def test_the_age_of_the_last_check_and_its_problem(fields: dict[str, object], width: int, shown: str) -> None:
    assert cell("checked", task(**fields), width) == shown


def test_times_that_no_clock_knows_do_no_harm() -> None:
    for at_ms in (-(2**63), -1, 0, 2**62):
        for name in DEFAULT_COLUMNS:
            for state in State:
                cell(name, task(state=state, create_time_ms=at_ms, checked_at_ms=at_ms, cost_time_ms=at_ms))


def test_credits_and_family_are_there_for_those_who_want_them() -> None:
    music = task(credits=0.0, record_path="/api/v1/generate/record-info")
    assert (cell("credits", music), cell("family", music)) == ("0", "generate")
    assert cell("credits", task(credits=12.5)) == "12.5"
    assert (cell("credits", task()), cell("family", task())) == ("–", "–")
    assert not {"credits", "family"} & set(DEFAULT_COLUMNS)


def test_a_result_that_was_removed_says_so_where_it_would_expire() -> None:
    assert cell("expires", task(state=State.SUCCESS, result_count=1, purged=True)) == "removed"
    own = task(state=State.SUCCESS, result_count=1, result_expires_at_ms=NOW_MS + 60_000)
    assert cell("expires", own).startswith("1m")


@pytest.mark.parametrize(
    ("results", "picked", "rejected", "shown"),
    [(0, 0, 0, ""), (4, 0, 0, "–"), (4, 2, 1, "2/4"), (4, 0, 1, "0/4")],
)
def test_the_column_of_picks_is_empty_until_somebody_chooses(
    results: int, picked: int, rejected: int, shown: str
) -> None:
    assert cell("picks", task(result_count=results, picked_count=picked, rejected_count=rejected)) == shown
