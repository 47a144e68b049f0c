"""How a value that somebody typed appears in an error: inert, short, and never if it may be an API key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from taskdash.domain.secret import without_key_forms
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_SHOWN_CHARS: Final = 60
_KEY_PREFIX: Final = r"(?i)sk[-_]"
_HEX_KEY: Final = r"[0-9A-Fa-f]{32,}"
_LONG_WORD: Final = r"(?=[^\s]*[0-9])(?=[^\s]*[a-z])[A-Za-z0-9_+-]{24,}"
WITHHELD: Final = "a text that looks like an API key (not shown)"

_TYPE_NAMES: Final = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a text",
    list: "an array",
    dict: "a table",
}


def looks_like_key(name: str) -> bool:
    """Tell whether a name is an API key by its form: it starts with `sk-`, or is a long hexadecimal number."""
    return bool(re.match(_KEY_PREFIX, name) or re.fullmatch(_HEX_KEY, name))


def may_be_key(text: str) -> bool:
    """Tell whether `text` had better not be shown: it has `sk-...` in it, or is a long token of the kind keys are."""
    has_form = without_key_forms(text) != text
    return bool(has_form or re.fullmatch(_HEX_KEY, text) or re.fullmatch(_LONG_WORD, text))


def without_keys(text: str, max_chars: int = 500) -> str:
    """Return `text` on one inert line, with everything that has the form of a key replaced by `***`."""
    return without_key_forms(inert_line(text, max_chars))


def quoted(text: str) -> str:
    """Return `text` in quotes, inert and cut short; or say that it looks like a key, and do not show it."""
    if may_be_key(text.strip()):
        return WITHHELD
    return f'"{inert_line(text, _SHOWN_CHARS)}"'


def shown(value: object) -> str:
    """Return a value of a TOML file as an error shows it."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        # Python refuses to print an integer of thousands of digits.
        return "a huge number" if isinstance(value, int) and value.bit_length() > 128 else str(value)
    return _TYPE_NAMES.get(type(value), "a date or time")


def named_key(key: str) -> str:
    """Return a key of a TOML file as an error shows it: bare where TOML lets it be bare."""
    if looks_like_key(key):
        return "(a name that looks like an API key)"
    return key if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", key) else quoted(key)


def suggestion(wrong: str, right: Iterable[str]) -> str:
    """Return ` Did you mean "basic"?`, or nothing where nothing is near."""
    import difflib

    near = difflib.get_close_matches(wrong[:_SHOWN_CHARS].lower(), list(right), n=1, cutoff=0.6)
    return f' Did you mean "{near[0]}"?' if near else ""


def one_of_these(names: Collection[str]) -> str:
    """Return `one of a, b, c`; `none` where there is nothing to choose from."""
    return "one of " + ", ".join(inert_line(name, _SHOWN_CHARS) for name in names) if names else "none"
