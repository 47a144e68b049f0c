"""A paste as plain ASCII, line by line as it was, so that the searches know one spelling of everything.

Terminals, editors, chat programs, JSON-in-JSON and browsers dress up the same ID in different ways. All of
that is undone here, once, with calls that run at the speed of C: a paste may have 10 MB of anything.
"""

from __future__ import annotations

import re
from typing import Final

from taskdash.domain.id_forms import HEX_32, UUID, is_wrapped_whole
from taskdash.domain.task import MAX_ID_CHARS

NOT_ASCII: Final = "\x1a"
"""Stands for text in any script that does not extend an ID (CJK, emoji)."""
LETTER: Final = "\x1c"
"""Stands for a letter that would extend an ID if it were allowed in one (accented, Greek, Cyrillic)."""

_BREAK = re.compile("[\u2028\u2029\x0b\x0c\x85]")
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe0f\ufeff]+"
)
_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_LETTER_RUN = re.compile("[\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0370-\u052f]+")
_OTHER_RUN = re.compile("[^\x00-\x7f]+")
# The first two rows are typographic twins of ASCII; the third is how East Asian keyboards and pages label an
# ID.
_TWINS = {
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a\u2032\uff07\u00b4", "'"),
    **dict.fromkeys("\u2010\u2011\uff0d\ufe63", "-"),
    **dict.fromkeys("\uff5c\u2502\u2503\u2551\u00a6", "|"),
    **dict.fromkeys("\u3001\uff0c", ","),
    **dict.fromkeys("\u2192\u21d2\u27a1", "->"),
    **dict.fromkeys("\u2022\u2023\u25aa\u25cf\u25cb\u25e6\u2043\u2219\u00b7", " * "),
    **dict.fromkeys("\u2013\u2014", " - "),
    "\u2026": "...",
    "\uff1a": ":",
    "\uff1d": "=",
    "\uff08": "(",
    "\uff09": ")",
    "\u3010": "[",
    "\u3011": "]",
    "\u300c": '"',
    "\u300d": '"',
    "\uff1b": ";",
    "\u3002": ". ",
    "\uff3f": "_",
    "\u4efb\u52a1": " task ",
    "\u4efb\u52d9": " task ",
    "\u30bf\u30b9\u30af": " task ",
    "\uc791\uc5c5": " task ",
    "\u7f16\u53f7": "id",
}

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC: titles, links
    r"|\x1b[PX^_][^\x1b\n]*(?:\x1b\\)?|\x1b[ -/]*[0-~]?"
)
# Colours whose escape character was printed as text, or lost on the way through the clipboard.
_SPELT_COLOUR = re.compile(r"(?:\\+(?:x1[bB]|033|e|u001[bB])|\^\[|<ESC>)\[[0-9;]{0,20}m")
_LOST_ESCAPE = re.compile(r"\[[0-9]{1,2}(?:;[0-9]{1,3}){0,5}m")
_ESCAPE_SPELLINGS = ("\\x1", "\\033", "\\e[", "\\u001", "^[[", "<ESC>")
_UNICODE_ESCAPE = re.compile(r"\\{1,8}u00([2-7][0-9A-Fa-f])")
# The value of `"taskId"` in JSON is no part of a URL: there a percent sign is one, and no ID has it.
_PERCENT_RUN_OR_VALUE = re.compile(
    r"[\"']task_?id\\{0,8}[\"']\s{0,8}:\s{0,8}\\{0,8}[\"'][A-Za-z0-9._:-]{0,128}+%[^\"'\n]{0,400}"
    r"|%(?:25){0,4}(?:0[9AD]|[2-7][0-9A-F])",
    re.IGNORECASE,
)
_ENTITIES = {
    "&quot;": '"',
    "&#34;": '"',
    "&#39;": "'",
    "&apos;": "'",
    "&nbsp;": " ",
    "&lt;": "<",
    "&gt;": ">",
    "&amp;": "&",
}

# IDs as they were before a mail program broke them: at a hyphen, before quote marks, in a message's source.
_AFTER_HYPHEN = re.compile(r"-[ \t]*\n(?:[ \t]*>)*[ \t]*([0-9A-Fa-f][0-9A-Fa-f-]{3,26}+)(?![A-Za-z0-9_])")
_UUID_HEAD = re.compile(r"(?<![A-Za-z0-9_./-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){0,3}\Z")
_UUID_HEAD_CHARS = 24
"""23 of a head, and the one before it."""
_WHOLE_UUID = re.compile(UUID)

# Quoted-printable: "=" at the end of a line means that it goes on, and "=3D" is "=".
_SOFT_BREAK = re.compile(rf"=\n([A-Za-z0-9_-]{{1,{MAX_ID_CHARS}}}+)")
_WORD_END = re.compile(r"[A-Za-z0-9_-]+\Z")
_ESCAPED_EQUALS = re.compile(rf"=3D(?=(?:{UUID}|{HEX_32})(?![A-Za-z0-9])|task_)")


def plain(text: str) -> str:
    r"""Return `text` in ASCII, after a newline: the line of an offset is the number of newlines before it.

    BOM and invisible characters vanish, odd spaces and quotes become the usual ones, all line breaks are
    newlines, terminal colours go, percent-encoding (double as well; not in a `"taskId"` of JSON), `\u00xx` and HTML
    entities are decoded, and IDs that a mail had broken are whole.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = _to_ascii(text)
    elif "\x0b" in text or "\x0c" in text:
        text = _BREAK.sub("\n", text)
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if "[" in text:
        if any(spelling in text for spelling in _ESCAPE_SPELLINGS):
            text = _SPELT_COLOUR.sub("", text)
        text = _LOST_ESCAPE.sub("", text)
    if "\\u00" in text:
        text = _UNICODE_ESCAPE.sub(_from_unicode_escape, text)
    if "&" in text:
        for entity, char in _ENTITIES.items():
            text = text.replace(entity, char)
    if "%" in text:
        text = _PERCENT_RUN_OR_VALUE.sub(_from_percent, text)
    return "\n" + _unbroken(text)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text that was not made plain, with the numbers that `plain` leaves them."""
    return _BREAK.sub("\n", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")


def without_escapes(text: str) -> str:
    """Return `text` without what a terminal would act on instead of showing it."""
    return _ESCAPES.sub("", text)


def _to_ascii(text: str) -> str:
    text = _ESCAPES.sub("", _BREAK.sub("\n", text))
    text = _SPACE.sub(" ", _INVISIBLE.sub("", text))
    for twin, char in _TWINS.items():
        text = text.replace(twin, char)
    return _OTHER_RUN.sub(NOT_ASCII, _LETTER_RUN.sub(LETTER, text))


def _from_unicode_escape(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    # An escaped quote or backslash keeps its meaning only where it stands.
    return match[0] if char in "\"'\\" else char


_PERCENT_CHARS = {
    f"{code:02x}": chr(code) if code >= 0x20 else " " for code in (9, 10, 13, *range(0x20, 0x80))
}


def _from_percent(match: re.Match[str]) -> str:
    return _PERCENT_CHARS[match[0][-2:].lower()] if match[0].startswith("%") else match[0]


def _unbroken(text: str) -> str:
    if "=3D" in text:
        text = _ESCAPED_EQUALS.sub("=", text)
    if "=\n" in text:
        text = _SOFT_BREAK.sub(_joined_at_equals, text)
    return _AFTER_HYPHEN.sub(_joined_at_hyphen, text)


def _joined_at_hyphen(match: re.Match[str]) -> str:
    head = _UUID_HEAD.search(match.string[max(0, match.start() - _UUID_HEAD_CHARS) : match.start()])
    whole = head is not None and _WHOLE_UUID.fullmatch(f"{head[0]}-{match[1]}")
    return f"-{match[1]}\n" if whole else match[0]


def _joined_at_equals(match: re.Match[str]) -> str:
    head = _WORD_END.search(match.string[max(0, match.start() - MAX_ID_CHARS) : match.start()])
    whole = head is not None and not is_wrapped_whole(head[0]) and is_wrapped_whole(head[0] + match[1])
    return f"{match[1]}\n" if whole else match[0]
