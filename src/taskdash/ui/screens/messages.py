"""What this dashboard told since it was opened."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from textual.content import Content

from taskdash.ui.screens.dialog import FittedText, TextDialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.binding import BindingType

    from taskdash.ui.messages import Message

_TIME_CELLS: Final = 10
_MIN_CELLS: Final = 10
_MORE_LINES: Final = 200
"""Of what a program printed; what is left of it is counted."""
_STYLES: Final = {"information": "", "warning": "$text-warning", "error": "$text-error"}


class Messages(TextDialog):
    """The messages of this run, newest first, with their times."""

    SIZE = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [("m", "dismiss(None)", "close")]

    def __init__(self, kept: Sequence[Message]) -> None:
        newest_first = list(reversed(kept))
        super().__init__(
            "Messages", "Esc closes", FittedText(lambda width: messages_text(newest_first, width))
        )


def messages_text(messages: Sequence[Message], width: int) -> Content:
    """Return each message behind its local time; its further lines, and what a program printed, are under its first."""
    lines = []
    for message in messages:
        text = Content.styled(message.text, _STYLES[message.severity])
        at = datetime.fromtimestamp(message.at_ms / 1000).astimezone().strftime("%H:%M:%S")
        before = at.ljust(_TIME_CELLS)
        for line in text.wrap(max(_MIN_CELLS, width - _TIME_CELLS)):
            lines.append(Content.styled(before, "$text-muted") + line)
            before = " " * _TIME_CELLS
        lines += _more(message.more, max(_MIN_CELLS, width - _TIME_CELLS))
    return Content("\n").join(lines or [Content.styled("No messages yet.", "$text-muted")])


def _more(text: str, width: int) -> list[Content]:
    lines = text.expandtabs(4).splitlines()
    left = len(lines) - _MORE_LINES
    shown = [*lines[:_MORE_LINES], *([f"… {left:,} more lines"] if left > 0 else [])]
    before = Content(" " * _TIME_CELLS)
    return [before + part for line in shown for part in Content.styled(line, "$text-muted").wrap(width)]
