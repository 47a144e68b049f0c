"""Finds task IDs in pasted text: logs, JSON, code, tables, shell sessions, chats.

A missed ID is a task nobody watches; a false one costs a request and a confusing row. So every word with the
form or the label of an ID is examined, and accepted or ignored for a reason that can be shown. The rules:

1. Labelled IDs count: `taskId` (in any spelling) in JSON and literals, `taskId=` in URLs, labels in text,
   lists and columns, the URL of a record, an `id` of a task's form beside a status; nothing inside `param`,
   `resultJson` or lists of URLs.
2. Words of a known form count without a label, unless they are in a path or a file name, or another label
   claims them; a labelled ID outranks bare ones on its line and in its JSON document.
3. A single word of unknown form is reported as `Paste.unsure`: only the user can tell.

Time is linear in the text, and nothing here recurses.

`paste` converts a text to plain ASCII, finds the regions in which nothing counts, and collects the findings of the
searches in `labels`, `surroundings` and `bare`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.id_forms import Kind, is_file_name, is_task_id, kind_of, looks_like_key
from taskdash.domain.secret import KnownKeys, without_labelled_keys
from taskdash.domain.task_ids.bare import find_bare
from taskdash.domain.task_ids.labels import find_labelled
from taskdash.domain.task_ids.paste import Findings, Why, Word, lines_of, plain
from taskdash.domain.task_ids.surroundings import find_in_columns, find_of_families, path_hint_of, path_hints
from taskdash.domain.untrusted import LineCounter, inert_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from taskdash.domain.secret import Secret

__all__ = ["Found", "Ignored", "Paste", "find_task_ids", "path_hint_of"]

MAX_IGNORED: Final = 200
"""More than anybody reads; a paste of 10 MB can have a million."""
_MAX_SHOWN_CHARS: Final = 80

_KEY = re.compile(r"sk-(?<![A-Za-z0-9]sk-)[A-Za-z0-9_-]{4,}")
_SINGLE_WORD = re.compile(r"(?:[-*+>]|\d{1,4}[.)])?[\s\"'`,;<(\[*]*([^\s\"'`,;<>()\[\]*]+)[\s\"'`,;>)\].!*]*")


class Found(NamedTuple):
    """Tells of an accepted ID."""

    task_id: str
    line: int
    """1-based."""
    why: str
    """For people: "taskId in JSON", `after "Task ID"`, "bare UUID"."""
    path_hint: str | None = None
    """The path of its record, if the text or the form of the ID suggests one."""


class Ignored(NamedTuple):
    """Tells of a word that looks like an ID and was not accepted."""

    text: str
    """Inert, cut to 80 characters; never a key."""
    line: int
    """1-based."""
    why: str


class Paste(NamedTuple):
    """Lists the findings in a pasted text."""

    found: tuple[Found, ...]
    """In order of first occurrence, each ID once."""
    ignored: tuple[Ignored, ...]
    """In order of occurrence, each reason once per word, at most 200."""
    unsure: str | None
    """The word, if the text is a single one of allowed but unknown form: an ID only if the user says so."""


def find_task_ids(text: str, *, keys: Collection[Secret] = ()) -> Paste:
    """Search a pasted text. The configured `keys` are never taken for IDs, even if they have the form of one."""
    searched = plain(text)
    known = KnownKeys(keys)
    seen = Findings(searched, known)
    for key in _KEY.finditer(searched):
        seen.drop(key.start(), key[0], Why.LOOKS_LIKE_KEY)
    find_labelled(searched, seen)
    find_of_families(searched, seen)
    find_in_columns(searched, seen)
    find_bare(searched, seen)
    lines = LineCounter(searched, first=0)
    hits = seen.hits()
    hints = path_hints(searched, hits)
    found = tuple(Found(hit.text, lines.number(hit.start), hit.why, hints.get(hit.text)) for hit in hits)
    ignored = _fit_to_show(seen.misses(), known, LineCounter(searched, first=0))
    unsure = None if found or ignored else _single_word(searched, known)
    if not found and not ignored and unsure is None:
        ignored = _nothing_in(text, known)
    return Paste(found, ignored, unsure)


def _fit_to_show(misses: Iterable[Word], keys: KnownKeys, lines: LineCounter) -> tuple[Ignored, ...]:
    ignored: dict[tuple[str, str], Ignored] = {}
    for miss in misses:
        text = _shown(miss.text, miss.why, keys)
        if (text, miss.why) not in ignored:
            ignored[text, miss.why] = Ignored(text, lines.number(miss.start), miss.why)
            if len(ignored) == MAX_IGNORED:
                break
    return tuple(ignored.values())


def _shown(text: str, why: str, keys: KnownKeys) -> str:
    if text.startswith("sk-"):
        return "sk-…"
    if why in (Why.KEY_LABEL, Why.LOOKS_LIKE_KEY, Why.CONFIGURED_KEY) or keys.are_in(text):
        return "(a key)"
    if any(looks_like_key(word) for word in text.split()):
        return "(a key)"
    shown = inert_line(_KEY.sub("sk-…", text[: 2 * _MAX_SHOWN_CHARS]))
    return shown if len(shown) <= _MAX_SHOWN_CHARS else shown[: _MAX_SHOWN_CHARS - 1] + "…"


def _single_word(text: str, keys: KnownKeys) -> str | None:
    # "-word" is not a list item: it may be an option, or an ID that begins with a dash.
    if len(text) > 1_000 or _is_option(text.strip()):
        return None
    match = _SINGLE_WORD.fullmatch(text.strip())
    word = match[1].removesuffix(".") if match else ""
    if not is_task_id(word) or keys.are_in(word):
        return None
    return word if kind_of(word) is Kind.UNKNOWN else None


def _nothing_in(text: str, keys: KnownKeys) -> tuple[Ignored, ...]:
    for number, line in enumerate(lines_of(text[:20_000]), start=1):
        if shown := _shown(without_labelled_keys(line.strip()), "", keys):
            return (Ignored(shown, number, _why_nothing(line.strip())),)
    return ()


def _is_option(word: str) -> bool:
    return is_task_id(word) and kind_of(word) is Kind.OPTION


def _why_nothing(line: str) -> str:
    if _is_option(line):
        return Why.OPTION
    return Why.FILE_NAME if is_file_name(line) else Why.NOTHING
