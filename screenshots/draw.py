"""Draws the pictures in this folder from the real dashboard on the embedded demo API: an SVG and a PNG of each.

`gallery` has the dashboard at five sizes and every other screen at two, dark and light.

Run with `make screenshots`. The PNG is rendered from the SVG with Fira Code, whatever fonts the machine has; for
other scripts than those of Europe, and emoji, it takes what it finds (such as Debian's fonts-wqy-zenhei and
fonts-noto-color-emoji).
"""

from __future__ import annotations

import asyncio
import html
import io
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import fontpkg_fira_code
import resvg_py
from PIL import Image
from rich.cells import cell_len

from taskdash.config.profile import Profile
from taskdash.config.settings import Settings, demo_settings
from taskdash.demo.server import DemoApi
from taskdash.domain.query import Query
from taskdash.domain.secret import KnownKeys
from taskdash.ui.app import Dashboard
from taskdash.wiring import Wiring, open_context

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from taskdash.store.store import Store
    from taskdash.ui.context import Context

FOLDER: Final = Path(__file__).parent
FONT: Final = next(Path(fontpkg_fira_code.__file__).parent.rglob("*.ttf"))
COLOURS: Final = 200
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


async def label_batches(pilot: Pilot[None]) -> None:
    """Give most tasks one of three labels."""

    def label(store: Store) -> None:
        seqs = store.tasks.seqs(Query("demo"), 0)
        for n, name in enumerate(("mugs", "posters", "autumn campaign")):
            store.edits.edit(seqs[n::4], label=name, note=None)

    await pilot.app.context.store.run(label)  # type: ignore[attr-defined] # it is the dashboard


LIST_READY: Final = wait_for_text("Tasks 1–")
SUCCESSES: Final = wait_for_text("Success 20")


def filter_by(text: str) -> list[Act]:
    """Filter, and go back to the list."""
    return [
        LIST_READY,
        SUCCESSES,
        press("slash", *text),
        wait_while_text("All 36"),
        press("enter"),
        without_toasts,
    ]


def open_by(key: str, text: str, first: Sequence[Act] = (LIST_READY, SUCCESSES, without_toasts)) -> list[Act]:
    """Press a key and wait for what it opens."""
    return [*first, press(key), wait_for_text(text)]


SIZES: Final = {"80x24": (80, 24), "120x36": (120, 36)}
MORE_SIZES: Final = {"100x30": (100, 30), "160x45": (160, 45), "200x60": (200, 60)}
"""Of the dashboard, beside those."""
THEMES: Final = {"dark": "textual-dark", "light": "textual-light"}
SHOTS: Final[dict[str, list[Act]]] = {
    "dashboard": [LIST_READY, SUCCESSES],
    "add": [LIST_READY, paste(PASTE), wait_for_text("ignored")],
    "filter": [LIST_READY, SUCCESSES, press("slash", *"model:seedance"), wait_while_text("All 36")],
    "failure": [
        LIST_READY,
        press("["),
        wait_for_text("[× Fail"),
        press("j"),
        wait_for_text("content policy"),
    ],
    "preview": [*filter_by("autumn"), press("enter"), wait_for_text("WebP, "), without_toasts],
    "download": [*filter_by("state:success"), press("A", "d"), wait_for_text("aved")],
    "review": [
        *open_by("b", "[All "),
        wait_while_text("loading"),
        press("p", "right", "right", "p", "right", "x", "down", "p", "right"),
        wait_while_text("loading"),
    ],
    "review-large": [
        *open_by("b", "[All ", filter_by("autumn")),
        wait_while_text("loading"),
        press("p", "enter"),
        wait_for_text("Result 1 of"),
        wait_while_text("loading"),
    ],
    "failures": open_by("F", "Latest ("),
    "batches": open_by("B", "Batches, newest", (LIST_READY, SUCCESSES, label_batches, without_toasts)),
    "statistics": open_by("t", "p90"),
    "copy": open_by("c", "curl", filter_by("autumn")),
    "choose": open_by("o", "Open which", filter_by("variations")),
    "columns": open_by("C", "Columns, left"),
    "sort": open_by("s", "Sort by"),
    "edit": open_by("e", "Label and note"),
    "remove": open_by("x", "Remove this task"),
    "raw": open_by("J", "Raw response for", filter_by("autumn")),
    "palette": open_by(":", "Search for"),
    "help": open_by("?", "In the list"),
    "messages": open_by("m", "Messages"),
    "status": [
        LIST_READY,
        SUCCESSES,
        without_toasts,
        press(":", *"status", "enter"),
        wait_for_text("Watcher"),
    ],
    "welcome": [wait_for_text("open the demo")],
    "tour": [LIST_READY, wait_for_text("New here?")],
}
IN_README: Final = ("review", "dashboard", "add", "filter", "preview", "download", "failures")


@contextmanager
def demo_context(shot: str) -> Iterator[Context]:
    """A context on the demo API and a store that is thrown away."""
    with tempfile.TemporaryDirectory() as folder, DemoApi(tier="standard") as api:
        settings = demo_settings(api.base_url, api.key, download_dir=Path(folder), tier="standard")
        wiring = Wiring(settings, {}, Path(folder) / "tasks.db", KnownKeys())
        context = open_context(wiring, is_demo=True)
        # The dashboard as it is on everybody's own list, but for the pictures of the demo's tour.
        context.is_demo = shot == "tour"
        if shot == "welcome":
            context.config_path = Path("~/.config/taskdash/config.toml")
            profile = Profile(name="demo", base_url=api.base_url)
            context.settings = Settings(profile="demo", profiles={"demo": profile})
            context.key_advice = "export AIGPTIMAGE_API_KEY=... and start again"
        now_ms = context.clock.now_ms()
        ids = [] if shot == "welcome" else api.task_ids
        context.store.submit(lambda store: store.additions.add("demo", ids, now_ms)).result()
        try:
            yield context
        finally:
            context.close()


async def draw(shot: str, size: tuple[int, int]) -> dict[str, str]:
    """Draw one picture; return its SVG in each theme."""
    with demo_context(shot) as context:
        app = Dashboard(context)
        async with app.run_test(size=size, notifications=True) as pilot:
            for act in SHOTS[shot]:
                await act(pilot)
            drawn = {}
            for name, theme in THEMES.items():
                app.theme = theme
                await pilot.pause(0.3)
                drawn[name] = wide_characters(local_font(app.export_screenshot(title="taskdash")))
            return drawn


def keep(svg: str, path: Path, *, with_svg: bool) -> None:
    """Write a picture as PNG, and as SVG too where it is to be scaled."""
    if with_svg:
        path.with_suffix(".svg").write_text(svg, "utf-8")
    png = resvg_py.svg_to_bytes(svg_string=svg, font_files=[str(FONT)], zoom=1.0)
    picture = Image.open(io.BytesIO(bytes(png))).convert("RGB")
    # A screen has few colours: so it takes a third of the room.
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path.with_suffix(".png"), optimize=True)
    print(f"{path.relative_to(FOLDER.parent)}.png", flush=True)


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
    (FOLDER / "gallery").mkdir(exist_ok=True)
    for shot in sys.argv[1:] or SHOTS:
        sizes = SIZES | MORE_SIZES if shot == "dashboard" else SIZES
        for size_name, size in sizes.items():
            drawn = asyncio.run(draw(shot, size))
            for theme, svg in drawn.items():
                keep(svg, FOLDER / "gallery" / f"{shot}-{size_name}-{theme}", with_svg=False)
            if size_name == "120x36" and shot in IN_README:
                keep(drawn["dark"], FOLDER / shot, with_svg=True)


if __name__ == "__main__":
    main()
