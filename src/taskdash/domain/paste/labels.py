"""IDs that somebody labelled: `"taskId": "..."`, `?taskId=...`, `Task ID: ...`, `Created task ...`.

One search serves JSON of any escape level, several documents, JSONL, logs around them, URLs, code, YAML and
prose: in all of them a label stands before a value, and what differs is how the value ends. Nothing is
parsed, so nothing can be too deep, and a torn document gives what is left of it.
"""

from __future__ import annotations

import re
from typing import Final

from taskdash.domain.id_forms import (
    HEX_32,
    TASK_TOKEN,
    UUID,
    Kind,
    has_known_form,
    is_wrapped_whole,
    kind_of,
)
from taskdash.domain.paste.lists import read_list, read_more
from taskdash.domain.paste.places import DIGIT_RUN, EASY_VALUE, LABEL, MOMENT, VALUE, Place
from taskdash.domain.paste.sightings import CUT_OFF, ODD_CHARACTERS, PLACEHOLDER, WHY_NOT, Sightings
from taskdash.domain.paste.text import NOT_ASCII

_KNOWN = re.compile(rf"(?:{UUID}|{HEX_32}|{TASK_TOKEN})(?![A-Za-z0-9_-])")
_KNOWN_INSIDE = re.compile(rf"[<{{]({UUID}|{HEX_32})[>}}]")
_BLANK_TO_FILL = re.compile(
    r"[\"'`]?(?:[$%#]?\{{1,2}[^{}\n]{0,80}\}{1,2}|<[^<>\n]{0,80}>|\$[A-Za-z_]\w{0,80}|\*{3,})"
)
_REST_OF_WRAP = re.compile(r"[ \t]*\n[ \t]*([A-Za-z0-9_-]{1,100})")
_MASK = re.compile(r"\*{3,}|\*+[A-Za-z0-9]|\.\.|[%#]{3,}")
_BLANKS: Final = frozenset(" \t\n")
_MASKS: Final = frozenset("*.%#")
_ARGUMENT = re.compile(r",\s{0,8}(?:\\*[\"']value\\*[\"']\s{0,8}:\s{0,8})?(?=\\*[\"'])")
_CALL_BEFORE = re.compile(r"\(\s{0,8}\\*[\"'][A-Za-z_.-]{0,20}$")
# The row of a table that has labels in its first column; a header would have a rule below it.
_NEXT_CELL = re.compile(
    r"\|[ \t]*(?=[\"'`*]{0,2}[A-Za-z0-9._:-]{1,128}+[\"'`*]{0,2}"
    r"[ \t]*\|?[ \t]*(?:$|\n(?![ \t]*[|+]?[ \t]*:?--)))"
)
_ONLY_MARKS = re.compile(r"[\s#/*>|\"'`(\[$%;.\d-]*")
_ENDS_VALUE: Final = frozenset(" \t\n,;)]}>\"'`&#|<!?\\*" + NOT_ASCII)
_CODE_GOES_ON: Final = frozenset("([=+")


def find_labelled(text: str, seen: Sightings) -> None:
    """Report every labelled ID of a text that went through `paste.text.plain`."""
    at = 0
    while label := LABEL.search(text, at):
        at = label.end()
        if label["sep"] in (":", "=") and not label["plural"] and (easy := _easy_value(text, at)):
            place = Place(text, label, easy)
            place.report(seen, easy.start("word"), easy["word"])
            at = read_more(place, easy["word"], easy.end(), seen)
            continue
        start = _value_start(text, label)
        if start is not None and (value := VALUE.match(text, start)):
            at = max(at, _read(Place(text, label, value), seen))


def _easy_value(text: str, at: int) -> re.Match[str] | None:
    easy = EASY_VALUE.match(text, at)
    return easy if easy and has_known_form(easy["word"]) else None


def _value_start(text: str, label: re.Match[str]) -> int | None:
    """Where the label's value would begin, or None for a label that is only talked about."""
    before = text[label.start() - 1] if label.start() else ""
    sep, gap = label["sep"], label["gap"]
    if sep == ">" and (before not in "<:_" or "\n" in gap):
        return None
    if sep is None:
        if argument := _ARGUMENT.match(text, label.end()):
            calls = _CALL_BEFORE.search(text[max(0, label.start() - 40) : label.start()])
            return argument.end() if calls or argument[0].rstrip().endswith(":") else None
        if "\n" in gap:
            line_start = text.rfind("\n", max(0, label.start() - 40), label.start())
            alone = line_start >= 0 and _ONLY_MARKS.fullmatch(text, line_start, label.start())
            return label.end() if alone else None
        if cell := _NEXT_CELL.match(text, label.end()):
            return cell.end()
        spaced = (
            label["tags"]
            or text[label.end() - 1] in " \t"
            or text[label.end() : label.end() + 1] in ("(", "[")
        )
        return label.end() if spaced else None
    return label.end()


def _read(place: Place, seen: Sightings) -> int:
    """Judge the value and what may follow it; return where to go on."""
    text, value = place.text, place.value
    if place.label["plural"] or place.sep.lower().startswith("in") or "[" in value["lead"]:
        end = read_list(place, seen)
        if end:
            return end
    word, end = _whole_word(place)
    why_not = _why_not(place, word, end)
    if why_not is None:
        place.report(seen, value.start("word"), word)
        return read_more(place, word, end, seen)
    if why_not:
        shown = word or text[value.start() : value.start() + 40].split("\n")[0]
        seen.drop(value.start(), shown, why_not)
    return place.label.end()


def _whole_word(place: Place) -> tuple[str, int]:
    """The value without the sentence's punctuation, joined again if a terminal wrapped it; and its end."""
    text, value = place.text, place.value
    start, end = value.start("word"), value.end()
    word = value["word"]
    if not word:
        inner = _KNOWN_INSIDE.match(text, start)
        return (inner[1], inner.end()) if inner else ("", end)
    if known := _KNOWN.match(text, start):
        goes_on = (
            text[known.end() : known.end() + 1] == "." and text[known.end() + 1 : known.end() + 2].isalnum()
        )
        if not goes_on and has_known_form(known[0]) and (is_wrapped_whole(known[0]) or known.end() < end):
            return known[0], known.end()
    if text[end : end + 1] in _BLANKS and (joined := _unwrapped(text, word, end)):
        return joined
    return word if place.quoted or word.endswith("..") else word.rstrip(".:"), end


def _unwrapped(text: str, word: str, end: int) -> tuple[str, int] | None:
    """The ID that begins with `word` and goes on in the next lines, and its end."""
    for _ in range(4):
        rest = _REST_OF_WRAP.match(text, end)
        if not rest:
            return None
        word, end = word + rest[1], rest.end()
        if is_wrapped_whole(word):
            return word, end
    return None


def _why_not(place: Place, word: str, end: int) -> str | None:
    """None for an ID; else why it is none, "" where that is not worth telling."""
    kind = kind_of(word)
    if kind is Kind.KNOWN:
        return _why_not_here(place, word, end)
    if kind is Kind.EMPTY:
        return PLACEHOLDER if _BLANK_TO_FILL.match(place.text, place.value.start("quote")) else ""
    if kind is not Kind.UNKNOWN:
        return WHY_NOT.get(kind, "")
    if place.text[end : end + 1] in _MASKS and _MASK.match(place.text, end):
        return CUT_OFF
    return _why_not_unknown(place, word, end)


def _why_not_here(place: Place, word: str, end: int) -> str | None:
    """A word of a known form is an ID unless it goes on."""
    after = place.text[end : end + 1]
    if after and after not in _ENDS_VALUE and after not in ".:=(":
        return "part of a path or of a longer word" if after in "/@%" else ODD_CHARACTERS
    if place.label["prose"] and place.sep == "" and place.text[end : end + 2] == "()":
        return ""
    return CUT_OFF if after == "*" and _MASK.match(place.text, end) and not is_wrapped_whole(word) else None


def _why_not_unknown(place: Place, word: str, end: int) -> str | None:
    """A word of an unknown form is an ID where the label says so and nothing speaks against it."""
    after = place.text[end : end + 1]
    if place.quoted:
        quote = place.value["quote"]
        if not place.text.startswith(quote, end):
            return "" if after in ("", "\n", "$", "{", "%", "+") else ODD_CHARACTERS
        if place.label["id"]:
            return None
    elif after and after not in _ENDS_VALUE:
        return "" if after in _CODE_GOES_ON else ODD_CHARACTERS
    if place.label["job"]:
        return ""
    if MOMENT.fullmatch(word) or ("\n" in place.gap and not place.alone):
        return ""
    return None if _is_plausible(place, word) else ""


def _is_plausible(place: Place, word: str) -> bool:
    """Whether an unquoted word of unknown form is a value rather than prose or a name in code."""
    has_digit = DIGIT_RUN.search(word) is not None
    if place.label["id"] is None:
        explicit = place.sep[:1] in (":", "=", "#") and not word.isdigit()
        return word.startswith("task_") or (
            has_digit and (explicit or place.quoted or (len(word) >= 6 and not word.isalnum()))
        )
    if place.is_query or (word.startswith("task_") and not word.endswith("_id")):
        return True
    if place.sep == "" or place.sep[:2] in ("is", "wa", "in", "IN", "-", "#"):
        in_cell = place.text.startswith("|", place.label.end())
        return has_digit and (len(word) >= 6 or (("\n" in place.gap or in_cell) and not word.isdigit()))
    if has_digit:
        return word != "0"
    assigned_as_in_a_shell = place.sep == "=" and not place.gap and not place.label["close"]
    return place.alone and (assigned_as_in_a_shell or ("-" in word and place.sep == ":"))
