"""The columns: who gives way when it gets narrow, and what each cell says."""

from __future__ import annotations

import pytest

from taskdash.config.settings import View
from taskdash.domain.task import Problem, ProblemKind, State, Task
from taskdash.ui.columns import COLUMNS, GAP, Moment, place_columns

DEFAULT_COLUMNS = View().columns
NOW_MS = 1_777_475_100_000


def cell(name: str, task: Task, width: int = 40, typical_ms: int | None = None) -> str:
    moment = Moment(NOW_MS, lambda _: typical_ms)
    return "".join(span.text for span in COLUMNS[name].cell(task, moment, width)).strip()


def task(**fields: object) -> Task:
    known: dict[str, object] = {"seq": 1, "profile": "p", "task_id": "t", "added_at_ms": NOW_MS - 5_000}
    return Task(**{**known, **fields})  # type: ignore[arg-type] # the names are Task's own


@pytest.mark.parametrize("width", range(30, 320))
def test_the_columns_fill_the_width_and_never_more(width: int) -> None:
    placed = place_columns(DEFAULT_COLUMNS, width)
    taken = sum(place.width for place in placed) + GAP * (len(placed) - 1)
    names = [place.column.name for place in placed]
    assert {"state", "label", "cost", "id"} <= set(names)
    assert names == [name for name in DEFAULT_COLUMNS if name in names]
    if width >= 80:
        assert taken <= width
        assert next(place.width for place in placed if place.column.flexible) >= 20


def test_a_wide_table_has_every_column_with_the_whole_id() -> None:
    placed = {place.column.name: place.width for place in place_columns(DEFAULT_COLUMNS, 198)}
    assert list(placed) == list(DEFAULT_COLUMNS)
    assert placed["id"] >= len("5064bd1a-025a-490b-b28f-6a9fa12eb88a")
    assert placed["model"] >= len("gpt-image-2-text-to-image")


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"state": State.SUCCESS, "cost_time_ms": 32_241}, "32.2 s"),
        ({"state": State.SUCCESS, "cost_time_ms": 0}, "0.0 s"),
        ({"state": State.SUCCESS}, "–"),
        ({"state": State.FAIL}, "–"),
        ({"state": State.WAITING, "create_time_ms": NOW_MS - 12_000}, "12 s"),
        ({"state": State.WAITING, "create_time_ms": NOW_MS - 125_000}, "2:05"),
        # Without a createTime it counts from when it was added, and a clock that is behind counts as no time.
        ({"state": State.WAITING}, "5 s"),
        ({"state": State.WAITING, "create_time_ms": NOW_MS + 60_000}, "0 s"),
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
    assert cell("cost", waiting, 22, 32_000).split(maxsplit=2)[-1] == bar


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
        ({"label": "hero", "prompt": "A fox"}, "hero"),
        ({"prompt": "A fox\nin the\tsnow"}, "A fox in the snow"),
        ({}, "not checked yet"),
        ({"checks": 3, "state": State.WAITING}, "–"),
        (
            {"checks": 1, "problem": Problem(ProblemKind.NOT_FOUND, "no such task", NOW_MS)},
            "not found: no such task",
        ),
    ],
)
def test_label_else_prompt_else_what_is_known(fields: dict[str, object], shown: str) -> None:
    assert cell("label", task(**fields)) == shown


def test_a_prompt_of_a_megabyte_costs_no_more_than_its_cell() -> None:
    assert len(cell("label", task(prompt="fox " * 250_000), 30)) < 1_000


@pytest.mark.parametrize(
    ("fields", "width", "shown"),
    [
        ({}, 19, "–"),
        ({"checked_at_ms": NOW_MS - 3_000}, 19, "3s"),
        ({"checked_at_ms": NOW_MS - 3_000, "asked_at_ms": NOW_MS}, 19, "asked"),
        (
            {"checked_at_ms": NOW_MS, "problem": Problem(ProblemKind.SERVER_ERROR, "x", NOW_MS)},
            19,
            "0s ! server error",
        ),
        ({"checked_at_ms": NOW_MS, "problem": Problem(ProblemKind.SERVER_ERROR, "x", NOW_MS)}, 7, "0s !"),
    ],
)
def test_the_age_of_the_last_check_and_its_problem(fields: dict[str, object], width: int, shown: str) -> None:
    assert cell("checked", task(**fields), width) == shown


def test_times_that_no_clock_knows_do_no_harm() -> None:
    for at_ms in (-(2**63), -1, 0, 2**62):
        for name in DEFAULT_COLUMNS:
            for state in State:
                cell(name, task(state=state, create_time_ms=at_ms, checked_at_ms=at_ms, cost_time_ms=at_ms))
