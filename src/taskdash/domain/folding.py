"""Text as it is compared: one form for what is searched and for what is searched in.

A module of its own, because the store needs it in every command and the filter language in few.
"""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Return `text` as it is compared: canonical composition, case folded."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def folded_search_text(*texts: str | None) -> str:
    """All that a bare filter word may match, one text a line, folded."""
    return fold("\n".join(text for text in texts if text))
