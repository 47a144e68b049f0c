"""IDs that stand in the open: UUIDs, 32 hex digits and `task_...` tokens, judged by what is around them.

API keys of some gateways are 32 hex digits too, an `X-Request-ID` is a UUID, and results are files named
after their task. So a label of another thing denies a bare ID, and a path or a file name swallows it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from taskdash.domain.id_forms import MAX_ID_CHARS, TASK_TOKEN, has_known_form, is_placeholder, is_word_of_code
from taskdash.domain.paste.context import CLAIMS, Context, claim_after, context_before
from taskdash.domain.paste.sightings import FILE_NAME, PLACEHOLDER, Hit, Sightings

if TYPE_CHECKING:
    from collections.abc import Iterator

# The first character is tried alone: `re` finds a set of characters fast, and an alternation slowly. An
# escaped
# line break ("\n" in a text within JSON) is no part of the word after it.
_CANDIDATE = re.compile(
    r"[0-9A-Fa-ft](?:(?<![A-Za-z0-9].)|(?<=\\[nrt].))(?:"
    r"(?<!t)[0-9A-Fa-f]{7}(?:(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{24})(?![A-Za-z0-9])"
    rf"|(?<=t)(?<!_t){TASK_TOKEN[1:]})"
)
_LIST_GAP = re.compile(
    r"[\\\"'`*)}]{0,4}[ \t]*+[,;]?[ \t]*+(?:(?:#|//)[^\n]*+)?\s{0,150}+"
    r"(?:(?:[-*+>]|\d{1,4}[.)])[ \t]+)?[\\\"'`*({]{0,4}"
)
_CHECKSUM_LINE = re.compile(r" [ *]\S+\.\w{1,5}(?=\n|$)")
_OUTER_LINE = re.compile(r"\n(?=[^ \t\n])")
_NAME_THEN_ENDING = re.compile(r"[A-Za-z0-9_-]{32,80}+\.[A-Za-z0-9]")
_KEY_PREFIX = re.compile(r"(?i:sk|pk|key|token|secret)[A-Za-z0-9_-]*$")
_LONG_LIST_GAP: Final = 200
_NO_CONTEXT: Final = Context(None, begins_list=False, is_json_value=False)

PATH: Final = "part of a path or URL"
LONGER_WORD: Final = "part of a longer word"


def find_bare(text: str, seen: Sightings) -> None:
    """Report every bare word with the form of an ID, once the labelled ones are known."""
    rivals = _Rivals(text, seen)
    contexts = _Contexts(text)
    for start, word in _candidates(text, seen):
        if rivals.is_labelled(start):
            contexts.skip(start + len(word))
            continue
        context = contexts.of(start, word)
        why_not = context.why_not or claim_after(text, start + len(word))
        if why_not in CLAIMS:
            seen.claim(word, why_not)
        why_not = why_not or _swallowed_before(text, start) or _swallowed_after(text, start, word)
        if why_not is None and rivals.outrank(start, is_json_value=context.is_json_value):
            why_not = "beside a labelled ID"
        if why_not is None:
            seen.take_bare(Hit(start, word, _form_of(word)))
        elif why_not != LONGER_WORD:
            # The word that it is part of may be a key.
            seen.drop(start, word, why_not)


def _candidates(text: str, seen: Sightings) -> Iterator[tuple[int, str]]:
    """The words of a known form, each with its place."""
    for match in _CANDIDATE.finditer(text):
        word = match[0]
        if word[0] == "t":
            word = word.rstrip("-_")
        if has_known_form(word):
            yield match.start(), word
        elif len(word) <= MAX_ID_CHARS and is_placeholder(word) and not is_word_of_code(word):
            seen.drop(match.start(), word, PLACEHOLDER)


class _Contexts:
    """What the words before each ID say; a list has them once for all of its items."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._last = _NO_CONTEXT
        self._last_end = -_LONG_LIST_GAP

    def skip(self, end: int) -> None:
        """Go past an ID whose label is known."""
        self._last, self._last_end = _NO_CONTEXT, end

    def of(self, start: int, word: str) -> Context:
        """The context of the ID at `start`; asked in the order of the text."""
        if not self._is_next_item(start):
            self._last = context_before(self._text, start)
        elif not self._last.begins_list or self._text.count("\n", self._last_end, start) > 1:
            self._last = _NO_CONTEXT
        self._last_end = start + len(word)
        return self._last

    def _is_next_item(self, start: int) -> bool:
        near = start - self._last_end < _LONG_LIST_GAP
        return near and _LIST_GAP.fullmatch(self._text, self._last_end, start) is not None


def _form_of(word: str) -> str:
    if word[0] == "t":
        return "bare task_ token"
    return "bare UUID" if word[8] == "-" else "bare 32 hex digits"


class _Rivals:
    """Which places have a labelled ID beside them, on the line or in the same printed JSON document.

    Asked for places in ascending order.
    """

    def __init__(self, text: str, seen: Sightings) -> None:
        self._text = text
        self._starts = sorted(seen.labelled_starts)
        self._json_starts = sorted(seen.json_starts)
        self._labelled = set(self._starts)
        self._outer_lines: list[int] | None = None
        self._line = (0, 0)

    def is_labelled(self, at: int) -> bool:
        return at in self._labelled

    def outrank(self, at: int, *, is_json_value: bool) -> bool:
        if not self._starts:
            return False
        return self._is_on_line(at) or (
            is_json_value and bool(self._json_starts) and self._is_in_document(at)
        )

    def _is_on_line(self, at: int) -> bool:
        if not self._line[0] <= at <= self._line[1]:
            end = self._text.find("\n", at)
            self._line = self._text.rfind("\n", 0, at), len(self._text) if end < 0 else end
        index = bisect_right(self._starts, self._line[0])
        return index < len(self._starts) and self._starts[index] < self._line[1]

    def _is_in_document(self, at: int) -> bool:
        """A document printed over lines begins and ends where lines are not indented."""
        if self._outer_lines is None:
            self._outer_lines = [match.start() for match in _OUTER_LINE.finditer(self._text)]
        outer = self._outer_lines
        index = bisect_right(outer, at)
        start = outer[index - 1] if index else 0
        end = outer[index] if index < len(outer) else len(self._text)
        nearest = bisect_right(self._json_starts, start)
        return nearest < len(self._json_starts) and self._json_starts[nearest] < end


def _swallowed_before(text: str, start: int) -> str | None:
    """What the ID is the end of, if anything."""
    before, further = text[start - 1 : start], text[start - 2 : start - 1]
    if before in "-+" and further == "\n":
        return None  # a bullet without its space, or a diff
    if before == "/" or (before == "#" and (further.isalnum() or further == "/")):
        return PATH
    if before == "\\":
        return PATH
    if (
        before in "_-"
        and _NAME_THEN_ENDING.match(text, start)
        and not _KEY_PREFIX.search(text, max(0, start - 40), start)
    ):
        return FILE_NAME
    return LONGER_WORD if before in "_-.@$+%~" else None


def _swallowed_after(text: str, start: int, word: str) -> str | None:
    """What the ID is the beginning of, if anything."""
    end = start + len(word)
    after, further = text[end : end + 1], text[end + 1 : end + 2]
    if after == ".":
        return FILE_NAME if further.isalnum() else None
    if after in ("_", "-"):
        return FILE_NAME if further.isalnum() else None
    if after == "/":
        return PATH
    if after == "\\":
        return None if further in "\"'nrtu\\/`" else PATH
    if after == "@" or (after == "(" and word.startswith("task_") and not word[-8:].isdigit()):
        return LONGER_WORD
    if after == " " and "-" not in word and _CHECKSUM_LINE.match(text, end):
        return "a checksum" if text[start - 1] == "\n" else None
    return None
