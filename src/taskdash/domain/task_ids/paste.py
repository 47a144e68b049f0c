"""Prepares a paste for its searches: the text in plain ASCII, the excluded regions, and a place for findings.

Terminals, editors, chat programs, JSON-in-JSON and browsers dress up the same ID in different ways. All of that is
undone here, once, keeping the lines, with calls that run at the speed of C: a paste may be 10 MB of anything.

Each ID is kept at its first occurrence only, and the number of misses is bounded, as a paste of 10 MB can repeat one
ID a million times.

The inputs and outputs of tasks are excluded: `param` and `resultJson` echo whole requests and answers, and lists of
URLs name inputs, outputs and callbacks; an ID in there belongs to something else. They are found by their keys, in
JSON of any escape level and in JS or Python literals, whether or not the text around them parses.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.id_forms import HEX_32, MAX_ID_CHARS, UUID, Kind, is_wrapped_whole, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskdash.domain.secret import KnownKeys

MAX_MISSES: Final = 2_000
"""Kept for each paste; nobody reads more."""


class Why(StrEnum):
    """Gives the reasons, as shown to people, why a word that looks like a task ID is not one."""

    LOOKS_LIKE_KEY = "looks like an API key"
    CONFIGURED_KEY = "a configured API key"
    OPTION = "begins with a dash, as an option does"
    PLACEHOLDER = "a placeholder"
    CUT_OFF = "cut off or masked"
    ODD_CHARACTERS = "has characters that no task ID has"
    FILE_NAME = "part of a file name"
    TOO_LONG = f"longer than {MAX_ID_CHARS} characters"
    EXCLUDED = "inside param, a result or a list of URLs"
    PATH = "part of a path or URL"
    LONGER_WORD = "part of a longer word"
    KEY_LABEL = "after a key or token label"
    REQUEST_ID = "an X-Request-ID"
    TRACE_ID = "a trace or ray ID"
    OTHER_ID = "the ID of something else"
    IN_URL = "part of a URL"
    IN_PATH_OR_WORD = "part of a path or of a longer word"
    OUTRANKED = "beside a labelled ID"
    CHECKSUM = "a checksum"
    NOTHING = "no task ID in it"


CLAIMS: Final = frozenset((Why.KEY_LABEL, Why.REQUEST_ID, Why.TRACE_ID))
"""Reasons that also apply to every other bare occurrence of a word."""
WHY_NOT: Final[Mapping[Kind, str]] = {
    Kind.KEY: Why.LOOKS_LIKE_KEY,
    Kind.OPTION: Why.OPTION,
    Kind.PLACEHOLDER: Why.PLACEHOLDER,
    Kind.TOO_LONG: Why.TOO_LONG,
    Kind.CUT_OFF: Why.CUT_OFF,
    Kind.FILE_NAME: Why.FILE_NAME,
}
"""Why a word is not an ID, for the kinds that are worth reporting."""


class Word(NamedTuple):
    """Points to a word in the plain text that is an ID, or only looks like one, and says why."""

    start: int
    text: str
    why: str


class Findings:
    """Collects hits and misses. The searches report one after another, each in text order."""

    def __init__(self, text: str, keys: KnownKeys) -> None:
        """Prepare for a text that went through `plain`; `keys` are never IDs."""
        self._regions = excluded_regions(text)
        self._keys = keys
        self._hits: dict[str, Word] = {}
        self._claims: dict[str, str] = {}
        self._misses: dict[tuple[str, str], Word] = {}
        self.labelled_starts: list[int] = []
        """The offsets of labelled IDs, duplicates included; ascending within each search."""
        self.json_starts: list[int] = []
        """Those of them whose label is a quoted key."""

    def take(self, hit: Word) -> bool:
        """Accept an ID, unless it is a key or in an excluded region; return whether it counts."""
        if self._keys.are_in(hit.text):
            self.drop(hit.start, hit.text, Why.CONFIGURED_KEY)
            return False
        index = bisect_right(self._regions, hit.start, key=itemgetter(0)) - 1
        if index >= 0 and hit.start < self._regions[index][1]:
            self.drop(hit.start, hit.text, Why.EXCLUDED)
            return False
        known = self._hits.get(hit.text)
        if (
            known is None
            or hit.start < known.start
            or (known.why.startswith("bare") and hit.start == known.start)
        ):
            self._hits[hit.text] = hit
        return True

    def take_labelled(self, hit: Word, *, in_json: bool = False) -> None:
        """Accept a labelled ID, which outranks bare ones near it."""
        if self.take(hit):
            self.labelled_starts.append(hit.start)
            if in_json:
                self.json_starts.append(hit.start)

    def drop(self, start: int, text: str, why: str) -> None:
        """Record a miss."""
        if len(self._misses) < MAX_MISSES:
            if self._keys.are_in(text):
                why = Why.CONFIGURED_KEY
            self._misses.setdefault((text, why), Word(start, text, why))

    def claim(self, word: str, why: str) -> None:
        """Record that a word is a key or a request ID, so that none of its bare occurrences counts."""
        self._claims.setdefault(word, why)

    def hits(self) -> list[Word]:
        """Return the first occurrence of every ID, in text order."""
        for word, why in self._claims.items():
            if (hit := self._hits.get(word)) and hit.why.startswith("bare"):
                del self._hits[word]
                self.drop(hit.start, word, why)
        return sorted(self._hits.values())

    def misses(self) -> list[Word]:
        """Return the misses whose text was not accepted elsewhere, in text order."""
        return sorted(miss for miss in self._misses.values() if miss.text not in self._hits)


# The text

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
# Typographic twins of ASCII, and the East Asian punctuation and words that label an ID.
_TWINS = {
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02\u300c\u300d", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a\u2032\uff07\u00b4", "'"),
    **dict.fromkeys("\u2010\u2011\uff0d\ufe63", "-"),
    **dict.fromkeys("\uff5c\u2502\u2503\u2551\u00a6", "|"),
    **dict.fromkeys("\u3001\uff0c", ","),
    **dict.fromkeys("\u2192\u21d2\u27a1", "->"),
    **dict.fromkeys("\u2022\u2023\u25aa\u25cf\u25cb\u25e6\u2043\u2219\u00b7", " * "),
    **dict.fromkeys("\u2013\u2014", " - "),
    **dict(zip("\uff1a\uff1d\uff08\uff09\u3010\u3011\uff1b\uff3f", ":=()[];_", strict=True)),
    "\u2026": "...",
    "\u3002": ". ",
    **dict.fromkeys(("\u4efb\u52a1", "\u4efb\u52d9", "\u30bf\u30b9\u30af", "\uc791\uc5c5"), " task "),
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
# The value of `"taskId"` in JSON is not part of a URL: there a percent sign is literal, and no ID has one.
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

# IDs that a mail program broke: at a hyphen, before quote marks, in the source of a message.
_AFTER_HYPHEN = re.compile(r"-[ \t]*\n(?:[ \t]*>)*[ \t]*([0-9A-Fa-f][0-9A-Fa-f-]{3,26}+)(?![A-Za-z0-9_])")
_UUID_HEAD = re.compile(r"(?<![A-Za-z0-9_./-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){0,3}\Z")
_UUID_HEAD_CHARS = 24
"""23 of a head, and the one before it."""

# Quoted-printable: "=" at the end of a line means that the line goes on, and "=3D" is "=".
_SOFT_BREAK = re.compile(rf"=\n([A-Za-z0-9_-]{{1,{MAX_ID_CHARS}}}+)")
_WORD_END = re.compile(r"[A-Za-z0-9_-]+\Z")
_ESCAPED_EQUALS = re.compile(rf"=3D(?=(?:{UUID}|{HEX_32})(?![A-Za-z0-9])|task_)")


def plain(text: str) -> str:
    r"""Return `text` in ASCII, after a newline, so that the line of an offset is the number of newlines before it.

    BOMs, invisible characters and terminal colours are removed, odd spaces and quotes become the usual ones, all line
    breaks become newlines, percent-encoding (even double; not in a `"taskId"` of JSON), `\u00xx` and HTML entities are
    decoded, and IDs that a mail program broke are rejoined.
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
    """Return the lines of a text without escape sequences, numbered as by `plain`."""
    return _BREAK.sub("\n", _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")).split("\n")


def _to_ascii(text: str) -> str:
    text = _ESCAPES.sub("", _BREAK.sub("\n", text))
    text = _SPACE.sub(" ", _INVISIBLE.sub("", text))
    for twin, char in _TWINS.items():
        text = text.replace(twin, char)
    return _OTHER_RUN.sub(NOT_ASCII, _LETTER_RUN.sub(LETTER, text))


def _from_unicode_escape(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    # A quote or backslash must stay escaped to keep its meaning.
    return match[0] if char in "\"'\\" else char


def _from_percent(match: re.Match[str]) -> str:
    if not match[0].startswith("%"):
        return match[0]
    code = int(match[0][-2:], 16)
    return chr(code) if code >= 0x20 else " "


def _unbroken(text: str) -> str:
    if "=3D" in text:
        text = _ESCAPED_EQUALS.sub("=", text)
    if "=\n" in text:
        text = _SOFT_BREAK.sub(_joined_at_equals, text)
    return _AFTER_HYPHEN.sub(_joined_at_hyphen, text)


def _joined_at_hyphen(match: re.Match[str]) -> str:
    head = _UUID_HEAD.search(match.string[max(0, match.start() - _UUID_HEAD_CHARS) : match.start()])
    whole = head is not None and re.fullmatch(UUID, f"{head[0]}-{match[1]}")
    return f"-{match[1]}\n" if whole else match[0]


def _joined_at_equals(match: re.Match[str]) -> str:
    head = _WORD_END.search(match.string[max(0, match.start() - MAX_ID_CHARS) : match.start()])
    whole = head is not None and not is_wrapped_whole(head[0]) and is_wrapped_whole(head[0] + match[1])
    return f"{match[1]}\n" if whole else match[0]


# Excluded regions

_KEY = re.compile(
    r"[pgGruU](?:(?<=p)(?<![A-Za-z0-9_]p)aram(?:_?[jJ]son)?|(?<=[gG])enerate_?[pP]aram|(?<=r)esult_?[jJ]son"
    r"|(?<=[uU])(?P<url>rl(?:s|_?[lL]ist)?|RLs?))(?P<key_quote>\\*[\"'])?[ \t]*+(?P<sep>[:=])[ \t\n]*+"
    r"(?:(?P<slashes>\\{0,31})(?P<quote>[\"'`])|(?P<bracket>[\[{]))"
)
_NAME_BEFORE = re.compile(r"[A-Za-z0-9_-]*")
# The URL of a request is not excluded, as `taskId=` may be in it; it is no list of inputs or results.
_REQUEST_URLS: Final = words(
    "request poll polling status record recordinfo info query api base full endpoint check page task job "
    "get raw target"
)
_NESTING = re.compile(r"(?P<slashes>\\{0,31})(?P<quote>[\"'`])|(?P<open>[\[{(])|(?P<close>[\]})])")

_MAX_ACROSS_LINES: Final = 32_768
_MAX_IN_VAIN: Final = 1_000_000
"""Characters that may be read in search of missing ends, so that a truncated text does not take quadratic time."""


class _Scan:
    """Passes over a text, and counts the characters read in vain."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._in_vain = 0
        self._line_start = 0
        self._line_end = -1

    def line_end(self, at: int) -> int:
        if not self._line_start <= at <= self._line_end:
            found = self.text.find("\n", at)
            self._line_start = at
            self._line_end = len(self.text) if found < 0 else found
        return self._line_end

    def text_end(self, start: int, slashes: int, quote: str) -> int:
        """Return where the string that opens before `start` closes; the end of the line if it never does."""
        line_end = self.line_end(start)
        # Terminals wrap long strings.
        beyond = _MAX_ACROSS_LINES // 4 if self._in_vain < _MAX_IN_VAIN else 0
        if found := _closing(slashes, quote).search(self.text, start, line_end + beyond):
            return found.end()
        self._in_vain += beyond
        return line_end

    def bracket_end(self, start: int) -> int:
        line_end = self.line_end(start)
        limit = line_end if self._in_vain >= _MAX_IN_VAIN else max(line_end, start + _MAX_ACROSS_LINES)
        depth, at = 0, start
        while found := _NESTING.search(self.text, at, limit):
            at = found.end()
            if found["quote"]:
                closed = _closing(len(found["slashes"]), found["quote"]).search(
                    self.text, at, self.line_end(at)
                )
                at = closed.end() if closed else at
            else:
                depth += 1 if found["open"] else -1
                if depth <= 0:
                    return at
        self._in_vain += limit - start
        return self.line_end(start)


@lru_cache(maxsize=64)
def _closing(slashes: int, quote: str) -> re.Pattern[str]:
    r"""Return a pattern for the quote that closes a string opened by `slashes` backslashes and `quote`.

    Each level of escaping turns `"` to `\"` and that to `\\\"`: a closing quote has as many backslashes as
    the opening one, not counting pairs that are escaped backslashes within the string.
    """
    pair = 2 * (slashes + 1)
    return re.compile(rf"(?<!\\)(?:\\{{{pair}}})*\\{{{slashes}}}{re.escape(quote)}")


def _is_excluded(text: str, key: re.Match[str]) -> bool:
    if key["url"] is None:
        # In code, `param = "..."` is any text; a record's is JSON.
        return key["sep"] == ":" or bool(key["bracket"]) or text[key.end() : key.end() + 1] in ("{", "[")
    before = _NAME_BEFORE.match(text[max(0, key.start() - 40) : key.start()][::-1])
    name = before[0][::-1].strip("_-").lower() if before else ""
    plural = key["url"].lower() != "rl"
    return key["sep"] == ":" and (plural or (bool(name) and name not in _REQUEST_URLS))


def excluded_regions(text: str) -> list[tuple[int, int]]:
    """Return the regions that are not searched, as (start, end) offsets, ascending and disjoint."""
    scan = _Scan(text)
    regions: list[tuple[int, int]] = []
    at = 0
    while key := _KEY.search(text, at):
        at = key.end()
        if not _is_excluded(text, key):
            continue
        if key["bracket"]:
            end = scan.bracket_end(key.end() - 1)
        else:
            end = scan.text_end(key.end(), len(key["slashes"]), key["quote"])
        regions.append((key.end() - 1, end))
        at = max(at, end)
    return regions
