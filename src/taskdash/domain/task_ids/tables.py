"""IDs in a column whose header says so: CSV, TSV, markdown and box tables, and columns set apart by spaces.

The header is the label of every row below it: an ID there outranks the other words of its row.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.id_forms import Kind, has_known_form, kind_of
from taskdash.domain.task_ids.bare import denial
from taskdash.domain.task_ids.findings import WHY_NOT, Findings, Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

# As in `labels`: the first character alone, then the rest.
_HEADER = re.compile(
    r"[tTrRaA](?:(?<=[tT])(?:ask|ASK)[ _.-]?[iI][dD]s?|(?<=[rR])(?:equest|EQUEST)[ _-]?[iI][dD]"
    r"|(?<=[tT])(?:race|RACE)[ _-]?[iI][dD]|(?<=[aA])(?:pi|PI)[ _-]?(?:key|KEY|Key))"
    r"[ \t\"'`*]*(?=[|,;\t\n]|  |$)"
)
_HEADER_CELL = re.compile(
    r"[\s\"'`*]*(?:[A-Za-z0-9]{1,20}[_ .-]|[a-z]{1,20}(?=T))?(?:[tT]ask|TASK)[ _.-]?[iI][dD]s?[\s\"'`*:]*"
)
_CLAIM_CELL = re.compile(
    r"(?i:(?:[a-z0-9]{1,20}[_-]){0,2}(?:request|trace|correlation|api|secret|access)[ _-]?(?:id|key|token))"
)
_TITLE = re.compile(r"[^\n.!?]{0,30}")
_RULE = re.compile(r"[\s|+:=\-\x1a]*")
_MARKS: Final = ("|", "\t", ",", ";", "  ")
_MAX_HEADER_CHARS: Final = 2_000
_MAX_COLUMNS: Final = 100


class _Layout(NamedTuple):
    """Says how the rows of one table are read."""

    mark: str
    """What stands between cells; two spaces stand for any number of them."""
    column: int | None
    """The column of task IDs."""
    claims: tuple[tuple[int, str], ...]
    """The columns of keys and request IDs, each with what they are."""
    width: int


def find_in_columns(text: str, seen: Findings) -> None:
    """Report what stands below headers: task IDs, and the keys and request IDs that are none.

    `text` went through `task_ids.text.plain`.
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


def _cell(mark: str) -> str:
    if mark == "  ":
        return r"(?:[^ \t\n]|[ ](?![ \t]))++"
    plain_cell = rf"[^{re.escape(mark)}\n]*+"
    return plain_cell if mark == "|" else rf'(?:[ ]*"(?:[^"\n]|"")*+"[ ]*(?={mark}|\n|$)|{plain_cell})'


def _between(mark: str) -> str:
    return r"[ \t]{2,}+|\t" if mark == "  " else re.escape(mark)


@lru_cache(maxsize=64)
def _row(mark: str, column: int) -> re.Pattern[str]:
    indent = r"[ \t]*+" if mark == "  " else ""
    pad = "" if mark == "  " else "[ ]*+" if mark == "\t" else r"[ \t]*+"
    return re.compile(
        rf"{indent}(?:{_cell(mark)}(?:{_between(mark)})){{{column}}}"
        rf"{pad}[\"'`*(<\[]*+(?P<word>[A-Za-z0-9._:-]{{1,128}}+)[\"'`*)>\]]*+{pad}(?:{_between(mark)}|$)"
    )


@lru_cache(maxsize=16)
def _split(mark: str) -> re.Pattern[str]:
    return re.compile(rf"({_cell(mark)})(?:{_between(mark)}|$)")


@lru_cache(maxsize=64)
def _layout(header: str) -> _Layout | None:
    for mark in _MARKS:
        if mark not in header:
            continue
        cells = _cells(header, mark)
        if not 1 < len(cells) <= _MAX_COLUMNS or not all(_is_title(cell) for cell in cells):
            continue
        columns = [index for index, cell in enumerate(cells) if _HEADER_CELL.fullmatch(cell)]
        claims = tuple(_claims(cells))
        if columns or claims:
            return _Layout(mark, columns[0] if columns else None, claims, len(cells))
    return None


def _is_title(cell: str) -> bool:
    name = cell.strip(" \"'`*")
    return _TITLE.fullmatch(name) is not None and name.count(" ") < 4 and not has_known_form(name)


def _claims(cells: list[str]) -> Iterator[tuple[int, str]]:
    for index, cell in enumerate(cells):
        name = cell.strip(" \"'`*")
        if _CLAIM_CELL.fullmatch(name) and (why := denial(name, has_sep=True)):
            yield index, why


def _cells(line: str, mark: str) -> list[str]:
    line = line.strip(" \t") if mark == "  " else line
    cells = _split(mark).findall(line)
    # At the end of the line the pattern finds one more cell, of no width.
    return cells[:-1] if cells and not cells[-1] and not line.endswith(mark) else cells


def _read_rows(text: str, at: int, layout: _Layout, seen: Findings) -> int:
    """Read rows until a line is none; return where the table ends."""
    own = None if layout.column is None else _row(layout.mark, layout.column)
    others = [(_row(layout.mark, column), why) for column, why in layout.claims]
    while at < len(text):
        start = at + 1
        end = _line_end(text, start)
        if text.find(layout.mark, start, end) < 0:
            if start == end or not _RULE.fullmatch(text, start, end):
                return at
            at = end
            continue
        at = end
        if own and (found := own.match(text, start, end)):
            whole = has_known_form(found["word"]) or len(_cells(text[start:end], layout.mark)) == layout.width
            _judge(found, seen, whole_row=whole)
        for row, why in others:
            if (found := row.match(text, start, end)) and has_known_form(found["word"]):
                seen.claim(found["word"], why)
    return at


def _judge(found: re.Match[str], seen: Findings, *, whole_row: bool) -> None:
    """A word of unknown form counts only where the row has all its columns."""
    start, word = found.start("word"), found["word"]
    kind = kind_of(word)
    if kind is Kind.KNOWN or (kind is Kind.UNKNOWN and whole_row and any(map(str.isdigit, word))):
        seen.take_labelled(Hit(start, word, "in a Task ID column"))
    elif why_not := WHY_NOT.get(kind):
        seen.drop(start, word, why_not)
