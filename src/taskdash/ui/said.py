"""What an act tells the user, and what it gives to the clipboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["information", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Said:
    """One thing to tell."""

    text: str
    severity: Severity = "information"
    copy: str | None = None
    """A text for the clipboard; how it got there is told after `text`."""
    what: str = ""
    """What is copied, for people, as the begin of a sentence: `2 links`."""
    more: str = ""
    """Told after how it was copied; begins with what divides it from that."""


def warning(text: str) -> Said:
    """Something that could not be done, and why."""
    return Said(text, "warning")


def copied(text: str, what: str, more: str = "") -> Said:
    """A text that was asked for."""
    return Said(f"Copied {what}", copy=text, what=what, more=more)
