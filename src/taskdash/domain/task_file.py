"""Reads and writes files of tasks, the formats of `export`.

Files are untrusted, whoever wrote them: the first fault rejects the whole file, with the place of the fault. A text
that is not such a file is left to the paste finder.

Each task has the fields `CSV_FIELDS` of `task_json`. JSON has one task per line. CSV has a header, lists and objects
as JSON, empty cells for null, and an apostrophe before texts that a spreadsheet would execute. TOML has a `[[tasks]]`
table per task, omits nulls, and has `paramJson`, `extraJson` and `verdictsJson` in place of values with a null in
them, which TOML cannot express. Only JSON also has the body as it was sent (`raw`).

Fields may come in any order, and all but the ID may be missing. CSV may be separated by semicolons or tabs, as
spreadsheets write it; a number that one has rewritten is refused. JSON may come without the brackets around it.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from typing import IO, TYPE_CHECKING, Any, Final

from taskdash.domain.task_json import CSV_FIELDS, TIMES, TaskFileError, task_of
from taskdash.domain.untrusted import LineCounter, inert_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from taskdash.domain.task import Json, TaskDetail

_MAX_CELL_CHARS: Final = 64 * 1_048_576

_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""The start of a text that a spreadsheet would execute, or that looks like one already escaped."""
_NAMES: Final = {name.lower(): name for name in CSV_FIELDS}
_OWN: Final = frozenset(
    {"label", "note", "addedAt", "checkedAt", "rawState", "resultUrls", "problem", "saved"}
)
"""Fields that tell our tasks from answers of the API, which are left to the paste finder."""
_JSON_CELLS: Final = frozenset({"param", "resultUrls", "problem", "saved", "verdicts", "extra", "savedFiles"})

_DECODER: Final = json.JSONDecoder()
_JSON_START = re.compile(r"\s*(?:\[\s*(?:\]|\{)|\{)")
_OUR_JSON = re.compile(r'\s*\[\s*\{\s*"taskId"\s*:')
_SPACE = re.compile(r"\s*")
_OUR_TOML = re.compile(r"^\[\[tasks\]\][ \t]*\r?$", re.MULTILINE)
# Some spreadsheets name the delimiter in a line of its own.
_HEADER = re.compile(r"\s*(?:sep=.\s+)?([^\r\n]{1,4096})", re.IGNORECASE)


def write_csv(
    file: IO[str], names: Sequence[str], items: Iterable[Mapping[str, Json]], *, has_heading: bool
) -> None:
    """Write the fields `names` of each item as CSV that can be read back, and that no spreadsheet executes."""
    table = csv.writer(file, lineterminator="\n")
    if has_heading:
        table.writerow(names)
    for item in items:
        table.writerow(_csv_cell(name, item[name]) for name in names)


def _csv_cell(name: str, value: Json) -> object:
    """Return a value of `export_json` as a cell that a spreadsheet displays but does not execute."""
    if isinstance(value, list | dict | bool) or (name == "param" and value is not None):
        value = json.dumps(value)
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def read_tasks(
    text: str, profile: str, now_ms: int, left_out: set[str] | None = None
) -> Iterator[TaskDetail] | None:
    """Read a file of tasks in any format; return None if the text is not such a file.

    Tasks are read lazily: TaskFileError for a broken file is raised during iteration. `profile` and `now_ms` are used
    for tasks without their own; the names of unknown fields that have a value are added to `left_out`.
    """
    unknown = set() if left_out is None else left_out
    found = _reader(text.removeprefix("\ufeff"))
    if found is None:
        return None
    return (task_of(values, line, profile, now_ms, unknown) for line, values in found)


def _reader(text: str) -> Iterator[tuple[int, dict[str, Any]]] | None:
    if _JSON_START.match(text):
        if text.strip(" \t\r\n") == "[]":
            return iter(())
        return _json_items(text) if _is_our_json(text) else None
    if header := _HEADER.match(text):
        for mark in ",;\t":
            names = [_name(cell) for cell in next(csv.reader([header[1]], delimiter=mark))]
            if "taskId" in names and len(set(CSV_FIELDS).intersection(names)) > 1:
                return _csv_items(text, names, mark, header.start(1))
    if _OUR_TOML.search(text):
        return _toml_items(text)
    return iter(()) if text.strip() == "tasks = []" else None


# JSON


def _is_our_json(text: str) -> bool:
    """Return whether it has a task with a field of ours; answers of an API are left to the paste finder."""
    is_list, is_ours = text.lstrip()[0] == "[", False
    try:
        for _, item in _json_items(text):
            is_ours = is_ours or ("taskId" in item and not _OWN.isdisjoint(item))
            if is_ours and is_list:
                return True
            if not is_list and "taskId" not in item:
                # A log may have lines of any kind.
                return False
    except TaskFileError:
        return _OUR_JSON.match(text) is not None
    return is_ours


def _json_items(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a list, or those that follow one another without one."""
    lines = LineCounter(text)
    at = _after_space(text, 0)
    end = "]" if text[at] == "[" else ""
    at = _after_space(text, at + len(end))
    while text[at : at + 1] not in ("", "]"):
        line = lines.number(at)
        try:
            item, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise TaskFileError(f"line {line}: is not valid JSON ({inert_line(str(error), 100)})") from None
        if not isinstance(item, dict):
            raise TaskFileError(f"line {line}: is not a task: needs an object with taskId")
        yield line, item
        at = _after_space(text, at)
        if end and text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
    if text[at:].rstrip() != end:
        raise TaskFileError(f"line {lines.number(at)}: the list does not end here as it should")


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


# TOML


def _toml_items(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        tables = tomllib.loads(text).get("tasks")
    except (ValueError, RecursionError) as error:
        raise TaskFileError(f"is not valid TOML: {inert_line(str(error), 200)}") from None
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise TaskFileError("is not valid TOML: tasks is not an array of tables")
    lines = LineCounter(text)
    headers = (lines.number(match.start()) for match in _OUR_TOML.finditer(text))
    for table in tables:
        line = next(headers, 1)
        for name in ("param", "extra", "verdicts"):
            if (written := table.pop(f"{name}Json", None)) is not None:
                table[name] = _cell(name, str(written), line)
        yield line, table


# CSV


def _name(cell: str) -> str:
    """Return the field that a column is for, in our spelling; other names unchanged."""
    return _NAMES.get(re.sub(r"[\W_]+", "", cell).lower(), cell.strip() or "(no name)")


def _csv_items(text: str, names: list[str], mark: str, start: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows below the header that begins at an offset."""
    csv.field_size_limit(_MAX_CELL_CHARS)
    header = line = text.count("\n", 0, start) + 1
    if twice := [name for name in CSV_FIELDS if names.count(name) > 1]:
        raise TaskFileError(f"line {line}: {twice[0]} is the name of more than one column")
    rows = csv.reader(io.StringIO(text[start:], newline=""), delimiter=mark, strict=True)
    # Spreadsheets leave out empty cells at the end of a row, but never the last line break.
    fewest = 1 if text[-1] in "\r\n" else len(names)
    try:
        for row in rows:
            if line > header and any(row):
                if not fewest <= len(row) <= len(names):
                    raise TaskFileError(f"line {line}: has {len(row)} cells, and the header has {len(names)}")
                cells = zip(names, row, strict=False)
                yield line, {name: _cell(name, cell, line) for name, cell in cells if cell}
            line = header + rows.line_num
    except csv.Error as error:
        raise TaskFileError(f"line {line}: is not valid CSV ({inert_line(str(error), 100)})") from None


def _cell(name: str, cell: str, line: int) -> Any:  # noqa: ANN401 - whatever JSON has
    if cell[:1] == "'" and _FORMULA.match(cell):
        cell = cell[1:]
    try:
        if name in TIMES:
            # pandas writes 5 as 5.0 in a column with empty cells.
            return int(cell.removesuffix(".0"))
        if name == "purged":
            # Spreadsheets write TRUE.
            return cell.lower() in ("true", "1")
        if name == "credits":
            return float(cell)
        return json.loads(cell) if name in _JSON_CELLS else cell
    except (ValueError, RecursionError):
        if name == "param" and cell[:1] not in ("[", "{"):
            # Older versions wrote a request that is a text as it is.
            return cell
        what = "valid JSON" if name in _JSON_CELLS else "the number that was exported"
        raise TaskFileError(f"line {line}: {name} is not {what}") from None
