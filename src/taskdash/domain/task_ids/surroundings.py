"""Finds IDs by their position: below a header, in the URL of a record, in an object with a status.

The header of a column (CSV, TSV, markdown and box tables, columns separated by spaces) labels every row below it: an ID
there outranks the other words of its row. The families of tasks, and similar APIs, show an ID as part of the path in
the URL of its record, after "Accepted", or as the `id` of an object with a status. A URL, a label or the form of an ID
may also reveal its family, and so the path of its record.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.gateways import FAMILIES, RECORD_PATH
from taskdash.domain.id_forms import (
    ANY_ID,
    HEX_32,
    UUID,
    Kind,
    has_known_form,
    is_file_name,
    is_task_id,
    kind_of,
)
from taskdash.domain.task_ids.bare import denial
from taskdash.domain.task_ids.paste import WHY_NOT, Findings, Word

if TYPE_CHECKING:
    from collections.abc import Iterator

# The first character is matched alone, as in `labels`.
_HEADER = re.compile(
    r"[tTrRaA](?:(?<=[tT])(?:ask|ASK)[ _.-]?[iI][dD]s?|(?<=[rR])(?:equest|EQUEST)[ _-]?[iI][dD]"
    r"|(?<=[tT])(?:race|RACE)[ _-]?[iI][dD]|(?<=[aA])(?:pi|PI)[ _-]?(?:key|KEY|Key))"
    r"[ \t\"'`*]*(?=[|,;\t\n]|  |$)"
)
_OWN_NAME = re.compile(r"(?:[A-Za-z0-9]{1,20}[_ .-]|[a-z]{1,20}(?=T))?(?:[tT]ask|TASK)[ _.-]?[iI][dD]s?[ :]*")
_CLAIM_CELL = re.compile(
    r"(?i:(?:[a-z0-9]{1,20}[_-]){0,2}(?:(?:request|trace|correlation|api|secret|access)[ _-]?(?:id|key|token)|token))"
)
_TITLE = re.compile(r"[^\n.!?]{0,30}")
_RULE = re.compile(r"[\s|+:=\-\x1a]*")
_MARKS: Final = ("|", "\t", ",", ";", "  ")
_MAX_HEADER_CHARS: Final = 2_000
_MAX_COLUMNS: Final = 100


class _Layout(NamedTuple):
    """Describes the layout of a table, for reading its rows."""

    mark: str
    """The separator of cells; two spaces stand for two or more, or a tab."""
    column: int | None
    claims: tuple[tuple[int, str], ...]
    """The columns of keys and request IDs, each with the reason why these are not task IDs."""
    width: int


def find_in_columns(text: str, seen: Findings) -> None:
    """Report the task IDs below headers, and claim the keys and request IDs there.

    `text` went through `task_ids.paste.plain`.
    """
    at = 0
    while header := _HEADER.search(text, at):
        line_start = text.rfind("\n", max(at, header.start() - _MAX_HEADER_CHARS), header.start()) + 1
        line_end = _line_end(text, header.end())
        at = line_end
        if line_start > 0 and line_end - line_start <= _MAX_HEADER_CHARS:
            layout = _layout(text[line_start:line_end])
            at = _read_rows(text, line_end, layout, seen) if layout else at


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


@lru_cache(maxsize=16)
def _cell(mark: str) -> re.Pattern[str]:
    if mark == "  ":
        return re.compile(r"(?:^|  |\t)[ \t]*((?:[^ \t]|[ ](?![ \t]))+)")
    between = re.escape(mark)
    # Quoted as in CSV, else up to the next separator.
    return re.compile(rf'(?:^|{between})((?:[ ]*"(?:[^"]|"")*+"[ ]*(?={between}|$))|[^{between}]*+)')


def _cells(line: str, mark: str) -> list[str]:
    return _cell(mark).findall(line)


def _layout(header: str) -> _Layout | None:
    for mark in _MARKS:
        if mark not in header:
            continue
        names = [cell.strip(" \t\"'`*") for cell in _cells(header, mark)]
        if not 1 < len(names) <= _MAX_COLUMNS or not all(map(_is_title, names)):
            continue
        own = next((index for index, name in enumerate(names) if _OWN_NAME.fullmatch(name)), None)
        claims = tuple(
            (index, why)
            for index, name in enumerate(names)
            if _CLAIM_CELL.fullmatch(name) and (why := denial(name, has_sep=True))
        )
        if own is not None or claims:
            return _Layout(mark, own, claims, len(names))
    return None


def _is_title(name: str) -> bool:
    return _TITLE.fullmatch(name) is not None and name.count(" ") < 4 and not has_known_form(name)


def _read_rows(text: str, at: int, layout: _Layout, seen: Findings) -> int:
    """Read rows up to the first line that is not one; return where the table ends."""
    while at < len(text):
        start = at + 1
        end = _line_end(text, start)
        if text.find(layout.mark, start, end) < 0:
            if start == end or not _RULE.fullmatch(text, start, end):
                return at
            at = end
            continue
        at = end
        cells = [cell.strip(" \t\"'`*()<>[]") for cell in _cells(text[start:end], layout.mark)]
        if layout.column is not None and layout.column < len(cells):
            _judge(text, start, cells[layout.column], seen, whole_row=len(cells) == layout.width)
        for column, why in layout.claims:
            if column < len(cells) and has_known_form(cells[column]):
                seen.claim(cells[column], why)
    return at


def _judge(text: str, line_start: int, word: str, seen: Findings, *, whole_row: bool) -> None:
    """Report a word as an ID or not; one of unknown form counts only if its row has all columns."""
    if not is_task_id(word):
        return
    kind, start = kind_of(word), text.index(word, line_start)
    if kind is Kind.KNOWN or (kind is Kind.UNKNOWN and whole_row and any(map(str.isdigit, word))):
        seen.take_labelled(Word(start, word, "in a Task ID column"))
    elif why_not := WHY_NOT.get(kind):
        seen.drop(start, word, why_not)


# IDs as families show them, and the paths of their records

_NAMES: Final = {name: path for path, words in FAMILIES.items() for name in words.split()}
_ANY_NAME: Final = "|".join(sorted(map(re.escape, _NAMES), key=len, reverse=True))
# `task_veo3_...`, `veo_task_...`, `mj_task_...`, `task-unified-...`, `video_...`; the name of a model does not count:
# `task_nano-banana-pro_...` and `task_flux-2_...` are jobs.
_FORM = re.compile(rf"(?:task[_-])?({_ANY_NAME})(?:[_-].*|\d.*)", re.IGNORECASE)
_LABEL = re.compile(
    rf"(?<![A-Za-z0-9])({_ANY_NAME})[A-Za-z0-9.]{{0,8}}[ _.-]?(?:task|job)[ _.-]?(?:id)?[\"'`]?\s?[:=#]\s?[\"'`]?\s?$",
    re.IGNORECASE,
)
_LABEL_CHARS: Final = 48
# It begins with literal text, which `re` finds fast.
_QUERY = re.compile(rf"record-(?:info|detail)\?(?:[^\s\"'<>#]{{0,200}}?[&;])?[tT]ask_?[iI]d=({ANY_ID})")
_TAILS: Final = {
    path.removeprefix("/api/v1"): path for path in FAMILIES if path.endswith(("record-info", "record-detail"))
}
_PATH_CHARS: Final = 200
_PATH = re.compile(r"(?:[^\s\"'`(<=]*://[^\s/\"'`]*)?(?P<path>[^\s\"'`(<=:]*)$")
_IN_PATH = re.compile(
    r"/v[0-9]{1,2}(?:/[A-Za-z0-9-]{1,40}){0,3}?/(?:"
    rf"(?:tasks?|predictions|requests|videos(?:/[a-z0-9-]{{1,40}})?)/(?P<id>{ANY_ID})"
    rf"|get_result\?id=(?P<asked>{ANY_ID}))(?=(?:/(?:fetch|status|content|creations|cancel))?(?:[?#\s\"'`<>),;]|$))"
)
_TOKEN: Final = rf"(?:video|job|task|cgt|veo|suno|mj)[_-]{ANY_ID}"
_ACCEPTED = re.compile(
    r"ccepted(?<![A-Za-z][Aa]ccepted)(?:[ ](?:task|job))?[ ]?[:=#]?[ ]{1,4}[\"'`(]?"
    rf"(?P<id>{UUID}|{HEX_32}|{_TOKEN})(?=[\"'`\s,;)]|$)"
)
_ID_KEY = re.compile(
    r"id(?<![A-Za-z0-9_.-]id)(?:\\*[\"'])?[ ]?:[ ]?(?P<quote>\\*[\"'])"
    rf"(?P<id>{_TOKEN})(?P=quote)"
)
_STATUS = re.compile(r"(?<![A-Za-z0-9])(?:task_?)?(?:status|state)\\*[\"']?[ ]?:", re.IGNORECASE)
_BRACE = re.compile(r"[{}]")
_WITHIN = re.compile(r"\{[^{}]*+\}")
_OBJECT_CHARS: Final = 600


def find_of_families(text: str, seen: Findings) -> None:
    """Report the IDs in notations of the task families, in a text that went through `task_ids.paste.plain`."""
    for found in _IN_PATH.finditer(text):
        group = "asked" if found["asked"] else "id"
        _report(seen, found, group, "in the URL of a record")
    for found in _ACCEPTED.finditer(text):
        _report(seen, found, "id", "labelled")
    for found in _ID_KEY.finditer(text):
        if _stands_by_status(text, found):
            seen.take_labelled(Word(found.start("id"), found["id"], "id beside a status"), in_json=True)


def path_hint_of(task_id: str) -> str | None:
    """Return the record path that the form of an ID suggests, if any."""
    found = _FORM.fullmatch(task_id)
    return _NAMES[found[1].lower()] if found else None


def path_hints(text: str, hits: list[Word]) -> dict[str, str]:
    """Return the record paths that a text suggests for its IDs: by URL, else by label, else by the form of the ID."""
    hints: dict[str, str] = {}
    for task_id, path in _paths_in_urls(text):
        hints.setdefault(task_id, path)
    for hit in hits:
        if hit.text in hints:
            continue
        hint = _by_label(text, hit) or path_hint_of(hit.text)
        if hint and "jobs/recordInfo?" in text[max(0, hit.start - _LABEL_CHARS) : hit.start]:
            hint = RECORD_PATH
        if hint:
            hints[hit.text] = hint
    return hints


def _report(seen: Findings, found: re.Match[str], group: str, why: str) -> None:
    task_id = found[group].rstrip(".:")
    is_likely = kind_of(task_id) is Kind.UNKNOWN and len(task_id) >= 6 and any(map(str.isdigit, task_id))
    if not is_file_name(task_id) and (has_known_form(task_id) or is_likely):
        seen.take_labelled(Word(found.start(group), task_id, why))


def _stands_by_status(text: str, found: re.Match[str]) -> bool:
    """Return whether the object that contains an `id` has a status; nested objects are ignored."""
    start, end = max(0, found.start() - _OBJECT_CHARS), found.end() + _OBJECT_CHARS
    before = _WITHIN.sub("", text[start : found.start()])
    after = _WITHIN.sub("", text[found.end() : end])
    opened = max(before.rfind("{"), before.rfind("}"))
    return bool(_STATUS.search(before, opened + 1) or _STATUS.search(_BRACE.split(after)[0]))


def _paths_in_urls(text: str) -> Iterator[tuple[str, str]]:
    for found in _QUERY.finditer(text):
        # Another URL may stand shortly before it.
        address = text[max(0, found.start() - _PATH_CHARS) : text.index("?", found.start())]
        written = _PATH.search(address)
        path = f"/{written['path'].lstrip('/')}" if written else ""
        tail = next((tail for tail in _TAILS if path.endswith(tail)), None)
        yield found[1].rstrip(".:"), _TAILS[tail] if tail else path
    for found in _IN_PATH.finditer(text):
        group = "asked" if found["asked"] else "id"
        start = found.start() - len("/api") * text.endswith("/api", 0, found.start())
        yield found[group].rstrip(".:"), f"{text[start : found.start(group)]}{{id}}"


def _by_label(text: str, hit: Word) -> str | None:
    if hit.why.startswith("bare"):
        return None
    found = _LABEL.search(text[max(0, hit.start - _LABEL_CHARS) : hit.start])
    return _NAMES[found[1].lower()] if found else None
