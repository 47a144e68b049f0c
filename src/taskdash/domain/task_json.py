"""Converts a task to JSON and back, to a TOML table, and to environment variables for the user's own commands.

The API's fields come first, under its names and in its units, then ours. All texts of a task are inert already; those
that are read are checked and made inert.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard, TypeVar

from taskdash.domain.id_forms import is_task_id
from taskdash.domain.task import (
    Problem,
    ProblemKind,
    SavedResult,
    State,
    Task,
    TaskDetail,
    Verdict,
    variant_of,
)
from taskdash.domain.untrusted import MAX_TEXT_CHARS, inert, inert_json, inert_line

if TYPE_CHECKING:
    from taskdash.domain.task import Json

FIELDS: Final = (
    *("taskId", "model", "state", "rawState", "param", "resultUrls", "failCode", "failMsg"),
    *("costTime", "completeTime", "createTime"),
    *("profile", "label", "note", "addedAt", "checkedAt", "problem", "saved"),
    *("credits", "recordPath", "verdicts", "overdue"),
)
"""The fields of `list`, `show`, `wait` and the user's own commands, in their order."""
CSV_FIELDS: Final = (
    *(*FIELDS, "prompt", "progress", "creditsConsumed", "extra", "savedFiles"),
    *("resultExpiresAt", "renewedAt", "purged"),
)
"""The fields that another list needs to show a task as this one does, except for the body as it was sent."""
RAW: Final = "raw"


def json_name(attribute: str) -> str:
    """Return the JSON name of an attribute of a task: `costTime` for `cost_time_ms`."""
    first, *others = attribute.removesuffix("_ms").split("_")
    return first + "".join(map(str.capitalize, others))


def _named(*attributes: str) -> dict[str, str]:
    return {json_name(each): each for each in attributes}


LINES: Final = _named("model", "raw_state", "fail_code", "label", "progress", "record_path")
TEXTS: Final = _named("fail_msg", "note", "prompt")
TIMES: Final = _named(
    *("cost_time_ms", "complete_time_ms", "create_time_ms"),
    *("added_at_ms", "checked_at_ms", "result_expires_at_ms", "renewed_at_ms"),
)
"""The attributes of a task by the names of their fields: texts of one line, texts of more, and milliseconds."""
MAX_CREDITS: Final = 1e15
_ATTRIBUTES: Final = {
    name: attribute
    for name, attribute in {"taskId": "task_id", "profile": "profile", **LINES, **TEXTS, **TIMES}.items()
    if name in FIELDS
}
_values_of: Final = attrgetter(*_ATTRIBUTES.values())

MAX_VALUE_BYTES: Final = 32_768
"""Linux starts no program with a variable of 128 KiB or more; the JSON has longer values whole."""
_IN_ENVIRON: Final = (
    *("task_id", "state", "raw_state", "profile", "model", "label", "note", "prompt", "result_urls"),
    *("cost_time_ms", "create_time_ms", "complete_time_ms", "fail_code", "fail_msg"),
)
VARIABLES: Final = tuple(f"TASKDASH_{name.upper()}" for name in _IN_ENVIRON)


def task_json(detail: TaskDetail) -> dict[str, Json]:
    """Return the fields of a task in their order. Times are Unix ms, `costTime` ms; unknown values are null."""
    task, problem = detail.task, detail.task.problem
    values: dict[str, Json] = dict.fromkeys(FIELDS)
    values.update(zip(_ATTRIBUTES, _values_of(task), strict=True))
    values["state"] = task.state.value
    values["param"] = detail.param
    values["resultUrls"] = list(detail.result_urls)
    values["credits"] = _plain_number(task.credits)
    values["verdicts"] = [detail.verdicts.get(n) for n, _ in enumerate(detail.result_urls, 1)]
    values["overdue"] = detail.is_overdue
    values["saved"] = [saved.path for saved in detail.saved]
    if problem is not None:
        kind, message = problem.kind.value, problem.message
        values["problem"] = {"kind": kind, "message": message, "since": problem.since_ms}
    return values


def _plain_number(number: float | None) -> int | float | None:
    """Return an amount for JSON: an int if it is whole, None if it is implausible."""
    if number is None or not 0 <= number <= MAX_CREDITS:
        return None
    return int(number) if number == int(number) else round(number, 6)


def saved_json(detail: TaskDetail) -> list[Json]:
    """Return what `saved` leaves out: the number of the result in each file, and its size."""
    files: list[Json] = []
    for saved in detail.saved:
        size: dict[str, Json] = {} if saved.size is None else {"bytes": saved.size}
        files.append({"result": saved.number, "path": saved.path, **size})
    return files


def export_json(detail: TaskDetail) -> dict[str, Json]:
    """Return a task with everything that another list needs to show it as this one does."""
    return {
        **task_json(detail),
        "prompt": detail.task.prompt,
        "progress": detail.task.progress,
        "creditsConsumed": detail.credits_consumed,
        "extra": detail.extra,
        "savedFiles": saved_json(detail),
        "resultExpiresAt": detail.task.result_expires_at_ms,
        "renewedAt": detail.task.renewed_at_ms,
        "purged": True if detail.task.purged else None,
        RAW: detail.raw.decode("utf-8", "replace") if detail.raw else None,
    }


def toml_table(values: dict[str, Json]) -> dict[str, Json]:
    """Return the result of `export_json` for TOML: nulls omitted, and values with a null in them as JSON."""
    table: dict[str, Json] = {}
    for name, value in values.items():
        says_nothing = name == "verdicts" and isinstance(value, list) and not any(value)
        if value is None or name == RAW or says_nothing:
            continue
        if _fits_toml(value):
            table[name] = value
        else:
            table[f"{name}Json"] = json.dumps(value)
    return table


def _fits_toml(value: Json) -> bool:
    if isinstance(value, dict | list):
        return all(map(_fits_toml, value.values() if isinstance(value, dict) else value))
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**63
    return value is not None


def task_environ(detail: TaskDetail) -> dict[str, str]:
    """Return the environment variables of a task; unknown values are empty, and long ones truncated."""
    values = (
        "\n".join(detail.result_urls) if name == "result_urls" else getattr(detail.task, name)
        for name in _IN_ENVIRON
    )
    return {name: _fit(value) for name, value in zip(VARIABLES, values, strict=True)}


def _fit(value: str | int | None) -> str:
    if value is None:
        return ""
    # Inert text has neither NUL nor surrogates, but a variable must not have them even if the store is corrupt.
    data = str(value).replace("\0", "").encode("utf-8", "replace")
    return data[:MAX_VALUE_BYTES].decode("utf-8", "ignore")


# Back from a file

_ALL_FIELDS: Final = frozenset((*CSV_FIELDS, RAW))
MAX_RAW_CHARS: Final = 4_194_304
_WRONG_RAW: Final = "is not text of at most 4 MiB"
MAX_MS: Final = 2**62
_MAX_CHARS: Final = {"label": 200, "profile": 200}
_AMOUNT: Final = r"[0-9]{1,12}(?:\.[0-9]{1,12})?"
_PROFILE: Final = r"[A-Za-z0-9._-]{1,128}"

Word = TypeVar("Word", bound=StrEnum)


class TaskFileError(ValueError):
    """A file of tasks is broken; the message says where."""


class _Fields(NamedTuple):
    """Reads the fields of one task, each with a check that reports a wrong value with its line."""

    values: dict[str, Any]
    line: int

    def wrong(self, name: str, what: str) -> TaskFileError:
        return TaskFileError(f"line {self.line}: {name} {what}")

    def given(self, name: str, kind: type | tuple[type, ...], what: str) -> Any:  # noqa: ANN401 - of that kind, or None
        value = self.values.get(name)
        is_kind = isinstance(value, kind) and not isinstance(value, bool)
        if value is not None and not is_kind:
            raise self.wrong(name, what)
        return value

    def one_line(self, name: str) -> str | None:
        text = self.text(name)
        return None if text is None else inert_line(text, _MAX_CHARS.get(name, MAX_TEXT_CHARS)) or None

    def text(self, name: str) -> str | None:
        return inert(self.given(name, str, "is not text") or "") or None

    def number(self, name: str, kind: type | tuple[type, ...], what: str, least: int, most: float) -> Any:  # noqa: ANN401
        value = self.given(name, kind, what)
        if value is not None and not least <= value <= most:
            raise self.wrong(name, "is out of range")
        return value

    def ms(self, name: str) -> int | None:
        value: int | None = self.number(name, int, "is not a whole number of milliseconds", -MAX_MS, MAX_MS)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.given(name, list, "is not a list of texts") or ()
        if not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "is not a list of texts")
        return tuple(inert_line(item) for item in value)

    def word_of(self, name: str, words: type[Word], default: str | None = None) -> Word:
        value = self.values.get(name, default)
        if not isinstance(value, str) or value not in words.__members__.values():
            raise self.wrong(name, f"is not one of {', '.join(words)}")
        return words(value)


def task_of(values: dict[str, Any], line: int, profile: str, now_ms: int, left_out: set[str]) -> TaskDetail:
    """Build a task from its fields; raise TaskFileError if a value is wrong. Missing fields count as null."""
    left_out |= values.keys() - _ALL_FIELDS
    fields = _Fields(values, line)
    task_id = values.get("taskId")
    if not isinstance(task_id, str) or not is_task_id(task_id):
        raise fields.wrong("taskId", "is not a task ID: it needs 1 to 128 letters, digits and . _ : -")
    named = fields.one_line("profile")
    if named is not None and not re.fullmatch(_PROFILE, named):
        raise fields.wrong("profile", "is not a profile name: it needs letters, digits, dots, - and _")
    state = fields.word_of("state", State, State.NEW)
    param = inert_json(values.get("param"))
    extra = inert_json(values.get("extra") or {})
    if not isinstance(extra, dict):
        raise fields.wrong("extra", "is not an object")
    consumed = fields.one_line("creditsConsumed")
    amount = fields.number("credits", (int, float), "is not a number", 0, MAX_CREDITS)
    if amount is None and consumed is not None and re.fullmatch(_AMOUNT, consumed):
        # Older lists have it as a text only.
        amount = float(consumed)
    raw: str = fields.given(RAW, str, _WRONG_RAW) or ""
    if len(raw) > MAX_RAW_CHARS:
        raise fields.wrong(RAW, _WRONG_RAW)
    known: dict[str, Any] = {attribute: fields.one_line(name) for name, attribute in LINES.items()}
    known |= {attribute: fields.text(name) for name, attribute in TEXTS.items()}
    known |= {attribute: fields.ms(name) for name, attribute in TIMES.items()}
    if known["added_at_ms"] is None:
        known["added_at_ms"] = now_ms
    if known["checked_at_ms"] is None and state is not State.NEW:
        # A task with a record has been checked, whatever the file says.
        known["checked_at_ms"] = known["added_at_ms"]
    return TaskDetail(
        task=Task(
            seq=0,
            profile=named or profile,
            task_id=task_id,
            state=state,
            problem=_problem(fields),
            variant=variant_of(param),
            credits=amount,
            # True, which version 2.0 wrote as 1.
            purged=values.get("purged") == 1,
            **known,
        ),
        param=param,
        result_urls=fields.texts("resultUrls"),
        credits_consumed=consumed,
        extra=extra,
        saved=_saved(fields),
        verdicts=_verdicts(fields),
        # A lone surrogate, which an escape such as \ud800 can produce, has no UTF-8 form.
        raw=raw.encode("utf-8", "replace"),
    )


def _problem(fields: _Fields) -> Problem | None:
    value = fields.given("problem", dict, "is not an object")
    if value is None:
        return None
    inner = _Fields({f"problem.{name}": item for name, item in value.items()}, fields.line)
    kind = inner.word_of("problem.kind", ProblemKind)
    return Problem(kind, inner.one_line("problem.message") or "", inner.ms("problem.since") or 0)


def _saved(fields: _Fields) -> tuple[SavedResult, ...]:
    """Return the saved files; without `savedFiles`, only if it is certain which results they are."""
    found = fields.given("savedFiles", list, "is not a list")
    if found is None:
        paths = fields.texts("saved")
        is_complete = len(paths) == len(fields.texts("resultUrls"))
        return tuple(SavedResult(n, path) for n, path in enumerate(paths, 1)) if is_complete else ()
    files: dict[int, SavedResult] = {}
    for item in found:
        values = item if isinstance(item, dict) else {}
        number, path, size = (values.get(name) for name in ("result", "path", "bytes"))
        if not _is_count(number) or not isinstance(path, str) or not (size is None or _is_count(size)):
            what = "has a file without the number of its result, its path or its size"
            raise fields.wrong("savedFiles", what)
        files[number] = SavedResult(number, inert_line(path), size)
    return tuple(files[number] for number in sorted(files))


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < MAX_MS


def _verdicts(fields: _Fields) -> dict[int, Verdict]:
    found = fields.values.get("verdicts") or []
    if not isinstance(found, list) or not all(item is None or item in [*Verdict] for item in found):
        raise fields.wrong("verdicts", f"is not a list of {', '.join(Verdict)} and null")
    if len(found) > len(fields.texts("resultUrls")):
        raise fields.wrong("verdicts", "has more of them than there are results")
    return {n: Verdict(item) for n, item in enumerate(found, 1) if item}
