"""Draws the pictures in this folder from the real dashboard on the embedded demo API: an SVG and a PNG of each.

Run with `make screenshots`. The PNG is rendered from the SVG with Fira Code, whatever fonts the machine has; for
other scripts than those of Europe it takes what it finds (such as Debian's fonts-wqy-zenhei).
"""

from __future__ import annotations

import asyncio
import html
import re
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import fontpkg_fira_code
import resvg_py
from rich.cells import cell_len

from taskdash.config.settings import demo_settings
from taskdash.demo.server import DemoApi
from taskdash.ui.app import Dashboard
from taskdash.wiring import open_desk

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from taskdash.ui.desk import Desk

FOLDER: Final = Path(__file__).parent
FONT: Final = next(Path(fontpkg_fira_code.__file__).parent.rglob("*.ttf"))
PASTE: Final = """\
$ python generate.py --batch 3
created task 7a1f0c52-9b1e-4c1b-8f5e-0d6a2f1b9c10
created task 0d0f6a1e-5c59-4f7e-9f0a-3c1d2b4e5f60
X-Request-ID: 3f2b8c1d-6a4e-4f0b-9d7c-5e1a2b3c4d5e
Authorization: Bearer sk-not-a-real-key-000000
"""

Act = Callable[["Pilot[None]"], Awaitable[None]]


async def settle(pilot: Pilot[None], until: Callable[[], bool], what: str) -> None:
    """Wait for a condition of the screen, at most 60 s."""
    for _ in range(1200):
        if until():
            break
        await pilot.pause(0.05)
    else:
        raise SystemExit(f"never happened: {what}")
    await pilot.pause()


def wait_for_text(text: str) -> Act:
    """Wait until the screen shows a text."""

    async def act(pilot: Pilot[None]) -> None:
        await settle(pilot, lambda: text in screen_text(pilot), f"{text!r} on the screen")

    return act


def wait_while_text(text: str) -> Act:
    """Wait until the screen no longer shows a text."""

    async def act(pilot: Pilot[None]) -> None:
        await settle(pilot, lambda: text not in screen_text(pilot), f"{text!r} gone")

    return act


def screen_text(pilot: Pilot[None]) -> str:
    """What the screen shows, as text."""
    strips = pilot.app.screen._compositor.render_strips()  # noqa: SLF001 - there is no public way to read the screen
    return "\n".join(strip.text for strip in strips)


def press(*keys: str) -> Act:
    """Press keys."""

    async def act(pilot: Pilot[None]) -> None:
        await pilot.press(*keys)
        await pilot.pause(0.2)

    return act


def paste(text: str) -> Act:
    """Paste a text."""

    async def act(pilot: Pilot[None]) -> None:
        from textual import events

        pilot.app.post_message(events.Paste(text))
        await pilot.pause(0.5)

    return act


async def without_toasts(pilot: Pilot[None]) -> None:
    """Take away what was told."""
    pilot.app.clear_notifications()
    await pilot.pause(0.1)


LIST_READY: Final = wait_for_text("watching")

SHOTS: Final[dict[str, tuple[tuple[int, int], list[Act]]]] = {
    "dashboard-120x36": ((120, 36), [LIST_READY, wait_for_text("Success 20")]),
    "dashboard-200x60": ((200, 60), [LIST_READY, wait_for_text("Success 20")]),
    "dashboard-80x24": ((80, 24), [LIST_READY, wait_for_text("Success 20")]),
    "add": ((120, 36), [LIST_READY, paste(PASTE), wait_for_text("ignored")]),
    "failure": (
        (120, 36),
        [
            LIST_READY,
            press("left_square_bracket"),
            wait_for_text("[× Fail"),
            press("j"),
            wait_for_text("content policy"),
        ],
    ),
    "filter": (
        (120, 36),
        [
            LIST_READY,
            wait_for_text("Success 19"),
            press("slash", "m", "o", "d", "e", "l", "colon", *"seedance"),
            wait_while_text("All 34"),
        ],
    ),
    "preview": (
        (120, 36),
        [
            LIST_READY,
            wait_for_text("Success 20"),
            press("slash", *"autumn"),
            wait_while_text("All 34"),
            press("enter", "enter"),
            wait_for_text("PNG, "),
            without_toasts,
        ],
    ),
    "help": ((120, 36), [LIST_READY, press("question_mark"), wait_for_text("add task IDs")]),
}


@contextmanager
def demo_desk() -> Iterator[Desk]:
    """A desk on the demo API and a store that is thrown away."""
    with tempfile.TemporaryDirectory() as folder, DemoApi(tier="standard") as api:
        settings = demo_settings(api.base_url, api.key, download_dir=Path(folder), tier="standard")
        desk = open_desk(settings, {}, Path(folder) / "tasks.db", is_demo=True)
        now_ms = desk.clock.now_ms()
        desk.store.submit(lambda store: store.tasks.add("demo", api.task_ids, now_ms)).result()
        try:
            yield desk
        finally:
            desk.close()


async def draw(name: str, size: tuple[int, int], acts: list[Act]) -> None:
    """Draw one picture."""
    with demo_desk() as desk:
        app = Dashboard(desk)
        async with app.run_test(size=size, notifications=True) as pilot:
            for act in acts:
                await act(pilot)
            svg = app.export_screenshot(title="taskdash")
    svg = wide_characters(local_font(svg))
    (FOLDER / f"{name}.svg").write_text(svg, "utf-8")
    png = resvg_py.svg_to_bytes(svg_string=svg, font_files=[str(FONT)], zoom=1.0)
    (FOLDER / f"{name}.png").write_bytes(bytes(png))


def local_font(svg: str) -> str:
    """The SVG without its fonts from a web server: a picture must not fetch anything."""
    return re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)


def wide_characters(svg: str) -> str:
    """The SVG with every text as long as its cells: the export counts characters, and squeezes wide ones."""

    def stretched(found: re.Match[str]) -> str:
        text = html.unescape(found["text"])
        length = float(found["length"]) * cell_len(text) / max(1, len(text))
        return f'textLength="{length:g}"{found["more"]}>{found["text"]}<'

    return re.sub(r'textLength="(?P<length>[\d.]+)"(?P<more>[^>]*)>(?P<text>[^<]*)<', stretched, svg)


def main() -> None:
    """Draw all of them, or those named as arguments."""
    import sys

    for name in sys.argv[1:] or SHOTS:
        size, acts = SHOTS[name]
        asyncio.run(draw(name, size, acts))
        print(f"screenshots/{name}.svg, .png")


if __name__ == "__main__":
    main()
