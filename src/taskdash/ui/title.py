"""The title of the terminal's window or tab: what waits and what failed, for whoever works in another one.

The title that was there before is kept on the terminal's own stack (xterm's; most others have it too) and comes back
when the terminal is given back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from taskdash.domain.task import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEEP: Final = "\x1b[22;2t"
"""Puts the title on the terminal's stack ..."""
BRING_BACK: Final = "\x1b[23;2t"
"""... and takes it from there."""
NAME: Final = "taskdash"
_UNTITLED: Final = r"dumb|linux|unknown|cons25.*|eterm.*|vt\d+.*|"
"""Terminals that have no title, and may print what is meant for it."""


def title_of(counts: Mapping[State, int]) -> str:
    """Return what the title says of a list; it has numbers and words of ours alone, so nothing in it acts."""
    waiting = counts.get(State.NEW, 0) + counts.get(State.WAITING, 0)
    parts = ((waiting, "waiting"), (counts.get(State.FAIL, 0), "failed"))
    return " · ".join(f"{count:,} {word}" for count, word in parts if count) or NAME


class TerminalTitle:
    """Writes a title where it differs from the last one, and gives back what was there before."""

    def __init__(self, write: Callable[[str], object], term: str) -> None:
        self._write = write
        self._has_title = re.fullmatch(_UNTITLED, term) is None
        self._shown = ""
        self.is_ours = True
        """Whether the terminal has not been given back: what is counted in its last moment must not stay there."""
        self.ending = ""
        """What brings the title before ours back; "" where ours was never shown. What was written may be lost at an end
        without patience, so it is there after `take_back` too: once too often does no harm."""

    def show(self, text: str) -> None:
        """Show a title."""
        if self._has_title and self.is_ours and text != self._shown:
            keep = "" if self._shown else KEEP
            self._shown, self.ending = text, BRING_BACK
            self._write(f"{keep}\x1b]2;{text}\x1b\\")

    def take_back(self) -> None:
        """Show the title again that was there before."""
        self.is_ours = False
        if self._shown:
            self._shown = ""
            self._write(BRING_BACK)
