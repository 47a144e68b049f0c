"""Finds IDs without a label: UUIDs, 32 hex digits and `task_...` tokens, judged by the text around them.

API keys of some gateways are 32 hex digits too, an `X-Request-ID` is a UUID, and results are files named
after their task. So a bare ID does not count with the label of something else, or in a path or a file name.

The words before an ID are matched backwards, on reversed text, so that the cost does not depend on the length of the
line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.id_forms import (
    MAX_ID_CHARS,
    TASK_TOKEN,
    has_known_form,
    is_placeholder,
    is_word_of_code,
    words,
)
from taskdash.domain.task_ids.paste import CLAIMS, Findings, Why, Word

if TYPE_CHECKING:
    from collections.abc import Iterator

# The first character is matched alone, as `re` searches fast for a character set but slowly for an alternation. An
# escaped line break ("\n" in a JSON string) is not part of the word after it.
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

# The words around an ID
_WINDOW: Final = 120
# Matched against reversed text: `->` reads `>-`, "is" reads "si".
_BACKWARDS = re.compile(
    r"""(?P<gap>[\s"'`*(\[{<#\\/-]{0,60}+)
    (?P<sep>=?:|={1,3}|>[=]?|\|\|?|\?\?|,|(?:si|saw|ro)(?=\s)|)
    (?P<mid>[ \t"'`*)\]\\]{0,8}+)
    (?P<words>[A-Za-z0-9_.-]*(?:[ ][A-Za-z0-9_.-]+)?)
    (?P<before>["'`\\]{0,4}[ ]?[?&(]?)
    [ ]?(?P<outer>[A-Za-z0-9_.-]*(?:[ ][A-Za-z0-9_.-]+)?)""",
    re.VERBOSE,
)
_PHRASE = re.compile(r"[A-Za-z0-9_ .'\"-]*")
_CLAIMING_PHRASE = re.compile(
    r"(?i:\b(?:(?P<request>x-request-id|request[ _-]?id)|(?P<trace>trace[ _-]?id|ray[ _-]?id)"
    r"|(?:api|secret|access|auth|private)[ _-]?keys?|(?:\w*_)?(?:tokens?|secrets?|passwords?|bearer))\b)"
)
_OWN_PHRASE = re.compile(r"(?i:task|job)")
_CLAIM_AFTER = re.compile(
    r"[\"'`)]{0,3}[ ]{1,4}(?:(?:is|was|as)[ ]|[(#]|//|<-+|-+>?)[ ]?"
    r"(?:(?i:my|the|our|your|an?|this|old|new)[ ])?"
    r"(?i:(?P<request>x-request-id|request[ _-]?id)"
    r"|(?:api|secret|access|auth)[ _-]?key|(?:api[ _-]?)?token|secret)\b"
)
_PARTS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Capitals that begin no new word.
_UNSPLIT = re.compile(r"IDs|UUIDs|ETag|OAuth")
_STATEMENT = re.compile(
    r"[ \t]*(?:(?:export|const|let|var|set|final|static)[ ]+)*([A-Za-z_][\w.-]{0,60})[^=\n]{0,40}=[^=]"
)
_HEADING = re.compile(r"[\s#*>\-_\"'`\[]*([A-Za-z][\w.-]*(?: [A-Za-z][\w.-]*){0,3})[\s*_:=\"'`\]({\[]*")

_SECRETS: Final = words(
    "key keys apikey apikeys token tokens secret secrets bearer authorization auth password passwd pwd "
    "passphrase credential credentials signature sig sign hmac jwt"
)
_SECRET_ENDINGS: Final = ("apikey", "token", "secret", "secretkey", "accesskey")
_REQUESTS: Final = words("request requests req xrequest xreq idempotency")
_TRACES: Final = words("trace traces xtrace traceparent tracestate span ray cfray correlation xcorrelation")
# Their value is never a task's ID, whether or not the label says "id".
_OTHERS: Final = words(
    "user account session order commit etag md sha hash checksum digest nonce cookie boundary csrf etag "
    "uid revision rev fingerprint"
)
# These only as `<thing> id`.
_THINGS: Final = words(
    "userid users org organization organisation project tenant customer client device visitor "
    "installation message msg chat conversation thread event transaction payment invoice subscription "
    "plan deployment container build upload file image asset media webhook hook callback workspace team "
    "member machine host node pod volume disk partition group template parent voice character model "
    "style preset folder category product item post comment channel room bot agent profile app "
    "application page cart lead contact campaign connection process instance cluster region zone vpc "
    "resource principal object row db store shop vendor merchant license"
)
_OWN: Final = words("task tasks taskid taskids job jobs jobid jobids")
_ID_WORDS: Final = words("id ids uuid uuids guid number no nr value header")
_OWN_PARAMETERS: Final = words("id ids uuid task tasks tid taskuuid job jobid jobids recordid record")


class _Context(NamedTuple):
    """Judges the context before a bare ID."""

    why_not: str | None
    begins_list: bool
    """Whether it also applies to the IDs that follow in a list."""
    is_json_value: bool
    """Whether it is the value of a quoted key."""


_NO_CONTEXT: Final = _Context(None, begins_list=False, is_json_value=False)


def find_bare(text: str, seen: Findings) -> None:
    """Report every bare word with the form of an ID; labelled IDs must have been reported before."""
    rivals = _Rivals(text, seen)
    context, end = _NO_CONTEXT, -_LONG_LIST_GAP
    for start, word in _candidates(text, seen):
        last_end, end = end, start + len(word)
        if start in rivals.labelled:
            context = _NO_CONTEXT
            continue
        # All items of a list share the context before the first.
        if start - last_end >= _LONG_LIST_GAP or not _LIST_GAP.fullmatch(text, last_end, start):
            context = _context_before(text, start)
        elif not context.begins_list or text.count("\n", last_end, start) > 1:
            context = _NO_CONTEXT
        why_not = context.why_not or _claim_after(text, end)
        if why_not in CLAIMS:
            seen.claim(word, why_not)
        why_not = why_not or _swallowed_before(text, start) or _swallowed_after(text, start, word)
        if why_not is None and rivals.outrank(start, is_json_value=context.is_json_value):
            why_not = Why.OUTRANKED
        if why_not is None:
            seen.take(Word(start, word, _form_of(word)))
        elif why_not != Why.LONGER_WORD:
            # A longer word is not reported, as it may be a key.
            seen.drop(start, word, why_not)


def _candidates(text: str, seen: Findings) -> Iterator[tuple[int, str]]:
    for match in _CANDIDATE.finditer(text):
        word = match[0]
        if word[0] == "t":
            word = word.rstrip("-_")
        if has_known_form(word):
            yield match.start(), word
        elif len(word) <= MAX_ID_CHARS and is_placeholder(word) and not is_word_of_code(word):
            seen.drop(match.start(), word, Why.PLACEHOLDER)


def _form_of(word: str) -> str:
    if word[0] == "t":
        return "bare task_ token"
    return "bare UUID" if word[8] == "-" else "bare 32 hex digits"


class _Rivals:
    """Finds labelled IDs near an offset, on its line or in the same pretty-printed JSON document.

    Offsets must be queried in ascending order.
    """

    def __init__(self, text: str, seen: Findings) -> None:
        self._text = text
        self._starts = sorted(seen.labelled_starts)
        self._json_starts = sorted(seen.json_starts)
        self.labelled = set(self._starts)
        self._outer_lines: list[int] | None = None
        self._line = (0, 0)

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
        if self._outer_lines is None:
            self._outer_lines = [match.start() for match in _OUTER_LINE.finditer(self._text)]
        outer = self._outer_lines
        index = bisect_right(outer, at)
        start = outer[index - 1] if index else 0
        end = outer[index] if index < len(outer) else len(self._text)
        nearest = bisect_right(self._json_starts, start)
        return nearest < len(self._json_starts) and self._json_starts[nearest] < end


def _swallowed_before(text: str, start: int) -> str | None:
    before, further = text[start - 1 : start], text[start - 2 : start - 1]
    if before in "-+" and further == "\n":
        return None  # a bullet without its space, or a diff
    if before in "/\\" or (before == "#" and (further.isalnum() or further == "/")):
        return Why.PATH
    is_name = before in "_-" and _NAME_THEN_ENDING.match(text, start)
    if is_name and not _KEY_PREFIX.search(text, max(0, start - 40), start):
        return Why.FILE_NAME
    return Why.LONGER_WORD if before in "_-.@$+%~" else None


def _swallowed_after(text: str, start: int, word: str) -> str | None:
    end = start + len(word)
    after, further = text[end : end + 1], text[end + 1 : end + 2]
    if after in (".", "_", "-"):
        return Why.FILE_NAME if further.isalnum() else None
    if after == "/":
        return Why.PATH
    if after == "\\":
        return None if further in "\"'nrtu\\/`" else Why.PATH
    if after == "@" or (after == "(" and word.startswith("task_") and not word[-8:].isdigit()):
        return Why.LONGER_WORD
    if after == " " and "-" not in word and _CHECKSUM_LINE.match(text, end):
        return Why.CHECKSUM if text[start - 1] == "\n" else None
    return None


def _context_before(text: str, start: int) -> _Context:
    window = text[max(0, start - _WINDOW) : start][::-1]
    found = _BACKWARDS.match(window)
    assert found is not None  # noqa: S101 - every part of the pattern may be empty
    gap, sep, label = found["gap"], found["sep"], found["words"][::-1]
    why_not = _by_label(text, start, found)
    if why_not is None and sep and "\n" not in gap:
        why_not = _by_phrase(window, found.start("words"))
    if why_not is None and sep in ("||", "??", "ro", ","):
        why_not = _by_statement(text, start)
    if why_not is None and sep == "=" and found["before"][-1:] in ("?", "&"):
        why_not = None if "".join(_parts_of(label)) in _OWN_PARAMETERS else Why.IN_URL
    plural = label.lower().endswith(("s", "_list", "list"))
    begins_list = why_not is not None and (plural or any(mark in gap for mark in "[({-*"))
    quoted_key = sep == ":" and any(mark in found["mid"] for mark in "\"'")
    return _Context(why_not, begins_list, quoted_key)


def _by_label(text: str, start: int, found: re.Match[str]) -> str | None:
    """Return why the one or two words right before an ID deny it, or None; `found` is reversed text."""
    gap, sep, label, before = found["gap"], found["sep"], found["words"][::-1], found["before"]
    if "\n" in gap:
        # A line that happens to end in "is" says nothing about the next.
        return _over_line(text, start, label, has_sep=bool(sep) and not sep.isalpha())
    if sep in (",", "|"):
        # A pair of arguments, or the two cells of a row; in any other list the word before is an item of its own.
        why_not = denial(label, has_sep=True)
        is_pair = ("(" in before and found["mid"]) or text[start - found.end("before") - 1] in "\n|"
        return why_not if is_pair and (why_not in CLAIMS or "(" in before) else None
    why_not = denial(label, has_sep=bool(sep))
    if why_not is None and before.endswith("(") and ")" in found["mid"]:
        return denial(found["outer"][::-1], has_sep=bool(sep))
    return why_not


def _by_phrase(window: str, end: int) -> str | None:
    """Return why a longer label denies an ID, as in `API key for the bot: ...`."""
    phrase = _PHRASE.match(window, end)
    said = _CLAIMING_PHRASE.search(phrase[0][::-1]) if phrase else None
    if said is None or _OWN_PHRASE.search(said.string, said.end()):
        return None
    return Why.REQUEST_ID if said["request"] else Why.TRACE_ID if said["trace"] else Why.KEY_LABEL


def _claim_after(text: str, end: int) -> str | None:
    """Return why the words after an ID, which ends at `end`, deny it, as in `... is my API key`."""
    said = _CLAIM_AFTER.match(text, end)
    if said is None:
        return None
    return Why.REQUEST_ID if said["request"] else Why.KEY_LABEL


def _over_line(text: str, start: int, label: str, *, has_sep: bool) -> str | None:
    """Return why a label that is all of the line above denies an ID; "ID of something else" never counts there."""
    head = text[max(0, start - _WINDOW) : start].rstrip(" \t\n\"'`*([{<#\\/-")
    line = head[head.rfind("\n") + 1 :]
    heading = _HEADING.fullmatch(line) or (_STATEMENT.match(line) if has_sep else None)
    if heading is None:
        return None
    why_not = denial(" ".join(heading[1].split()[-2:]), has_sep=True) if heading[1] else None
    if why_not is None and has_sep:
        why_not = denial(label, has_sep=True)
    return None if why_not == Why.OTHER_ID else why_not


def _by_statement(text: str, start: int) -> str | None:
    """Return why the name that is assigned to denies an ID, as in `API_KEY = settings.get() || '...'`."""
    line_start = max(0, text.rfind("\n", max(0, start - 200), start) + 1)
    statement = _STATEMENT.match(text, line_start, start)
    return denial(statement[1], has_sep=True) if statement else None


@lru_cache(maxsize=4096)
def _parts_of(label: str) -> tuple[str, ...]:
    whole = _UNSPLIT.sub(lambda match: match[0].capitalize(), label)
    return tuple(part.lower().rstrip("0123456789") or part for part in _PARTS.split(whole) if part)


@lru_cache(maxsize=4096)
def denial(label: str, *, has_sep: bool) -> str | None:
    """Return why the value after a label of one or two words is not a task ID; None if it may be one.

    Names in code are split (`xRequestId`, `API_KEY`). Without a colon, an equals sign or the like (`has_sep`) fewer
    words deny an ID.
    """
    if label.endswith(("Error", "Exception")):
        return None
    last, _, before = (part[::-1] for part in label[::-1].partition(" "))
    parts = _parts_of(last)
    if before and parts and all(part in _ID_WORDS for part in parts):
        parts = (*_parts_of(before)[-2:], *parts)
    bare_parts = [part[:-2] if part.endswith("id") and len(part) > 4 else part for part in parts]
    if any(part in _SECRETS or part.endswith(_SECRET_ENDINGS) for part in parts):
        return Why.KEY_LABEL
    if not _REQUESTS.isdisjoint(bare_parts):
        return Why.REQUEST_ID
    if not _TRACES.isdisjoint(bare_parts):
        return Why.TRACE_ID
    if not _OWN.isdisjoint(parts):
        return None
    says_id = any(part in _ID_WORDS for part in parts) or bare_parts != list(parts)
    named = [part for part in bare_parts if part not in _ID_WORDS][-1:]
    if named and (
        named[0] in _OTHERS
        and (has_sep or says_id or named[0] in ("user", "session", "commit", "order", "md", "sha", "etag"))
    ):
        return Why.OTHER_ID
    return Why.OTHER_ID if named and named[0] in _THINGS and says_id else None
