"""A paste for a text box of one line: what of it is fit for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual import events

from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from textual.widget import Widget

MAX_LINE_CHARS: Final = 2_000
"""More than anybody means for a filter, a label or a note; a box that has a megabyte in it freezes the screen."""


def fitted(paste: events.Paste, focused: Widget | None) -> events.Paste:
    """The paste itself, or for a box of one line the first line of it that says something, inert and cut."""
    from textual.widgets import Input

    if not isinstance(focused, Input) or getattr(focused, "takes_every_paste", False):
        return paste
    start = paste.text[: 2 * MAX_LINE_CHARS].lstrip().splitlines()
    return events.Paste(inert_line(start[0])[:MAX_LINE_CHARS] if start else "")
