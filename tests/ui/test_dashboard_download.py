"""`d` hands results over to be saved, says where they go and what came of it, and shows how far it is meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.ui.driven_dashboard import (
    PAGE_SUCCESS,
    PROFILE,
    FakeDownloads,
    configure,
    driven,
    fill_with_the_page,
)

from taskdash.domain.batches import Notice
from taskdash.results.downloads import DownloadStatus, Running
from taskdash.store.store import Store
from taskdash.ui.context import Context


@pytest.fixture
def desk(desk: Context) -> Context:
    configure(desk, download_dir=Path("/pictures"))
    return desk


BUSY = DownloadStatus(
    total=12,
    saved=2,
    running=(Running("hero-1", 50, 100), Running("night-2", 10, None)),
    speed=2_097_152.0,
    left_s=61.0,
)


async def test_d_saves_the_row_and_says_where(desk: Context, other: Store, downloads: FakeDownloads) -> None:
    fill_with_the_page(other)
    seq = other.tasks.find(PROFILE, PAGE_SUCCESS).seq
    async with driven(desk, total=3) as dash:
        assert downloads.starts == 0, "nothing is started before it is needed"
        await dash.press("j", "d", said="Saving 1 result to /pictures.")
        assert downloads.asked == [[seq]]
        await dash.press("j", "d", said="No result: the task failed.")
        assert downloads.asked == [[seq]]
    assert downloads.starts == 1


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_lines_tell_how_far_it_is_a_key_cancels_and_what_came_of_it_is_a_toast(
    desk: Context, other: Store, downloads: FakeDownloads, size: tuple[int, int]
) -> None:
    fill_with_the_page(other)
    async with driven(desk, size, total=3) as dash:
        await dash.press("X", said="No downloads running.")
        await dash.press("A", shown="3 tasks marked")
        await dash.press("d", said="Saving 1 result to /pictures. Skipped 2 tasks without a result.")
        assert len(downloads.asked) == 1
        downloads.say(status=BUSY)
        await dash.until_shown("2/12 results · 2.0 MiB/s · 1m1s left")
        assert ("hero-1" in dash.screen) == (size[1] > 30)
        await dash.press("X")
        await dash.until(lambda: downloads.cancels == 1, "the cancellation")
        news = (Notice("Saved 1 file to /[/]pictures."), Notice("2 failed: [red]no", is_bad=True))
        downloads.say(*news, status=replace(BUSY, saved=12, running=()))
        await dash.until_said("Saved 1 file to /[/]pictures.")
        await dash.until_said("2 failed: [red]no")
        await dash.until_gone("/12 results")


async def test_saved_results_show_in_the_row_and_in_the_detail(desk: Context, other: Store) -> None:
    desk.view = replace(desk.view, columns=(*desk.view.columns, "saved"))
    fill_with_the_page(other)
    seq = other.tasks.find(PROFILE, PAGE_SUCCESS).seq
    async with driven(desk, (160, 36), total=3) as dash:
        await dash.press("j", cursor=PAGE_SUCCESS)
        assert "↓" not in dash.row("success")
        other.saved.keep(seq, 1, Path("/pictures/[/]cat-1.png"), 7, 0)
        await dash.until(lambda: "✓ success ↓" in dash.row("success"), "the row says that it is saved")
        assert dash.row("success").rstrip().endswith("saved")
        await dash.until_in_pane("1 saved /pictures/[/]cat-1.png")


async def test_it_begins_by_itself_where_the_config_says_so_and_ends_with_the_dashboard(
    desk: Context, other: Store, downloads: FakeDownloads
) -> None:
    configure(desk, auto_download=True)
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.until(lambda: downloads.starts == 1, "it begun")
        downloads.say(Notice("Not saved: x is a private address", is_bad=True))
        await dash.until_said("Not saved: x is a private address")
    desk.close()
    assert downloads.stopped
