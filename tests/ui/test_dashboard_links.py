"""Links as links: to the terminal, under the mouse, and of several tasks at once."""

from __future__ import annotations

from pathlib import Path

from tests.servers import success_body
from tests.ui.driven_dashboard import PAGE_LINK, Dash, FakeBrowser, add, add_answered, answer, driven, uuid

from taskdash.store.store import Store
from taskdash.ui.context import Context
from taskdash.ui.screens.task_actions import ASK_ABOVE, MAX_AT_ONCE


def hyperlinks(dash: Dash) -> list[tuple[str, str]]:
    """Text and target of each piece of a link on the screen, top to bottom."""
    return [
        (segment.text, segment.style.link)
        for strip in dash.app.screen._compositor.render_strips()
        for segment in strip
        if segment.style is not None and segment.style.link
    ]


async def test_a_long_link_takes_one_line_and_leads_to_its_place_percent_encoded(
    desk: Context, other: Store
) -> None:
    link = "https://cdn.example.com/ü/$(touch)'z'/灯?sig=a+b%2F" + "x" * 90
    encoded = "https://cdn.example.com/%C3%BC/%24%28touch%29%27z%27/%E7%81%AF?sig=a+b%2F" + "x" * 90
    add_answered(other, success_body(uuid(1), [link]))
    async with driven(desk, total=1) as dash:
        await dash.until(lambda: bool(hyperlinks(dash)), "a link on the screen")
        pieces = hyperlinks(dash)
        assert len(pieces) == 1
        assert pieces[0][0].startswith("https://cdn.e")
        assert "灯?…" in pieces[0][0]
        assert pieces[0][1] == encoded


# The mouse


async def where(dash: Dash, text: str) -> tuple[int, int]:
    await dash.until_shown(text)
    await dash.settle()  # it may move once more as the pane is given its size
    line = next(y for y, shown in enumerate(dash.lines) if text in shown)
    return dash.lines[line].index(text), line


async def test_a_click_on_a_link_opens_it(desk: Context, other: Store, browser: FakeBrowser) -> None:
    links = [f"https://cdn.example.com/{n}.png" for n in range(1, 4)]
    add_answered(other, success_body(uuid(1), links))
    async with driven(desk, total=1) as dash:
        column, line = await where(dash, links[1])
        await dash.pilot.click(offset=(column + 3, line))
        await dash.until_said("Result 2: opened in the browser")
        assert browser.opened == [links[1]]


async def test_a_click_beside_a_link_or_a_selection_of_it_opens_nothing(
    browser: FakeBrowser, dash: Dash
) -> None:
    await dash.press("j")
    column, line = await where(dash, PAGE_LINK)
    await dash.pilot.click(offset=(column + 3, line + 2))
    await dash.pilot.click(offset=(column + 3, line - 1))
    await dash.settle()
    assert (browser.opened, dash.said) == ([], [])
    await dash.pilot.mouse_down(offset=(column, line))
    await dash.pilot.hover(offset=(column + 20, line))
    await dash.pilot.mouse_up(offset=(column + 20, line))
    await dash.press("ctrl+c", said="Copied the selection (sent to the terminal).")
    assert dash.app.clipboard.startswith("https://cdn.example")
    assert browser.opened == []


async def test_a_click_on_a_saved_result_opens_its_file_or_where_there_is_none_the_link(
    desk: Context, other: Store, browser: FakeBrowser, tmp_path: Path
) -> None:
    names = ("cat.png", "gone.png", "trap.desktop")
    links = [f"https://cdn.example.com/{n}.png" for n in range(len(names))]
    add_answered(other, success_body(uuid(1), links))
    for n, name in enumerate(names, 1):
        path = tmp_path / name
        path.write_bytes(b"picture")
        other.saved.keep(other.tasks.find("aigptimage", uuid(1)).seq, n, path, 7, 0)
    (tmp_path / "gone.png").unlink()
    opened = [(tmp_path / "cat.png").as_uri(), links[1], links[2]]
    async with driven(desk, (200, 50), total=1) as dash:
        for n, name in enumerate(names):
            column, line = await where(dash, name)
            await dash.pilot.click(offset=(column + 1, line))
            await dash.until(lambda n=n: browser.opened == opened[: n + 1], "it is opened")  # type: ignore[misc]
        assert "opened cat.png" in dash.said[0]


# Of several tasks


def finished(store: Store, count: int, *links: str) -> None:
    """So many tasks, the first of them with these results."""
    add(store, *(uuid(n) for n in range(count)))
    for n, link in enumerate(links):
        answer(store, uuid(n), success_body(uuid(n), [link, f"{link}?second"]))


def links(count: int) -> list[str]:
    return [f"https://cdn.example.com/{n}.png" for n in range(count)]


async def test_keys_on_marks_open_that_result_of_each(
    desk: Context, other: Store, browser: FakeBrowser
) -> None:
    finished(other, 4, *links(3))
    async with driven(desk, total=4) as dash:
        await dash.press("A", "o", said="Opened 3 results in the browser. Skipped 1 task without a result.")
        assert browser.opened == links(3)
        browser.opened.clear()
        await dash.press("2", said_times=2)
        assert browser.opened == [f"{link}?second" for link in links(3)]
        await dash.press("3", said="No result 3 in these 4 tasks.")


async def test_many_are_asked_about_first(desk: Context, other: Store, browser: FakeBrowser) -> None:
    count = ASK_ABOVE + 1
    finished(other, count, *links(count))
    async with driven(desk, total=count) as dash:
        await dash.press("A")
        for key in ("n", "escape", "y"):
            await dash.press("o", shown=f"Open {count} results in the browser, one per task?")
            assert (browser.opened, dash.said) == ([], [])
            await dash.press(key, dialog=None)
        await dash.until_said(f"Opened {count} results in the browser.")
        assert browser.opened == links(count)


async def test_too_many_are_not_opened_and_the_way_out_is_named(
    desk: Context, other: Store, browser: FakeBrowser
) -> None:
    count = MAX_AT_ONCE + 1
    finished(other, count, *links(count))
    async with driven(desk, total=count) as dash:
        await dash.press("A", "o")
        await dash.until_said(
            f"{count} results are too many to open at once (limit {MAX_AT_ONCE}). Press u to copy the links."
        )
        assert browser.opened == []


async def test_without_a_browser_the_links_of_all_marks_are_copied(
    desk: Context, other: Store, browser: FakeBrowser
) -> None:
    browser.refusal = "no browser here (this is an SSH session)"
    finished(other, 3, *links(3))
    async with driven(desk, total=3) as dash:
        await dash.press("A", "o")
        await dash.until_said(
            "no browser here (this is an SSH session): 3 links copied (sent to the terminal)."
        )
        assert dash.app.clipboard == "\n".join(links(3))
