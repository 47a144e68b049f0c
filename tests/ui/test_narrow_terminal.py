"""A tall narrow split of the terminal: whatever is said is said to its end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.servers import fail_body, success_body
from tests.ui.driven_dashboard import NOW_MS, Dash, add_answered, driven, uuid

from taskdash.domain.tally import TaskFigures
from taskdash.domain.task import State
from taskdash.ui.text.statistics import statistics_text

if TYPE_CHECKING:
    from taskdash.store.store import Store
    from taskdash.ui.context import Context


@pytest.mark.dashboard(size=(40, 15))
async def test_the_tabs_give_up_words_before_counts(dash: Dash) -> None:
    assert dash.lines[1].split() == ["[All", "3]", "○", "0", "◐", "1", "✓", "1", "×", "1"]
    await dash.press("]", "]", shown="[◐ Waiting 1]")
    assert dash.lines[1].split() == ["All", "3", "○", "0", "[◐", "Waiting", "1]", "✓", "1", "×", "1"]


async def test_times_stand_on_one_line_each_beside_a_table_of_usual_width(
    desk: Context, other: Store
) -> None:
    task_id = uuid(1)
    add_answered(other, fail_body(task_id, createTime=NOW_MS - 300 * 86_400_000))
    async with driven(desk, (120, 36), total=1) as dash:
        await dash.until_shown("15:05:00  300d")
        assert not [line for line in dash.lines if re.search("│ *(300d|ago) *$", line)]


def test_statistics_leave_columns_out_rather_than_wrap() -> None:
    outcomes = [
        TaskFigures(f"gpt-image-{n % 3}-text-to-image", State.SUCCESS, 100_000 + n, NOW_MS - n * 60_000)
        for n in range(30)
    ]
    for width, titles in ((90, "p50 p90"), (50, "p50 p90"), (33, "p50")):
        lines = statistics_text(outcomes, NOW_MS, width).plain.split("\n")
        assert " ".join(lines[0].split()).endswith(f"Success {titles}")
        assert max(map(len, lines)) <= max(width, 44)
        for n in range(3):
            assert sum(line.startswith(f"gpt-image-{n}-text-to-image") for line in lines) == 2


async def test_statistics_that_scroll_keep_a_line_a_row(desk: Context, other: Store) -> None:
    for n in range(9):
        add_answered(other, success_body(uuid(n), model=f"seedance-{n}.0-image-to-video"))
    async with driven(desk, (80, 24), total=9) as dash:
        await dash.press("t", dialog="Statistics", shown="seedance-3.0-image-to-video")
        names = [y for y, line in enumerate(dash.lines) if "-image-to-video" in line and "│  seed" in line]
        assert len(names) > 3
        for y in names:
            assert "100.0%  32s  32s" in dash.lines[y]
