"""Text as it is compared: one form for what is searched and for what is searched in.

A module of its own, because the store needs it in every command and the filter language in few.
"""

from __future__ import annotations

import unicodedata
from typing import Final

SEARCHED: Final = ("id", "label", "note", "prompt", "model", "failure")
"""The fields that a bare filter word is looked up in, in the order of `folded_search_text`."""


def fold(text: str) -> str:
    """Return `text` as it is compared: canonical composition, case folded."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def folded_search_text(
    task_id: str,
    label: str | None = None,
    *,
    note: str | None = None,
    prompt: str | None = None,
    model: str | None = None,
    failure: str = "",
) -> str:
    """All that a filter word may match, folded.

    Field n stands between the control characters n and n + 1, which no text that was made inert has: so one search
    serves any field, and none matches across two.
    """
    return fold(f"\1{task_id}\2{label or ''}\3{note or ''}\4{prompt or ''}\5{model or ''}\6{failure}\7")
