"""Keys as people call them, and as Textual does."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from string import punctuation
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
_NAMED: Final = frozenset(
    (*KEY_NAMES, "left", "right", "insert", "delete", "backspace", *(f"f{n}" for n in range(1, 25)))
)
_MODIFIERS: Final = frozenset(("ctrl", "shift", "alt", "meta", "super", "hyper"))
_SENT_AS: Final = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+left_square_bracket": "escape"}
"""What a terminal sends for these is what it sends for those."""


def key_name(key: str) -> str:
    """A key of Textual's as people call it."""
    return KEY_NAMES.get(key, key)


def textual_key(name: str) -> str:
    """A key as somebody wrote it in the config, as Textual names it: `?` is `question_mark`, `Esc` is `escape`."""
    *modifiers, key = [name] if len(name) == 1 else name.split("+")
    if name.endswith("++"):
        modifiers, key = modifiers[:-1], "+"
    modifiers = [modifier.casefold() for modifier in modifiers]
    if modifiers == ["shift"] and len(key) == 1 and key.isalpha():
        return key.upper()
    if len(key) == 1 and not key.isalnum():
        key = unicodedata.name(key, key).lower().replace("-", "_").replace(" ", "_")
        key = _SHORTENED.get(key, key)
    elif len(key) > 1 or (modifiers and "shift" not in modifiers):
        # Terminals cannot tell Ctrl+A from Ctrl+a.
        key = _SPELLINGS.get(key.casefold(), key.casefold())
    whole = "+".join([*modifiers, key])
    return _SENT_AS.get(whole, whole)


def is_key(name: str) -> bool:
    """Whether there is such a key, as Textual names it."""
    *modifiers, key = name.split("+")
    return _MODIFIERS.issuperset(modifiers) and (len(key) == 1 or key in _NAMED or _is_sign(key))


def _is_sign(name: str) -> bool:
    """Whether a name is that of a sign, such as `question_mark` or `left_square_bracket`."""
    if name in map(textual_key, punctuation):
        return True
    with suppress(KeyError):
        return bool(unicodedata.lookup(name.replace("_", " ")))
    return False
