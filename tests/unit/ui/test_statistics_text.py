"""Statistics as text: numbers stand under each other, rows of bars apart, the ends of an axis have names."""

from __future__ import annotations

import pytest

from taskdash.domain.tally import HOUR_MS, TaskFigures
from taskdash.domain.task import State
from taskdash.ui.text.figures import statistics_text

NOW_MS = 1_777_475_100_000
DIALOG_CELLS = 73
"""What the dialog leaves at 80x24."""
OUTCOMES = [
    *(
        TaskFigures("gpt-image-2-text-to-image", State.SUCCESS, 20_000 + 500 * n, NOW_MS - n)
        for n in range(20)
    ),
    *(
        TaskFigures("seedance-2.0-text-to-video", State.SUCCESS, 110_000, NOW_MS - 3 * HOUR_MS)
        for _ in range(5)
    ),
    TaskFigures("seedance-2.0-text-to-video", State.FAIL, None, NOW_MS),
    TaskFigures(None, State.NEW),
]


def test_statistics_are_a_table_and_two_charts() -> None:
    text = statistics_text(OUTCOMES, NOW_MS, DIALOG_CELLS).plain
    assert [line.rstrip() for line in text.split("\n")] == [
        "Model                       Tasks  Success    p50    p90",
        "gpt-image-2-text-to-image      20   100.0%    24s    28s",
        "seedance-2.0-text-to-video      6    83.3%  1m50s  1m50s",
        "unknown                         1        –      –      –",
        "All                            27    96.2%    26s  1m50s",
        "",
        "Finished per hour (peak 21)",
        "····················▂··█",
        "24h ago ──────────── now",
        "26 tasks in the last 24 hours, 25 succeeded",
        "",
        "Histogram, fastest to slowest",
        "gpt-image-2-text-to-image   █▇▅·····················",
        "",
        "seedance-2.0-text-to-video  ·······················█",
        "                            20s ────────────── 1m50s",
    ]


@pytest.mark.parametrize("width", [36, 40, 50, DIALOG_CELLS, 200])
def test_no_row_of_figures_is_wider_than_there_is_room(width: int) -> None:
    lines = statistics_text(OUTCOMES, NOW_MS, width).plain.split("\n")
    assert max(len(line) for line in lines if "succeeded" not in line and "Histogram" not in line) <= width


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


def test_where_nothing_finished_a_line_says_so() -> None:
    text = statistics_text([TaskFigures(None, State.WAITING)] * 3, NOW_MS, DIALOG_CELLS).plain
    assert text.endswith("Nothing finished in the last 24 hours (3 unfinished).")
