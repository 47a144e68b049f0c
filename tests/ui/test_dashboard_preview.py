"""The picture of a result in the detail pane: there when the cursor rests, gone when it moves on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from tests.pictures import halves, kept_picture
from tests.servers import success_body, waiting_body
from tests.ui.driven_dashboard import Dash, add, answer, driven, driven_by, uuid
from tests.ui.picture_source import Source, link

from taskdash.demo.jobs import MEDIA_FOLDER
from taskdash.results.links import ExpiredError
from taskdash.results.previews import Decoders, OtherKindError, Picture, PreviewFiles, Previews
from taskdash.store.store import Store
from taskdash.ui.app import Dashboard
from taskdash.ui.context import Context
from taskdash.ui.widgets import preview as widget
from taskdash.ui.widgets.picture import UPPER_HALF, PictureView
from taskdash.ui.widgets.preview import Preview

FIRST, SECOND, FOUR, RUNNING = uuid(1), uuid(2), uuid(3), uuid(4)


PICTURE = kept_picture()


@pytest.fixture(autouse=True)
def halves_decoded_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no process for a picture that is always the same."""
    small_png = Decoders.small_png

    async def known(decoders: Decoders, file: IO[bytes], **options: Any) -> Picture:
        is_known = file.read() == halves()
        file.seek(0)
        return PICTURE if is_known else await small_png(decoders, file, **options)

    monkeypatch.setattr(Decoders, "small_png", known)


@pytest.fixture
def desk(desk: Context, other: Store, source: Source, tmp_path: Path) -> Context:
    """Four tasks: two with a picture, one with four, one that runs."""
    add(other, FIRST, SECOND, FOUR, RUNNING)
    for task_id, count in ((FIRST, 1), (SECOND, 1), (FOUR, 4)):
        answer(other, task_id, success_body(task_id, [link(task_id, n) for n in range(1, count + 1)]))
    answer(other, RUNNING, waiting_body(RUNNING))
    desk.make_previews = lambda: Previews(source, PreviewFiles(tmp_path / "previews"))
    return desk


@pytest.fixture
def listed() -> int:
    return 4


def picture(dash: Dash) -> PictureView:
    return dash.main.query_one(PictureView)


def preview(dash: Dash) -> Preview:
    return dash.main.query_one(Preview)


async def until_picture(dash: Dash) -> None:
    await dash.until(lambda: bool(dash.main.query(PictureView)), "a place for pictures")
    await dash.until(lambda: picture(dash).drawn is not None, "a picture", 20)
    await dash.settle()


async def test_it_is_there_once_the_cursor_rests(desk: Context, source: Source) -> None:
    begun_s = time.monotonic()
    async with driven(desk, total=4) as dash:
        await until_picture(dash)
        assert time.monotonic() - begun_s > 0.25
        assert source.asked == [link(FIRST)]
        await dash.until_shown("PNG, 80 × 80")
        assert dash.screen.count(UPPER_HALF) == 16 * 8
        assert "✓ success" in dash.screen


async def test_of_tasks_passed_over_nothing_is_fetched(
    desk: Context, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(widget, "REST_S", 3_600.0)
    async with driven(desk, total=4) as dash:
        for key, task_id in (("j", SECOND), ("j", FOUR), ("k", SECOND)):
            await dash.press(key, in_pane=task_id)
        await dash.settle()
        assert source.asked == []
        monkeypatch.setattr(widget, "REST_S", 0.0)
        await dash.press("i", "i")
        await until_picture(dash)
        assert source.asked == [link(SECOND)]


async def test_moving_on_ends_the_fetch_and_takes_the_picture_away(source: Source, dash: Dash) -> None:
    await until_picture(dash)
    source.open.clear()
    await dash.press("j")
    await dash.until(lambda: picture(dash).drawn is None, "the picture of the first task gone")
    assert UPPER_HALF not in dash.screen
    await dash.until_shown("loading picture")
    await dash.until(lambda: source.asked == [link(FIRST), link(SECOND)], "the second is fetched")
    await dash.press("G")
    await dash.until(lambda: source.cancelled == [link(SECOND)], "the second fetch ended")
    await dash.until_in_pane("◐ waiting")
    assert not preview(dash).display
    source.open.set()
    await dash.press("g")
    await until_picture(dash)
    assert source.asked == [link(FIRST), link(SECOND)], "the first one is still in memory"


async def test_a_hidden_pane_fetches_nothing(source: Source, dash: Dash) -> None:
    await until_picture(dash)
    await dash.press("v", "v")
    await dash.until(lambda: not dash.main.pane.display, "the pane hidden")
    await dash.until(lambda: picture(dash).drawn is None, "gone with the pane")
    await dash.press("j")
    await asyncio.sleep(0.4)
    assert source.asked == [link(FIRST)]
    await dash.press("v")
    await dash.until(lambda: source.asked == [link(FIRST), link(SECOND)], "the second is fetched")
    await until_picture(dash)


async def test_each_result_in_turn_or_why_there_is_no_next_one(source: Source, dash: Dash) -> None:
    await dash.press("j", "j")
    await dash.until_shown("Preview 1/4 · PNG, 80 × 80", 20)
    await dash.press("I")
    await dash.until_shown("Preview 2/4 · PNG, 80 × 80", 20)
    assert source.asked[-2:] == [link(FOUR, 1), link(FOUR, 2)]
    await dash.press("k", in_pane=SECOND)
    await dash.press("I", said="No other result")
    await dash.press("j", in_pane=FOUR)
    await dash.press("i", "I", said="Picture preview is off. Press i to turn it on.")
    await dash.press("i")
    await until_picture(dash)
    await dash.press("v", "v")
    await dash.until(lambda: picture(dash).drawn is None, "gone with the pane")
    await dash.press("I", said="No room for a picture here.")


async def test_a_dead_link_says_why_and_a_video_its_kind_and_size(source: Source, dash: Dash) -> None:
    source.refusals[link(SECOND)] = ExpiredError("the link has probably expired (HTTP 403)")
    source.refusals[link(FOUR)] = OtherKindError("MP4 video, 2.3 MiB")
    await dash.press("j")
    await dash.until_shown("no preview: the link has probably", 20)
    assert picture(dash).drawn is None
    await dash.press("j")
    await dash.until_shown("MP4 video, 2.3 MiB", 20)
    # Its link stands with the other results, once.
    await dash.until(lambda: dash.screen.count("https://cdn.") == 4, "its links")


async def test_without_the_extra_one_line_says_how_to_get_it(desk: Context, source: Source) -> None:
    desk.make_previews = lambda: Previews(source, None, is_installed=False)
    async with driven(desk, (200, 40), total=4) as dash:
        await dash.until_shown("pictures need one more package: ")
        assert "no preview:" not in dash.screen
        await dash.press("i", said="Picture preview off. Pictures need one more package: ")
        await dash.until_gone("pictures need one more package")
        await dash.press("i", said="Pictures need one more package: ")
        assert not [told for told in dash.said if "preview on" in told]
        await dash.until_shown("pictures need one more package")
        before = len(dash.said)
        await dash.press("I", said_times=before + 1)
        assert dash.said[-1].startswith("Pictures need one more package: ")
        assert source.asked == []


async def test_a_resize_brings_another_size_without_another_fetch(desk: Context, source: Source) -> None:
    source.picture = halves(256, 256)
    async with driven(desk, total=4) as dash:
        await until_picture(dash)
        before = picture(dash).drawn
        assert before is not None
        assert before.rows == 15
        await dash.pilot.resize_terminal(200, 60)
        await dash.until(lambda: getattr(picture(dash).drawn, "rows", 0) > 20, "a larger picture", 20)
        await dash.pilot.resize_terminal(80, 24)
        await dash.until(lambda: 0 < getattr(picture(dash).drawn, "rows", 0) < 8, "a smaller one", 20)
        await dash.settle()
        assert source.asked == [link(FIRST)]
        assert dash.main.pane.region.contains_region(picture(dash).region)


@pytest.mark.parametrize("size", ["80x24", "120x36"])
def test_picture_in_half_blocks(
    snap_compare: Callable[..., bool], desk: Context, source: Source, size: str
) -> None:
    source.picture = (MEDIA_FOLDER / "lighthouse.webp").read_bytes()

    async def act(dash: Dash) -> None:
        await until_picture(dash)
        await dash.until_shown("WebP, 768 × 768")

    columns, rows = map(int, size.split("x"))
    assert snap_compare(Dashboard(desk), terminal_size=(columns, rows), run_before=driven_by(desk, act, 4))
