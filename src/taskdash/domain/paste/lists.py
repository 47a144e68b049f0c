"""IDs that share one label: `"taskIds": [...]`, `Task IDs: A, B and C`, one on each line below a label."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from taskdash.domain.id_forms import Kind, kind_of
from taskdash.domain.paste.places import DIGIT_RUN, LETTER_RUN, MOMENT, Place
from taskdash.domain.paste.sightings import WHY_NOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskdash.domain.paste.sightings import Sightings

_IN_LIST: Final = "in a list after a label"
_FIRST_ITEM = re.compile(r"[ \t]*[\[({]")
_ITEM_IN_BRACKETS = re.compile(
    r"(?:[\s,;\[(]|(?:\#|//)[^\n]*+)*+(?P<quote>\\*[\"'`]|)(?P<word>[A-Za-z0-9._:-]{1,128}+)"
    r"(?P=quote)(?=[\s,;\])}\\#]|$)"
)
_ITEM_IN_LINE = re.compile(
    r"\\*[\"'`]?[ \t]*(?:[,;|&]|\band\b)[ \t]*(?:and[ ])?\\*[\"'`]?(?P<word>[A-Za-z0-9._-]{1,128}+)(?![=:/@])"
)
_ITEM_AFTER_SPACE = re.compile(r"\\*[\"'`]?[ \t]+\\*[\"'`]?(?P<word>[A-Za-z0-9._-]{1,128}+)(?![=:/@])")
_ITEM_ON_LINE = re.compile(
    r"[\"'`,;]*[ \t]*(?:#[^\n]*+)?\n[ \t]*+(?:(?:[-*+#>]|//|\d{1,3}[.)])[ \t]++){0,2}[\"'`]?"
    r"(?P<word>[A-Za-z0-9._:-]{1,128}+)(?=[\"'`]?[ \t]*[,;]?[ \t]*(?:#[^\n]*+)?(?:\n|$))"
)


def read_list(place: Place, seen: Sightings) -> int:
    """Take the IDs of a list in brackets after a label, whatever their form; 0 if there is no such list."""
    opened = _FIRST_ITEM.match(place.text, place.label.end())
    if not opened:
        return 0
    at = opened.end()
    while item := _ITEM_IN_BRACKETS.match(place.text, at):
        at = item.end()
        word = item["word"]
        if _is_listed(word, anything=bool(item["quote"] or DIGIT_RUN.search(word))):
            place.report(seen, item.start("word"), word, _IN_LIST)
        elif why_not := WHY_NOT.get(kind_of(word)):
            seen.drop(item.start("word"), word, why_not)
    return at


def read_more(place: Place, first: str, at: int, seen: Sightings) -> int:
    """Take what follows the first ID: "A, B and C", or one on each line after a label in the plural.

    A label alone on its line may head a column of its own; but pages print label and value by turns as well,
    so what follows has to be like the first.
    """
    plural = bool(place.label["plural"]) or place.sep.lower().startswith("in")
    heads_column = not place.sep and "\n" in place.gap
    for item in _following(place.text, at, plural=plural, like=_shape(first) if heads_column else None):
        at = item.end("word")
        place.report(seen, item.start("word"), item["word"].rstrip("."), _IN_LIST)
    return at


def _following(text: str, at: int, *, plural: bool, like: str | None) -> Iterator[re.Match[str]]:
    while True:
        item = _ITEM_IN_LINE.match(text, at) or (_ITEM_AFTER_SPACE.match(text, at) if plural else None)
        if item is None or not _is_listed(item["word"].rstrip("."), anything=False):
            item = _ITEM_ON_LINE.match(text, at) if plural or like else None
            if item is None:
                return
            anything = bool(DIGIT_RUN.search(item["word"])) if plural else _shape(item["word"]) == like
            if not _is_listed(item["word"], anything=anything):
                return
        yield item
        at = item.end("word")


def _shape(word: str) -> str:
    """The word with letters as `a` and digits as `0`, once for each run: `a-0` for `abc-123`."""
    return DIGIT_RUN.sub("0", LETTER_RUN.sub("a", word))


def _is_listed(word: str, *, anything: bool) -> bool:
    kind = kind_of(word)
    if kind is Kind.KNOWN:
        return True
    return anything and kind is Kind.UNKNOWN and bool(LETTER_RUN.search(word)) and not MOMENT.fullmatch(word)
