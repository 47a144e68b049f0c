"""Lists as files: what `export` writes, and how it is read again.

A file is from outside, whoever wrote it: the first thing in it that is wrong refuses it, with its line
(`task_values`). A text that is no such file is for the paste finder, not for here.

Each task has the fields of `task_json`, and `MORE` after them. JSON has one task a line. CSV has a header of the
names, lists and objects as JSON, and nothing for null. TOML has a table `[[tasks]]` each, without what is null, and
`paramJson` and `extraJson` in place of an object with a null in it, which TOML cannot say. Only JSON keeps the body as
it was sent (`raw`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.task_json import FIELDS, task_json
from taskdash.domain.task_values import RAW, TaskFileError, task_of
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskdash.domain.task import Json, TaskDetail

MORE: Final = ("prompt", "progress", "creditsConsumed", "extra")
CSV_FIELDS: Final = (*FIELDS, *MORE)
_MAX_CELL_CHARS: Final = 64 * 1_048_576

_JSON_START = re.compile(r"\s*\[\s*(?:\]|\{)")
_OUR_JSON = re.compile(r'\s*\[\s*\{\s*"taskId"\s*:')
_OUR_TOML = re.compile(r"^\[\[tasks\]\][ \t]*\r?$", re.MULTILINE)
_BETWEEN_ITEMS = re.compile(r"\s*(,|\])\s*")
_SPACE = re.compile(r"\s*")
_JSON_CELLS: Final = frozenset({"param", "resultUrls", "problem", "saved", "extra"})
_NUMBER_CELLS: Final = frozenset({"costTime", "completeTime", "createTime", "addedAt", "checkedAt"})


def export_json(detail: TaskDetail) -> dict[str, Json]:
    """A task with everything that another list needs to show it as this one does."""
    return {
        **task_json(detail),
        "prompt": detail.task.prompt,
        "progress": detail.task.progress,
        "creditsConsumed": detail.credits_consumed,
        "extra": detail.extra,
        RAW: detail.raw.decode("utf-8", "replace") if detail.raw else None,
    }


def toml_table(values: dict[str, Json]) -> dict[str, Json]:
    """What `export_json` gave, as TOML can say it."""
    table: dict[str, Json] = {}
    for name, value in values.items():
        if value is None or name == RAW:
            continue
        if name in ("param", "extra") and not _fits_toml(value):
            table[f"{name}Json"] = json.dumps(value)
        else:
            table[name] = value
    return table


def _fits_toml(value: Json) -> bool:
    if isinstance(value, dict):
        return all(map(_fits_toml, value.values()))
    if isinstance(value, list):
        return all(map(_fits_toml, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**63
    return value is not None


def read_tasks(text: str, profile: str, now_ms: int) -> Iterator[TaskDetail] | None:
    """Read a file of tasks in any of its forms.

    Args:
        text: the file.
        profile: of the tasks that name none.
        now_ms: when those were added that do not say it.

    Returns:
        The tasks in their order, each read when it is asked for; None for a text that is no such file.

    Raises:
        TaskFileError: while the tasks are read: it is such a file, and broken.
    """
    text = text.removeprefix("\ufeff")
    found = _reader(text)
    if found is None:
        return None
    return (task_of(values, line, profile, now_ms) for line, values in found)


def _reader(text: str) -> Iterator[tuple[int, dict[str, Any]]] | None:
    if _JSON_START.match(text):
        return _json_items(text) if _is_our_json(text) else None
    if _OUR_TOML.search(text):
        return _toml_items(text)
    header = next(csv.reader(islice(io.StringIO(text, newline=""), 1)), [])
    if "taskId" in header and "addedAt" in header:
        return _csv_items(text)
    return None


# JSON


def _is_our_json(text: str) -> bool:
    """Whether it is an array of tasks of ours: an API's own answers are for the paste finder."""
    if text.strip(" \t\r\n") == "[]":
        return True
    try:
        first, _ = json.JSONDecoder().raw_decode(text, _first_brace(text))
    except (ValueError, RecursionError):
        return _OUR_JSON.match(text) is not None
    return isinstance(first, dict) and "taskId" in first and "addedAt" in first


def _first_brace(text: str) -> int:
    return text.index("{")


class _Lines:
    """Line numbers of ascending offsets."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at, self._line = 0, 1

    def at(self, offset: int) -> int:
        self._line += self._text.count("\n", self._at, offset)
        self._at = offset
        return self._line


def _json_items(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    decode = json.JSONDecoder(parse_constant=_no_constant).raw_decode
    lines = _Lines(text)
    start = text.index("[") + 1
    at = _after_space(text, start)
    if text[at : at + 1] == "]":
        return
    while True:
        line = lines.at(at)
        try:
            item, at = decode(text, at)
        except RecursionError:
            raise TaskFileError(f"line {line}: is nested too deeply") from None
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise TaskFileError(f"{place}: is no JSON ({inert_line(error.msg, 100)})") from None
        except ValueError as error:
            raise TaskFileError(f"line {line}: {inert_line(str(error), 100)}") from None
        if not isinstance(item, dict):
            raise TaskFileError(f"line {line}: is no task: an object with taskId is needed")
        yield line, item
        between = _BETWEEN_ITEMS.match(text, at)
        if between is None:
            raise TaskFileError(
                f"line {lines.at(_after_space(text, at))}: a comma or ] is missing before this"
            )
        at = between.end()
        if between[1] == "]":
            if at != len(text):
                raise TaskFileError(f"line {lines.at(at)}: there is more after the list's end")
            return


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


# TOML


def _toml_items(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    import tomllib

    try:
        tables = tomllib.loads(text)["tasks"]
    except tomllib.TOMLDecodeError as error:
        said = inert_line(str(error), 200)
        place = re.search(r" \(at line (\d+), column (\d+)\)$", said)
        if place is None:
            raise TaskFileError(f"line {text.count(chr(10)) + 1}: is no TOML ({said})") from None
        raise TaskFileError(
            f"line {place[1]}, column {place[2]}: is no TOML ({said[: place.start()]})"
        ) from None
    except (RecursionError, KeyError, ValueError):
        raise TaskFileError(
            "line 1: is no TOML: it is nested too deeply, or has a number out of range"
        ) from None
    lines = _Lines(text)
    headers = (lines.at(match.start()) for match in _OUR_TOML.finditer(text))
    if not isinstance(tables, list):
        raise TaskFileError(f"line {next(headers, 1)}: tasks is no array of tables")
    line = 1
    for table in tables:
        line = next(headers, line)
        if not isinstance(table, dict):
            raise TaskFileError(f"line {line}: is no task: a table is needed")
        for name in ("param", "extra"):
            if f"{name}Json" in table:
                table[name] = _from_json(table.pop(f"{name}Json"), f"{name}Json", line)
        yield line, table


def _from_json(text: object, name: str, line: int) -> Any:  # noqa: ANN401 - whatever JSON has
    try:
        return json.loads(str(text), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise TaskFileError(f"line {line}: {name} is no JSON") from None


# CSV


def _csv_items(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(_MAX_CELL_CHARS)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = next(reader)
    line = reader.line_num + 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TaskFileError(f"line {line}: is no CSV ({inert_line(str(error), 100)})") from None
        if row:
            if len(row) != len(header):
                raise TaskFileError(f"line {line}: has {len(row)} cells, and the header has {len(header)}")
            yield (
                line,
                {name: _cell(name, cell, line) for name, cell in zip(header, row, strict=True) if cell},
            )
        line = reader.line_num + 1


def _cell(name: str, cell: str, line: int) -> Any:  # noqa: ANN401 - whatever JSON has
    if name in _NUMBER_CELLS:
        try:
            return int(cell)
        except ValueError:
            raise TaskFileError(f"line {line}: {name} is no whole number") from None
    if name == "param" and cell[:1] not in "[{":
        return cell
    return _from_json(cell, name, line) if name in _JSON_CELLS else cell
