"""The block of lines that tells of downloads on a terminal."""

from __future__ import annotations

from taskdash.cli.download_lines import bar, block
from taskdash.cli.table import cell_width
from taskdash.results.download_status import DownloadStatus, Running

STATUS = DownloadStatus(
    total=12,
    saved=3,
    running=(Running("満月の夜-1", 50, 100), Running("hero-1", 2_048, None), Running("x" * 60, 0, 10)),
    speed=1_048_576.0,
    left_s=9.2,
)


def test_a_line_for_each_file_and_one_for_all() -> None:
    lines = block(STATUS, 40)
    assert lines[-1] == f"{bar(3.5 / 12)}  3 of 12 results  1.0 MiB/s  0:10 left"
    assert lines[0].endswith(f"{bar(0.5)}   50 % of 100 B")
    assert lines[1].endswith(f"{bar(0)}  2 KiB")
    assert len({cell_width(line[: line.index("[")]) for line in lines[:-1]}) == 1, (
        "the bars are in one column"
    )


def test_a_low_terminal_has_room_for_fewer() -> None:
    assert [len(block(STATUS, rows)) for rows in (1, 2, 3, 4, 5, 24)] == [1, 1, 2, 3, 4, 4]


def test_a_bar_is_never_longer_than_it_is() -> None:
    assert {len(bar(share)) for share in (0.0, 0.5, 1.0, 7.0)} == {22}
