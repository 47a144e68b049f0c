"""Finds labelled IDs: `"taskId": "..."`, `?taskId=...`, `Task ID: ...`, `Created task ...`, and lists of them.

One search serves JSON of any escape level, several documents, JSONL, logs around them, URLs, code, YAML and
prose: in all of them a label precedes a value, and only the end of the value differs. Nothing is parsed, so
no nesting is too deep, and truncated documents work as far as they go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from taskdash.domain.id_forms import (
    HEX_32,
    MAX_ID_CHARS,
    TASK_TOKEN,
    UUID,
    Kind,
    has_known_form,
    is_wrapped_whole,
    kind_of,
)
from taskdash.domain.task_ids.paste import NOT_ASCII, WHY_NOT, Findings, Why, Word

# The first character is matched alone, as `re` searches fast for a character set but slowly for an alternation.
_LABEL = re.compile(
    r"""[tTcCsSqQjJ](?:
        (?<=[tT])(?:(?<![A-Za-z0-9].)|(?<=[a-z0-9]T))(?:ask|ASK)[ _.-]?
            (?P<id>[iI][dD](?:(?P<plural>s|S|_?[lL]ist|s_?[lL]ist)|_?[0-9]{1,3})?)(?![A-Za-z0-9]|_[A-Za-z0-9])
      | (?<![A-Za-z0-9].)(?P<prose>
            (?i:reated|ubmitted|ueued|tarted)[ ](?:(?:a|the|new)[ ]){0,2}(?i:task|job)
          | (?i:ask|ob)[ ](?i:created|submitted|queued|started|accepted)(?:[ ](?:successfully|ok))?
        )(?![A-Za-z0-9_])(?:[,!.]?[ ](?:with[ ])?\(?(?:the[ ])?(?:id|ID|Id)(?![A-Za-z0-9_]))?
      | (?<=[jJ])(?<![A-Za-z0-9].)(?P<job>ob[ _-]?[iI][dD])(?![A-Za-z0-9_])
    )
    (?>(?P<close>[\\"'`*_\])]{0,8})
    (?:</(?:b|i|em|strong|code|span|label)>)?[ \t]*+(?:\.{2,60}+[ \t]*+)?(?:\([A-Za-z ]{1,30}\)[ ]?(?=[:=]))?
    (?P<sep>[?!]?:(?:[ ]?(?:str|string|String|Optional\[str\])(?:[ ]\|[ ](?:None|null|undefined))?[ ]?=)?=?
          | ={1,3}>? | ->? | > | \#(?=[A-Za-z0-9]) | (?:is|was|in|IN)(?=[\s:]):?)?
    (?P<gap>[*_]{0,2}[ \t]*+
        (?P<tags>(?:</?(?:b|i|em|strong|code|span|label|t[dh]|d[dt]|p|div)(?:[ ][^<>\n]{0,60})?>[ \t]*+){0,4}+)
        (?:!!str[ ]|[|>][+-]?(?=[ ]*\n))?
        (?:\\?\n[ \t]*+(?:(?:\#+|//+|/\*+|\*+|>+|-+|;+|\||\$|%+|REM|\d{1,3}[.)])[ \t]++){0,3}){0,2}))
    (?![\\"'`(\[]*+[tT](?:ask|ASK)[ _.-]?[iI][dD]s?(?![A-Za-z0-9_.-])[\\"'`]*[:=])
    """,
    re.VERBOSE,
)
_VALUE = re.compile(
    r"(?P<lead>[(\[]{0,2}[ \t]*)(?P<prefix>[bru](?=[\"']))?(?P<quote>\\*[\"'`]{1,3}|\*{1,2}|)"
    rf"(?P<word>[A-Za-z0-9._:-]{{0,{MAX_ID_CHARS + 32}}})"
)
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T:.].*)?|\d{1,2}:\d\d(?::\d\d.*)?|\d+(?:\.\d+)+|-\d+|[\d.]+(?:ms|s|m|h|x|k|px|%)"
)
_LETTER_RUN = re.compile(r"[A-Za-z]+")
_DIGIT_RUN = re.compile(r"[0-9]+")
_QUOTES: Final = frozenset("\"'`")
_PARAMETER = re.compile(r"[?&;][A-Za-z0-9_-]*$")
_END_OF_LINE = re.compile(r"[\"'`*,;.)\]]{0,4}[ \t]*(?:\n|$)")
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


@dataclass(frozen=True, slots=True)
class _Place:
    """Joins a label and the value that may belong to it."""

    text: str
    label: re.Match[str]
    value: re.Match[str]

    @property
    def gap(self) -> str:
        return self.label["gap"]

    @property
    def sep(self) -> str:
        return self.label["sep"] or ""

    @property
    def is_key(self) -> bool:
        return self.label["close"].lstrip("\\").startswith(('"', "'")) and self.sep == ":"

    @property
    def is_query(self) -> bool:
        start = self.label.start()
        is_short = self.sep == "=" and not self.gap
        return is_short and _PARAMETER.search(self.text, max(0, start - 41), start) is not None

    @property
    def quoted(self) -> bool:
        """Return whether the value begins with a quote; markdown's asterisks do not count."""
        return self.value["quote"][-1:] in _QUOTES

    @property
    def alone(self) -> bool:
        return _END_OF_LINE.match(self.text, self.value.end()) is not None

    @property
    def why(self) -> str:
        """Return why the value counts, for people."""
        if self.label["id"] is not None and self.is_key:
            return "taskId in JSON"
        if self.label["id"] is not None and self.is_query:
            return "taskId= in a URL"
        start = self.label.start()
        end = max(self.label.end(group) for group in ("id", "prose", "job"))
        return f'after "{self.text[start:end]}"'

    def report(self, seen: Findings, start: int, task_id: str, why: str = "") -> None:
        seen.take_labelled(Word(start, task_id, why or self.why), in_json=self.is_key)


def find_labelled(text: str, seen: Findings) -> None:
    """Report every labelled ID of a text that went through `task_ids.paste.plain`."""
    at = 0
    while label := _LABEL.search(text, at):
        at = label.end()
        start = _value_start(text, label)
        if start is not None and (value := _VALUE.match(text, start)):
            at = max(at, _read(_Place(text, label, value), seen))


def _value_start(text: str, label: re.Match[str]) -> int | None:
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


def _read(place: _Place, seen: Findings) -> int:
    """Judge the value and those that may follow it; return where to continue."""
    text, value = place.text, place.value
    if place.label["plural"] or place.sep.lower().startswith("in") or "[" in value["lead"]:
        end = _read_list(place, seen)
        if end:
            return end
    word, end = _whole_word(place)
    why_not = _why_not(place, word, end)
    if why_not is None:
        place.report(seen, value.start("word"), word)
        return _read_more(place, word, end, seen)
    if why_not:
        shown = word or text[value.start() : value.start() + 40].split("\n")[0]
        seen.drop(value.start(), shown, why_not)
    return place.label.end()


def _whole_word(place: _Place) -> tuple[str, int]:
    """Return the value, without punctuation and rejoined if a terminal wrapped it, and its end."""
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
    """Return the ID that begins with `word` and continues on the next lines, and its end."""
    for _ in range(4):
        rest = _REST_OF_WRAP.match(text, end)
        if not rest:
            return None
        word, end = word + rest[1], rest.end()
        if is_wrapped_whole(word):
            return word, end
    return None


def _why_not(place: _Place, word: str, end: int) -> str | None:
    """Return None for an ID, else why it is not one; "" if that is not worth reporting."""
    kind = kind_of(word)
    if kind is Kind.KNOWN:
        return _why_not_here(place, word, end)
    if kind is Kind.EMPTY:
        return Why.PLACEHOLDER if _BLANK_TO_FILL.match(place.text, place.value.start("quote")) else ""
    if kind is not Kind.UNKNOWN:
        return WHY_NOT.get(kind, "")
    if place.text[end : end + 1] in _MASKS and _MASK.match(place.text, end):
        return Why.CUT_OFF
    return _why_not_unknown(place, word, end)


def _why_not_here(place: _Place, word: str, end: int) -> str | None:
    after = place.text[end : end + 1]
    if after and after not in _ENDS_VALUE and after not in ".:=(":
        return Why.IN_PATH_OR_WORD if after in "/@%" else Why.ODD_CHARACTERS
    if place.label["prose"] and place.sep == "" and place.text[end : end + 2] == "()":
        return ""
    is_masked = after == "*" and _MASK.match(place.text, end) and not is_wrapped_whole(word)
    return Why.CUT_OFF if is_masked else None


def _why_not_unknown(place: _Place, word: str, end: int) -> str | None:
    after = place.text[end : end + 1]
    if place.quoted:
        quote = place.value["quote"]
        if not place.text.startswith(quote, end):
            return "" if after in ("", "\n", "$", "{", "%", "+") else Why.ODD_CHARACTERS
        if place.label["id"]:
            return None
    elif after and after not in _ENDS_VALUE:
        return "" if after in _CODE_GOES_ON else Why.ODD_CHARACTERS
    if place.label["job"]:
        return ""
    if _MOMENT.fullmatch(word) or ("\n" in place.gap and not place.alone):
        return ""
    return None if _is_plausible(place, word) else ""


def _is_plausible(place: _Place, word: str) -> bool:
    has_digit = _DIGIT_RUN.search(word) is not None
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


# Lists


def _read_list(place: _Place, seen: Findings) -> int:
    opened = _FIRST_ITEM.match(place.text, place.label.end())
    if not opened:
        return 0
    at = opened.end()
    while item := _ITEM_IN_BRACKETS.match(place.text, at):
        at = item.end()
        word = item["word"]
        if _is_listed(word, anything=bool(item["quote"] or _DIGIT_RUN.search(word))):
            place.report(seen, item.start("word"), word, _IN_LIST)
        elif why_not := WHY_NOT.get(kind_of(word)):
            seen.drop(item.start("word"), word, why_not)
    return at


def _read_more(place: _Place, first: str, at: int, seen: Findings) -> int:
    """Take the IDs after the first: "A, B and C", or one per line after a plural label; return where they end.

    A label alone on its line may head a column; but as pages also print labels and values in turn, the words
    that follow must have the shape of the first.
    """
    text, plural = place.text, bool(place.label["plural"]) or place.sep.lower().startswith("in")
    like = _shape(first) if not place.sep and "\n" in place.gap else None
    while True:
        item = _ITEM_IN_LINE.match(text, at) or (_ITEM_AFTER_SPACE.match(text, at) if plural else None)
        if item is None or not _is_listed(item["word"].rstrip("."), anything=False):
            item = _ITEM_ON_LINE.match(text, at) if plural or like else None
            if item is None:
                return at
            anything = bool(_DIGIT_RUN.search(item["word"])) if plural else _shape(item["word"]) == like
            if not _is_listed(item["word"], anything=anything):
                return at
        at = item.end("word")
        place.report(seen, item.start("word"), item["word"].rstrip("."), _IN_LIST)


def _shape(word: str) -> str:
    """Return the word with `a` for each run of letters and `0` for each run of digits: `a-0` for `abc-123`."""
    return _DIGIT_RUN.sub("0", _LETTER_RUN.sub("a", word))


def _is_listed(word: str, *, anything: bool) -> bool:
    kind = kind_of(word)
    if kind is Kind.KNOWN:
        return True
    return (
        anything and kind is Kind.UNKNOWN and bool(_LETTER_RUN.search(word)) and not _MOMENT.fullmatch(word)
    )
