"""Makes text from outside inert, once, where it enters.

All text from the API, a paste, a file or an older store passes through `inert` or `inert_line` before it
becomes part of a task. After that no character in it can move a cursor, change a colour, reorder a line,
hide, or break an encoder. Nothing here escapes markup: no widget is ever given text to parse as markup.

The one text that is shown as it was sent, the raw body, goes through `raw_text` instead.
"""

from __future__ import annotations

import re
import unicodedata
from math import isfinite
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdash.domain.task import Json

MAX_TEXT_CHARS: Final = 65_536
MAX_KEY_CHARS: Final = 256
MAX_DEPTH: Final = 64
MAX_MARKS: Final = 8
"""Zero-width marks in a row. Vietnamese and Hebrew need three; more is a tower over the line above."""
CUT_MARK: Final = " …[cut]"
REPLACEMENT: Final = "\ufffd"

# Printable ASCII, newline and tab need no look-up; nearly every text has nothing else.
_PLAIN = re.compile(r"[\n\t\x20-\x7e]*")
_PLAIN_LINE = re.compile(r"[\x20-\x7e]*")
# Strings, compiled when first needed: until the first frame there is often nothing but plain text.
_BREAK: Final = r"\r\n?|[\u2028\u2029\x0b\x0c\x85]"
_SPACES = re.compile(r"[\n\t ]+")

# Invisible by Unicode's Default_Ignorable property though not of category Cf: the grapheme joiner, Hangul
# fillers, Khmer inherent vowels, Mongolian selectors, reserved code points, and the whole plane-14 block of
# tags and supplementary variation selectors, in which whole messages have been smuggled.
_INVISIBLE: Final = (
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
# Hangul vowels and finals have no width of their own either: terminals pile them up like marks.
_JOINING_JAMO: Final = r"[\u1161-\u11ff\ud7b0-\ud7fb]"
_MARK: Final = "\u0301"
_TOO_MANY_MARKS: Final = rf"{_MARK}{{{MAX_MARKS + 1},}}"

_TABLE_LIMIT: Final = 20_000

_ASCII: Final = rb"[\t\n\r\x20-\x7e]"
_WIDE_ASCII: Final = rb"(?:" + _ASCII + rb"\0){4,}|(?:\0" + _ASCII + rb"){4,}"

_RAW_UNSAFE: Final = (
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    r"\U000e0000-\U000e007f]"
    r"|\r(?!\n)"
)


class _CodePoints(dict[int, str]):
    """Looks up code points for `str.translate` on first use, and caches a bounded number of them."""

    def __init__(self, look_up: Callable[[str], str]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, code: int) -> str:
        char = self._look_up(chr(code))
        if len(self) < _TABLE_LIMIT:
            self[code] = char
        return char


def _inert_form(char: str) -> str:
    """Return the character itself, nothing, or U+FFFD.

    Format characters (Cf), which are bidi controls and isolates, zero-width characters, tags and joiners, are
    dropped, as terminals disagree on the width of text that has them. Controls (Cc), surrogates (Cs) and
    noncharacters leave a visible trace. Unassigned code points stay: they are often emoji that are newer than
    Python's tables.
    """
    if char in "\n\t":
        return char
    category = unicodedata.category(char)
    if category == "Cf" or re.match(_INVISIBLE, char):
        return ""
    is_noncharacter = "\ufdd0" <= char <= "\ufdef" or ord(char) & 0xFFFE == 0xFFFE
    return REPLACEMENT if category in ("Cc", "Cs") or is_noncharacter else char


def _mark_form(char: str) -> str:
    """Return one and the same mark for every zero-width mark, so that a pattern can find long runs."""
    is_mark = unicodedata.category(char) in ("Mn", "Me") or re.match(_JOINING_JAMO, char)
    return _MARK if is_mark else char


_inert_forms = _CodePoints(_inert_form)
_mark_forms = _CodePoints(_mark_form)


def _thinned(text: str) -> str:
    """Return `text` with no more than `MAX_MARKS` zero-width marks in a row."""
    shadow = text.translate(_mark_forms)
    kept: list[str] = []
    start = 0
    for crowd in re.finditer(_TOO_MANY_MARKS, shadow):
        kept.append(text[start : crowd.start() + MAX_MARKS])
        start = crowd.end()
    return "".join(kept) + text[start:] if kept else text


def inert(text: str, max_chars: int = MAX_TEXT_CHARS) -> str:
    """Return `text` with line breaks as newlines, tabs kept, and nothing else that a terminal acts on.

    A longer text is cut to `max_chars` characters, including the mark at its end. The function is idempotent.
    """
    cut = len(text) > max_chars
    if cut:
        text = text[: max(max_chars - len(CUT_MARK), 0)]
    if not _PLAIN.fullmatch(text):
        text = _thinned(re.sub(_BREAK, "\n", text).translate(_inert_forms))
    return text + CUT_MARK if cut else text


def inert_line(text: str, max_chars: int = MAX_TEXT_CHARS) -> str:
    """Return `text` made inert, on one line: each run of white space is one space, the ends are stripped."""
    if len(text) <= max_chars and "  " not in text and _PLAIN_LINE.fullmatch(text):
        return text.strip()
    return _SPACES.sub(" ", inert(text, max_chars)).strip()


def inert_json(value: Json, depth: int = MAX_DEPTH) -> Json:
    """Return `value` with every text and key in it made inert.

    Values nested deeper than `depth` become None, and so do numbers that JSON cannot express (NaN, infinity).
    """
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, list) and depth:
        return [inert_json(item, depth - 1) for item in value]
    if isinstance(value, dict) and depth:
        return {inert_line(k, MAX_KEY_CHARS): inert_json(v, depth - 1) for k, v in value.items()}
    if isinstance(value, list | dict) or (isinstance(value, float) and not isfinite(value)):
        return None
    return value


def fold(text: str) -> str:
    """Return `text` normalised for comparison: in canonical composition, case-folded."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


class LineCounter:
    """Gives the line numbers of ascending offsets in a text."""

    def __init__(self, text: str, first: int = 1) -> None:
        self._text = text
        self._at, self._line = 0, first

    def number(self, at: int) -> int:
        """Return the number of the line that an offset is in."""
        self._line += self._text.count("\n", self._at, at)
        self._at = at
        return self._line


class Decoded(NamedTuple):
    """Gives the decoded text of a file or a pipe."""

    text: str
    broken_line: int | None
    """The first line with bytes that could not be decoded; None if there are none."""


def decoded(data: bytes) -> Decoded:
    """Decode output of programs on any system: UTF-8, or UTF-16 with its mark, as PowerShell writes it."""
    is_wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not is_wide and b"\0" in data and re.search(_WIDE_ASCII, data):
        # UTF-16 without a mark, or behind another program's UTF-8. The ASCII survives, and with it the task IDs.
        narrow = re.sub(_WIDE_ASCII, lambda wide: wide[0].replace(b"\0", b""), data)
        return Decoded(narrow.decode("utf-8", "replace"), 1)
    encoding = "utf-16" if is_wide else "utf-8-sig"
    try:
        return Decoded(data.decode(encoding), None)
    except UnicodeDecodeError as error:
        read = data[: error.start].decode(encoding, "replace")
        return Decoded(data.decode(encoding, "replace"), read.count("\n") + 1)


def raw_text(body: bytes) -> bytes:
    r"""Return a JSON body as it was sent, but safe for a terminal and still the same JSON.

    Controls (except line feed, CR LF and tab), DEL, C1, bidi and tag characters become `\uXXXX`, those beyond
    the 16-bit range a pair. In a body that was accepted as JSON they can only occur within strings, where the
    escape means the same; the one exception is a lone carriage return, which would let a line overwrite
    itself. Bytes that are not UTF-8, which no accepted body has, become U+FFFD. Redacting the key is up to
    the caller.
    """
    return re.sub(_RAW_UNSAFE, _json_escape, body.decode("utf-8", "replace")).encode("utf-8")


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
