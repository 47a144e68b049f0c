"""The lines over the list: the one on top, and the banner for what is wrong as a whole."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.message import Message

from taskdash.ui.text.status import banner_text, top_line
from taskdash.ui.widgets.bars import Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.worker import WorkType

    from taskdash.domain.progress import Progress
    from taskdash.ui.context import Context
    from taskdash.ui.widgets.window import Window

READS_APART: Final = 10
"""A long list is counted no oftener than this many times as long as it takes."""


class TopLine(Line):
    """Name and profile, the batch under way, what is wrong; a click asks for all of it."""

    class Clicked(Message):
        """It was clicked."""

    def on_click(self) -> None:
        self.post_message(self.Clicked())


class Headlines:
    """Draws both lines, from what the watcher says and what it reads of the batch under way."""

    def __init__(self, context: Context, alarm: Callable[[], str]) -> None:
        """`alarm` returns what is wrong with the list itself, which is told before all else; "" for nothing."""
        self.context = context
        self._alarm = alarm
        self.remark = ""
        """Stands in the banner while the watcher has nothing for it."""
        self._crowd = 0
        self._progress: Progress | None = None
        self._counted: object = None
        self._wanted: object = None
        self._again_at_s = 0.0
        # Held, not looked up: news may still arrive while the screen is being taken down.
        self.top = TopLine(id="status")
        self.banner = Line(id="banner")

    def show(self, window: Window, width: int) -> None:
        """Draw both lines in `width` cells, where they differ."""
        context, status, now_ms = self.context, self.context.watcher.status, self.context.clock.now_ms()
        self._wanted = (window.listed, window.labels)
        left_ms = None
        if self._progress is not None and context.durations is not None:
            left_ms = self._progress.left_ms(context.durations.usual, now_ms, status.per_minute)
        others = {name: service.watcher.status for name, service in context.others.items()}
        self.top.show(top_line(context.profile, self._progress, left_ms, status, width, others))
        self._crowd = max(self._crowd, status.new) if status.new else 0
        if not (banner := Content(self._alarm())):
            banner = banner_text(status, context.key_advice, now_ms, self._crowd, self.remark, width)
        self.banner.display = bool(banner)
        self.banner.show(banner)

    def tick(self, window: Window, width: int) -> None:
        """Draw both lines as of now; count the batch again where tasks have changed their state since."""
        self.show(window, width)
        if self._wanted != self._counted and self.context.clock.now_s() >= self._again_at_s:
            count: WorkType[None] = partial(self._count, window)
            self.top.run_worker(count, group="count", exclusive=True)

    async def _count(self, window: Window) -> None:
        """Count the batch under way: that of the one label that is shown, else the largest."""
        context, before = self.context, self._progress.label if self._progress else None
        began_s, self._counted = context.clock.now_s(), self._wanted
        self._progress = await context.store.run(
            lambda store: store.summaries.progress(context.profile, shown=window.label, before=before)
        )
        now_s = context.clock.now_s()
        self._again_at_s = now_s + READS_APART * (now_s - began_s)
