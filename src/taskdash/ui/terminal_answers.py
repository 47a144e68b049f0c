"""Queries a terminal for its background, its name, and the kinds of pictures it can show.

The queries are OSC 11, XTVERSION, kitty's graphics query, and last DA1, which every terminal answers: other answers
come before that one or never. Answers come among the keys, in pieces, late, or never; whatever looks like one is kept
out of the keys.
"""

from __future__ import annotations

import asyncio
import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from taskdash.ui.app import Dashboard

WAIT_S: Final = 0.2
"""How long to wait for answers before pictures are drawn and the theme is settled."""
_BACKGROUND, _NAME, _FIRST_ATTRIBUTES = "\x1b]11;?\x1b\\", "\x1b[>0q", "\x1b[c"
_KITTY: Final = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
KITTY_WITH_PLACEHOLDERS: Final = (0, 28)
_SIXELS: Final = "4"
"""The attribute in a DA1 answer."""
_SILENT_TERMS: Final = r"$|dumb|unknown|linux|cons25|vt\d|screen|eterm|sun"
"""Terminals that are not queried, as they would print a query or act on it."""
_TEXT: Final = r"[^\x00-\x1f\x7f-\x9f]{0,1000}"
_BODY: Final = rf"(?:\](?P<osc>[0-9]{{1,4}};{_TEXT})|P(?P<dcs>[>!01]{_TEXT})|_(?P<apc>G{_TEXT}))"
_ANSWER: Final = rf"\x1b(?:{_BODY}(?:\x1b\\|\x07)|\[\?(?P<da>[0-9;]{{0,100}})c)"
_BEGUN: Final = rf"\x1b(?:{_BODY}\x1b?|\[\?[0-9;]{{0,100}})$"
_MAYBE_BEGUN: Final = r"\x1b(?:\][0-9]{0,4}|P|_)$"
"""The start of an answer, or Alt and a letter."""
_PART: Final = "([0-9A-Fa-f]{1,4})"
_COLOUR: Final = rf"11;rgba?:{_PART}/{_PART}/{_PART}(?:/|$)"
_HOLD_S: Final = 0.1
"""How long the start of an answer is held back for the rest."""
_SPLIT: Final = r"\x1b\[?$"
_SPLIT_S: Final = 2.0
"""How long after a query `_SPLIT` may be the start of an answer, too."""


class Answers(NamedTuple):
    """Collects what a terminal has answered so far."""

    background: tuple[int, int, int] | None = None
    """Red, green and blue, 0 to 255."""
    name: str = ""
    """Its own name and version, such as `kitty(0.32.2)` or `tmux 3.4`."""
    has_kitty: bool = False
    has_sixels: bool = False
    is_complete: bool = False
    """Whether it has answered the last query: then no other answer will come."""

    @property
    def is_light(self) -> bool | None:
        """Return whether the background is light; None if unknown."""
        if self.background is None:
            return None
        red, green, blue = self.background
        return 299 * red + 587 * green + 114 * blue > 127_500

    @property
    def has_placeholders(self) -> bool:
        """Return whether it can show kitty's pictures in placeholder characters."""
        version = kitty_version(self.name)
        is_new = version is not None and version >= KITTY_WITH_PLACEHOLDERS
        return self.has_kitty and (is_new or self.name.lower().startswith("ghostty"))


def kitty_version(name: str) -> tuple[int, int] | None:
    """Return the version in the name of a kitty; None for any other terminal."""
    version = re.match(r"kitty\((\d+)\.(\d+)", name)
    return (int(version[1]), int(version[2])) if version else None


def questions(environ: Mapping[str, str]) -> str:
    """Return the queries for a terminal with these variables; "" for one that must not be queried."""
    if re.match(_SILENT_TERMS, environ.get("TERM", "")) and not environ.get("TMUX"):
        return ""
    # Multiplexers show no pictures of kitty's themselves, and tmux takes the query for a window's title.
    inside = environ.get("TMUX") or environ.get("ZELLIJ") or environ.get("STY")
    knows_kitty = not inside and environ.get("TERM_PROGRAM") != "Apple_Terminal"
    return _BACKGROUND + _NAME + (_KITTY if knows_kitty else "") + _FIRST_ATTRIBUTES


class AnswerSieve:
    """Filters the answers out of a terminal's input."""

    def __init__(self, on_answer: Callable[[Answers], object] = lambda _: None) -> None:
        """`on_answer` is called with all answers so far, whenever there is a new one."""
        self.answers = Answers()
        self._on_answer = on_answer
        self._held = ""
        """The end of the input, if it may be the start of an answer."""
        self._held_s = self._asked_s = -math.inf

    def asked(self, now_s: float) -> None:
        self._asked_s = now_s

    def is_due(self, now_s: float) -> bool:
        """Return whether answers to the last query may still come in time."""
        return now_s < self._asked_s + WAIT_S and not self.answers.is_complete

    @property
    def is_holding(self) -> bool:
        return bool(self._held)

    def sift(self, text: str, now_s: float) -> str:
        """Return the input without the answers in it; hold back an end that may be the start of one."""
        if "\x1b" not in text and not self._held:
            return text
        text, self._held = self._held + text, ""
        for match in re.finditer(_ANSWER, text):
            self._take(match)
        text = re.sub(_ANSWER, "", text)
        begun = re.search(_BEGUN, text) or re.search(_MAYBE_BEGUN, text)
        start = begun.start() if begun else len(text)
        if not begun and now_s < self._asked_s + _SPLIT_S and (split := re.search(_SPLIT, text)):
            start = split.start()
        self._held, self._held_s = text[start:], now_s
        return text[:start]

    def give_up(self, now_s: float) -> str:
        """Return the held input, as keys, once the rest is overdue; "" if it was certainly part of an answer."""
        if not self._held or now_s < self._held_s + _HOLD_S:
            return ""
        held, self._held = self._held, ""
        return "" if re.fullmatch(_BEGUN, held) else held

    def _take(self, match: re.Match[str]) -> None:
        background, name, has_kitty, has_sixels, is_complete = self.answers
        if (attributes := match["da"]) is not None:
            has_sixels, is_complete = _SIXELS in attributes.split(";")[1:], True
        elif (text := match["dcs"]) is not None and text.startswith(">|"):
            name = inert_line(text[2:], 60)
        elif (text := match["apc"]) is not None and text.startswith("Gi=31"):
            has_kitty = text.endswith(";OK")
        elif (text := match["osc"]) is not None and (colour := re.match(_COLOUR, text)):
            parts = colour.groups()
            red, green, blue = (round(int(part, 16) * 255 / (16 ** len(part) - 1)) for part in parts)
            background = red, green, blue
        answers = Answers(background, name, has_kitty, has_sixels, is_complete)
        if answers != self.answers:
            self.answers = answers
            self._on_answer(answers)


class TerminalSays:
    """Queries the dashboard's terminal once, after the first frame, and waits up to `WAIT_S` for the answers."""

    def __init__(self, app: Dashboard) -> None:
        self._app = app
        self._answers = Answers()
        self._is_asked = False
        self._waited = asyncio.Event()

    def ask(self) -> None:
        """Query the terminal once, if it is one that can be queried."""
        if self._is_asked:
            return
        self._is_asked = True
        if self._app.terminal is not None and self._app.terminal.ask():
            self._app.set_timer(WAIT_S, self._waited.set)
        else:
            self._waited.set()

    def hear(self, answers: Answers) -> None:
        """Take over the answers so far. A background that comes after `WAIT_S` does not change the theme."""
        if not self._waited.is_set() and answers.is_light is not None:
            self._app.themes.follow(is_light=answers.is_light)
        self._answers = answers
        if answers.is_complete:
            self._waited.set()

    async def answers(self) -> Answers:
        await self._waited.wait()
        return self._answers
