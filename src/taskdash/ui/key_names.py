"""Keys as people call them, and as Textual does."""

from __future__ import annotations

import unicodedata
from typing import Final

KEY_NAMES: Final = {
    "up": "↑",
    "down": "↓",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "plus": "+",
    "minus": "-",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "shift+tab": "shift+Tab",
    "tab": "Tab",
}
_SPELLINGS: Final = {shown.casefold(): key for key, shown in KEY_NAMES.items()} | {
    "esc": "escape",
    "return": "enter",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "del": "delete",
}
# Textual has its own names for these; the others are as in Unicode.
_SHORTENED: Final = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}


def key_name(key: str) -> str:
    """A key of Textual's as people call it."""
    return KEY_NAMES.get(key, key)


def textual_key(name: str) -> str:
    """A key as somebody wrote it in the config, as Textual names it: `?` is `question_mark`, `Esc` is `escape`."""
    *modifiers, key = name.split("+") if len(name) > 1 else [name]
    if len(key) == 1 and not key.isalnum():
        key = unicodedata.name(key, key).lower().replace("-", "_").replace(" ", "_")
        key = _SHORTENED.get(key, key)
    elif modifiers and "shift" not in map(str.casefold, modifiers):
        # Terminals cannot tell Ctrl+A from Ctrl+a.
        key = _SPELLINGS.get(key.casefold(), key.casefold())
    elif len(key) > 1:
        key = _SPELLINGS.get(key.casefold(), key.casefold())
    return "+".join([*(modifier.casefold() for modifier in modifiers), key])
