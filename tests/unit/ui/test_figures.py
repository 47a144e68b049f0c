"""Figures as text: numbers stand under each other, rows of bars apart, and a narrow terminal leaves columns out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.batches import LabelFigures, Progress
from taskdash.domain.query import ExactTerm, parse_filter
from taskdash.domain.tally import HOUR_MS, TaskFigures
from taskdash.domain.task import State
from taskdash.ui.text.figures import batch_lines, statistics_text

NOW_MS = 1_777_475_100_000
DIALOG_CELLS = 73
"""Return what the dialog leaves at 80x24."""
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


# Batches


def batch(
    label: str | None, success: int = 0, fail: int = 0, waiting: int = 0, **more: object
) -> LabelFigures:
    counts = {State.NEW: 0, State.WAITING: waiting, State.SUCCESS: success, State.FAIL: fail}
    progress = Progress(label=label or "", done=success + fail, total=success + fail + waiting)
    known: dict[str, object] = {"overdue": 0, "credits": None, "without_credits": 0, "unsaved": 0}
    known |= {"expires_at_ms": None, **more}
    return LabelFigures(label=label, counts=counts, progress=progress, **known)  # type: ignore[arg-type] # its fields


BATCHES = [
    batch("mugs", 88, 12, 1_200, overdue=3, credits=1_234.5, without_credits=2, unsaved=88,
          expires_at_ms=NOW_MS + 5 * HOUR_MS - 1),
    batch("posters, the autumn campaign", 40, credits=160.0, expires_at_ms=NOW_MS - 1, unsaved=1),
    batch(None, 1, without_credits=1),
]  # fmt: skip


def lines(width: int) -> list[str]:
    titles, line = batch_lines(BATCHES, lambda each: 90_000 if each.label == "mugs" else None, NOW_MS, width)
    return [each.plain.rstrip() for each in (titles, *map(line, range(len(BATCHES))))]


def test_a_batch_is_a_line_with_a_column_for_each_thing_that_is_to_be_told() -> None:
    assert lines(110) == [
        "Label                                    ✓   ×      ◐  Overdue  Left   Credits  Unsaved  Expires",
        "mugs                          ▰▰▱▱▱▱▱▱  88  12  1,200        3    2m  1,234.5+       88       5h",
        "posters, the autumn campaign  ▰▰▰▰▰▰▰▰  40                                 160        1  expired",
        "without a label               ▰▰▰▰▰▰▰▰   1                                   –",
    ]


@pytest.mark.parametrize("width", [20, 40, 60, 72, 80, 200])
def test_a_narrow_terminal_keeps_the_label_and_the_counts(width: int) -> None:
    titles, *rows = lines(width)
    assert max(map(len, rows)) <= max(width, 32)
    assert rows[0].startswith("mug")
    assert "1,200" in rows[0]
    assert ("Credits" in titles) == (width >= 80)
    assert ("Overdue" in titles) == (width >= 60)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(3, 40))
def test_a_bar_is_full_and_has_a_cell_for_whatever_there_is(
    success: int, fail: int, waiting: int, cells: int
) -> None:
    if success + fail + waiting:
        shares = batch("x", success, fail, waiting).shares(cells)
        assert sum(shares) == cells
        for share, count in zip(shares, (success, fail, waiting), strict=True):
            assert (share > 0) == (count > 0)


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("mugs", "label:=mugs"),
        ("night run", 'label:="night run"'),
        ("夜\u3000景", 'label:="夜\u3000景"'),
        (None, 'label:=""'),
        ('5" disks', 'label:"5" label:" disks"'),
        ('"', '!label:=""'),
    ],
)
def test_a_batch_says_itself_as_a_filter(label: str | None, text: str) -> None:
    assert batch(label, 1).filter_text == text
    terms = parse_filter(text)
    assert terms == (ExactTerm.label(label),) or '"' in (label or "")
