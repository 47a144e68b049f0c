"""Reads and writes files of tasks, the formats of `export`.

Files are untrusted, whoever wrote them: the first fault rejects the whole file, with its line number. A text that is
not such a file is left to the paste finder.

Each task has the fields `CSV_FIELDS` of `task_json`. JSON has one task per line. CSV has a header, lists and objects
as JSON, empty cells for null, and an apostrophe before texts that a spreadsheet would execute. TOML has a `[[tasks]]`
table per task, omits nulls, and has `paramJson`, `extraJson` and `verdictsJson` in place of values with a null in
them, which TOML cannot express. Only JSON also has the body as it was sent (`raw`).

Files edited by people and spreadsheets are read as well: fields in any order, only the necessary ones, CSV with
semicolons or tabs, JSON without the brackets around it.
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
_WORD_CELLS: Final = frozenset({"taskId", "state", "profile"})

_JSON_START = re.compile(r"\s*(?:\[\s*(?:\]|\{)|\{)")
_OUR_JSON = re.compile(r'\s*\[\s*\{\s*"taskId"\s*:')
_SPACE = re.compile(r"\s*")
_OUR_TOML = re.compile(r"^\[\[tasks\]\][ \t]*\r?$", re.MULTILINE)
_EMPTY_TOML = re.compile(r"\s*tasks\s*=\s*\[\s*\]\s*")
# Before the header Excel writes the delimiter, and some programs an empty line.
_HEADER = re.compile(
    r"(?:[^\S\r\n]*+(?i:sep=)?[,;\t]*+[^\S\r\n]*+(?:\r\n?|\n))*+([^\r\n]{1,4096})(?:\r\n?|\n)"
)
_WHOLE_NUMBER = re.compile(r"([+-]?\d+)(?:[.,]0*)?")
_ROUNDED_NUMBER = re.compile(r"[+-]?\d(?:[.,]\d*)?[eE][+-]?\d+")


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
    if isinstance(value, list | dict | bool) or (name == "param" and not _is_plain(value)):
        value = json.dumps(value)
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _is_plain(param: Json) -> bool:
    """Return whether `_param` reads it back unchanged without JSON quoting: null, or any text that is not JSON."""
    return param is None or (isinstance(param, str) and param[:1] not in "[{" and _param(param, 0) is param)


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
            names = [_name(cell) for cell in next(csv.reader([header[1]], delimiter=mark), [])]
            if "taskId" in names and len(set(CSV_FIELDS).intersection(names)) > 1:
                return _csv_items(text, names, mark, header.end())
    if _OUR_TOML.search(text):
        return _toml_items(text)
    return iter(()) if _EMPTY_TOML.fullmatch(text) else None


# JSON


def _is_our_json(text: str) -> bool:
    """Return whether it is a list of our tasks; answers of an API are left to the paste finder."""
    is_list, is_ours, line = text.lstrip()[0] == "[", False, 0
    try:
        for line, item in _json_items(text):  # noqa: B007 - stays 0 if there is none
            is_ours = is_ours or ("taskId" in item and not _OWN.isdisjoint(item))
            if is_ours and is_list:
                return True
            if not is_list and "taskId" not in item:
                # A log may have lines of any kind.
                return False
    except TaskFileError:
        return is_list and not line and _OUR_JSON.match(text) is not None
    return is_ours


def _json_items(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a list, or those that follow one another without one."""
    lines = LineCounter(text)
    at = _after_space(text, 0)
    is_list = text[at] == "["
    at = _after_space(text, at + is_list)
    while True:
        line = lines.number(at)
        item, at = _json_object(text, at, line)
        yield line, item
        at = _after_space(text, at)
        mark = text[at : at + 1]
        if is_list and mark not in (",", "]"):
            raise TaskFileError(f"line {lines.number(at)}: a comma or ] is missing before this")
        at = _after_space(text, at + is_list)
        if at == len(text) and mark != ",":
            return
        if mark == "]":
            raise TaskFileError(f"line {lines.number(at)}: unexpected text after the end of the list")


def _json_object(text: str, at: int, line: int) -> tuple[dict[str, Any], int]:
    try:
        item, end = _DECODER.raw_decode(text, at)
    except RecursionError:
        raise TaskFileError(f"line {line}: is nested too deeply") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise TaskFileError(f"{place}: is not valid JSON ({inert_line(error.msg, 100)})") from None
    except ValueError as error:
        raise TaskFileError(f"line {line}: {inert_line(str(error), 100)}") from None
    if not isinstance(item, dict):
        raise TaskFileError(f"line {line}: is not a task: needs an object with taskId")
    return item, end


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not valid JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)


# TOML


def _toml_items(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        tables = tomllib.loads(text)["tasks"]
    except tomllib.TOMLDecodeError as error:
        said = inert_line(str(error), 200)
        place = re.search(r" \(at (line \d+, column \d+)\)$", said)
        where, what = (
            (place[1], said[: place.start()]) if place else (f"line {text.count(chr(10)) + 1}", said)
        )
        raise TaskFileError(f"{where}: is not valid TOML ({what})") from None
    except (RecursionError, KeyError, ValueError):
        raise TaskFileError(
            "line 1: is not valid TOML: nested too deeply, or a number out of range"
        ) from None
    lines = LineCounter(text)
    headers = (lines.number(match.start()) for match in _OUR_TOML.finditer(text))
    if not isinstance(tables, list):
        raise TaskFileError(f"line {next(headers, 1)}: tasks is not an array of tables")
    line = 1
    for table in tables:
        line = next(headers, line)
        if not isinstance(table, dict):
            raise TaskFileError(f"line {line}: is not a task: needs a table")
        for name in ("param", "extra", "verdicts"):
            if f"{name}Json" in table:
                table[name] = _from_json(table.pop(f"{name}Json"), f"{name}Json", line)
        yield line, table


def _from_json(text: object, name: str, line: int) -> Any:  # noqa: ANN401 - whatever JSON has
    try:
        return json.loads(str(text), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise TaskFileError(f"line {line}: {name} is not valid JSON") from None


# CSV


def _name(cell: str) -> str:
    """Return the field that a column is for, in our spelling; other names unchanged, "" for one without a name."""
    return _NAMES.get(re.sub(r"[\W_]+", "", cell).lower(), cell.strip())


def _csv_items(text: str, names: list[str], mark: str, end: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows below a header that ends at an offset."""
    csv.field_size_limit(_MAX_CELL_CHARS)
    line, width = len(re.findall(r"\r\n?|\n", text[:end])), len(names)
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise TaskFileError(f"line {line}: {twice[0]} is the name of more than one column")
    rows = io.StringIO(text, newline="")
    rows.seek(end)
    reader = csv.reader(rows, delimiter=mark, strict=True)
    while True:
        at = line + reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TaskFileError(f"line {at}: is not valid CSV ({inert_line(str(error), 100)})") from None
        if not any(row):
            continue
        is_cut = len(row) < width and rows.tell() == len(text) and text[-1] not in "\r\n"
        if is_cut or any(row[width:]):
            raise TaskFileError(f"line {at}: has {len(row)} cells, and the header has {width}")
        if any(cell and not name for name, cell in zip(names, row, strict=False)):
            raise TaskFileError(f"line {at}: has a cell in a column without a name")
        yield at, {name: _cell(name, cell, at) for name, cell in zip(names, row, strict=False) if cell}


def _cell(name: str, cell: str, line: int) -> Any:  # noqa: ANN401 - whatever JSON has
    if cell[0] == "'" and _FORMULA.match(cell):
        cell = cell[1:]
    word = cell.strip()
    if name in TIMES:
        if whole := _WHOLE_NUMBER.fullmatch(word):
            return int(whole[1])
        if _ROUNDED_NUMBER.fullmatch(word):
            raise TaskFileError(f"line {line}: {name} was rounded by a spreadsheet ({word})")
        raise TaskFileError(f"line {line}: {name} is not a whole number")
    if name == "credits":
        try:
            return float(word.replace(",", "."))
        except ValueError:
            raise TaskFileError(f"line {line}: credits is not a number") from None
    if name == "purged":
        # Spreadsheets write TRUE.
        return {"true": True, "false": False}.get(word.lower(), cell)
    if name == "param":
        return _param(cell, line)
    if name in _JSON_CELLS:
        return _from_json(cell, name, line)
    return word if name in _WORD_CELLS else cell


def _param(cell: str, line: int) -> Any:  # noqa: ANN401 - whatever JSON has
    if cell[:1] in "[{":
        return _from_json(cell, "param", line)
    try:
        return json.loads(cell, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return cell
