"""What was pasted though no terminal says so, and what of a paste is fit for a text box of one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual import events
from textual.widgets import Input

from taskdash.domain.id_forms import Kind, has_known_form, kind_of
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from textual.widget import Widget

MAX_LINE_CHARS: Final = 2_000
"""More than anybody means for a filter, a label or a note; a box that has a megabyte in it freezes the screen."""
MIN_PASTE_CHARS: Final = 8
"""No ID with a label, and no ID of a known form, is shorter."""
MIN_TYPED_PASTE_CHARS: Final = 40
"""So many characters in one read were not typed by a person ..."""
MIN_FILTER_PASTE_CHARS: Final = 65
"""... unless a key before them opens a box that they are meant for."""
MIN_UNKNOWN_ID_CHARS: Final = 16
MIN_TYPED_PASTE_VARIETY: Final = 5
"""Different characters in it; a key held down on a slow line has fewer."""
_BOX_KEYS: Final = ("/", ":")
"""They open a box for text, and no ID begins with them."""


def looks_pasted(text: str) -> bool:
    """Return whether text of one read is longer than keys can be, or has an ID in it, or the beginning of one."""
    if len(set(text)) < MIN_TYPED_PASTE_VARIETY:
        return False
    if text.startswith(_BOX_KEYS):
        return len(text) >= MIN_FILTER_PASTE_CHARS
    if len(text) >= MIN_TYPED_PASTE_CHARS:
        return True
    # Few reads are so long, and it is much to import.
    from taskdash.domain.task_ids import find_task_ids

    word = text.strip()
    if "://" in word or word.startswith("task_") or kind_of(word) is Kind.CUT_OFF:
        return True
    if has_known_form(word[1:]):  # the key that opens the dialog, and an ID for it
        return False
    paste = find_task_ids(text)
    return bool(paste.found) or (
        paste.unsure is not None and len(word) >= MIN_UNKNOWN_ID_CHARS and any(map(str.isdigit, word))
    )


def fitted(paste: events.Paste, focused: Widget | None) -> events.Paste:
    """The paste itself, or for a box of one line the first line of it that says something, inert and cut."""
    if not isinstance(focused, Input) or getattr(focused, "takes_every_paste", False):
        return paste
    start = paste.text[: 2 * MAX_LINE_CHARS].lstrip().splitlines()
    return events.Paste(inert_line(start[0])[:MAX_LINE_CHARS] if start else "")
