"""Draws `demo.gif` from the real dashboard on the embedded demo API: paste, watch, finish, look, download.

Run by `make screenshots`. While tasks are waited for, a frame is taken every second or so and shown for a third of one:
half a minute of waiting becomes a few seconds.
"""

from __future__ import annotations

import asyncio
import io
import json
import urllib.request
from typing import TYPE_CHECKING, Final

import resvg_py
from PIL import Image

from draw import FOLDER, FONT, demo_context, local_font, paste, press, wait_for_text, wide_characters
from taskdash.domain.curl import CREATE_PATH
from taskdash.ui.app import Dashboard

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from draw import Act
    from taskdash.ui.context import Context

SIZE: Final = (120, 36)
ZOOM: Final = 0.62
COLOURS: Final = 96
LONGEST_WAIT_S: Final = 60
EVERY_S: Final = 1.5
"""How often a frame is taken while tasks are waited for."""
SHOWN_MS: Final = 350
"""How long such a frame is shown."""
MODEL: Final = "gpt-image-2-text-to-image"
PROMPTS: Final = (
    "Hot-air balloons over a quiet harbour, risograph print in two colours",
    "Hot-air balloons over a quiet harbour, linocut, heavy black lines",
    "Hot-air balloons over a quiet harbour, watercolour, early morning mist",
)
LIST_CHECKED: Final = wait_for_text("New 1 ")


class Movie:
    """The frames so far, and how long each is shown."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self._pilot = pilot
        self._frames: list[Image.Image] = []
        self._shown_ms: list[int] = []

    async def scene(self, *acts: Act, shown_ms: int) -> None:
        """Do something, then take a frame."""
        for act in acts:
            await act(self._pilot)
        svg = wide_characters(local_font(self._pilot.app.export_screenshot(title="taskdash")))
        png = resvg_py.svg_to_bytes(svg_string=svg, font_files=[str(FONT)], zoom=ZOOM)
        self._frames.append(Image.open(io.BytesIO(bytes(png))).convert("RGB"))
        self._shown_ms.append(shown_ms)

    async def watch(self, is_over: Act) -> None:
        """Take a frame now and then until something has happened."""
        waiting = asyncio.ensure_future(is_over(self._pilot))
        while not waiting.done():
            await self.scene(shown_ms=SHOWN_MS)
            await asyncio.wait([waiting], timeout=EVERY_S)
        waiting.result()

    def save(self) -> None:
        """Write the frames, in the colours of the one that has most of them."""
        palette = max(self._frames, key=lambda frame: len(frame.getcolors(1 << 24) or ())).quantize(COLOURS)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in self._frames]
        frames[0].save(
            FOLDER / "demo.gif",
            save_all=True,
            append_images=frames[1:],
            duration=self._shown_ms,
            loop=0,
            optimize=True,
        )


def create_tasks(context: Context) -> str:
    """Have the demo API make the tasks; return what a script that did so would have printed."""
    profile = context.settings.in_use
    assert profile.api_key is not None  # noqa: S101 - the demo's own
    lines = ["$ python generate.py --label harbour"]
    for prompt in PROMPTS:
        body = json.dumps({"model": MODEL, "input": {"prompt": prompt, "aspect_ratio": "3:2"}}).encode()
        headers = {"Authorization": f"Bearer {profile.api_key.reveal()}", "Content-Type": "application/json"}
        request = urllib.request.Request(profile.base_url + CREATE_PATH, body, headers)  # noqa: S310 - loopback
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            lines.append(f"created task {json.load(answer)['data']['taskId']}")
    return "\n".join(lines) + "\n"


async def draw() -> None:
    """Play it and write it; the balloons are saved under their prompt."""
    with demo_context("movie") as context:
        app = Dashboard(context)
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            movie = Movie(pilot)
            await movie.scene(LIST_CHECKED, shown_ms=1_800)
            created = await asyncio.to_thread(create_tasks, context)
            await movie.scene(paste(created), shown_ms=2_600)
            await movie.scene(press("enter"), shown_ms=900)
            await movie.watch(wait_for_text("WebP"))
            await movie.scene(shown_ms=2_500)
            await movie.scene(press("enter"), shown_ms=2_500)
            await movie.scene(press("escape"), shown_ms=600)
            await movie.scene(press("d"), wait_for_text("aved 1"), shown_ms=3_500)
    movie.save()
    print((FOLDER / "demo.gif").relative_to(FOLDER.parent), flush=True)


if __name__ == "__main__":
    asyncio.run(draw())
