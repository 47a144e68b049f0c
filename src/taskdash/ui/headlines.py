"""The lines over the list: the status, and the banner for what is wrong as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from taskdash.ui.status_text import banner_text, moving_words, status_text
from taskdash.ui.widgets.lines import Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdash.domain.task import State
    from taskdash.ui.desk import Desk


class Headlines:
    """Two lines of the screen and what they say now."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._crowd = 0
        self._said: tuple[object, ...] = ()
        # Held, not looked up: news may still arrive while the screen is being taken down.
        self.status = Line(id="status")
        self.banner = Line(id="banner")
        self.progress: list[Callable[[], str]] = []
        """Whoever works for the user says here how far it is, in a few words; "" for nothing to say."""
        self.alarms: list[Callable[[int], str]] = []
        """As `warnings`, but asked before all else: while the list itself is in trouble."""
        self.warnings: list[Callable[[int], str]] = []
        """Asked for a banner, with the time in ms, while the watcher has none; "" for nothing to say."""

    def show(self, counts: dict[State, int], width: int) -> None:
        """Say it anew, in `width` cells."""
        status, now_ms = self._desk.watcher.status, self._desk.clock.now_ms()
        work = "  ".join(filter(None, (say() for say in self.progress)))
        warning = next(filter(None, (say(now_ms) for say in self.warnings)), "")
        alarm = next(filter(None, (say(now_ms) for say in self.alarms)), "")
        advice, words = self._desk.key_advice, moving_words(status, now_ms)
        said = (self._desk.profile, tuple(counts.items()), status, work, warning, alarm, advice, words, width)
        if said == self._said:
            return
        self._said = said
        self.status.show(status_text(self._desk.profile, counts, status, now_ms, width, work))
        self._crowd = max(self._crowd, status.new) if status.new else 0
        banner = Content(alarm) if alarm else banner_text(status, advice, now_ms, self._crowd, warning, width)
        self.banner.display = bool(banner.plain)
        self.banner.show(banner)
