"""Asks the terminal once, after the first frame, and waits for its answers no longer than anybody notices."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from taskdash.ui.terminal_answers import WAIT_S, Answers

if TYPE_CHECKING:
    from taskdash.ui.app import Dashboard


class TerminalSays:
    """What the terminal has answered to the dashboard."""

    def __init__(self, app: Dashboard) -> None:
        self._app = app
        self._answers = Answers()
        self._is_asked = False
        self._waited = asyncio.Event()

    def ask(self) -> None:
        """Ask, where there is a terminal that understands, and that has not been asked."""
        if self._is_asked:
            return
        self._is_asked = True
        if self._app.terminal is not None and self._app.terminal.ask():
            self._app.set_timer(WAIT_S, self._waited.set)
        else:
            self._waited.set()

    def hear(self, answers: Answers) -> None:
        """Take note of all that was said so far. The background counts no more once the first frame is an old one."""
        if not self._waited.is_set() and answers.is_light is not None:
            self._app.themes.follow(is_light=answers.is_light)
        self._answers = answers
        if answers.is_complete:
            self._waited.set()

    async def answers(self) -> Answers:
        """Return what the terminal says, once there was time for it."""
        await self._waited.wait()
        return self._answers
