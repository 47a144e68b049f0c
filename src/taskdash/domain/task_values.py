"""A task out of the fields of a file: every value is checked and made inert before any of it counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from taskdash.domain.task import (
    Problem,
    ProblemKind,
    SavedResult,
    State,
    Task,
    TaskDetail,
    is_task_id,
    variant_of,
)
from taskdash.domain.task_json import RAW
from taskdash.domain.untrusted import inert, inert_json, inert_line

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_RAW_CHARS: Final = 4_194_304
MAX_MS: Final = 2**62
_MAX_LABEL_CHARS: Final = 200
_PROFILE = re.compile(r"[A-Za-z0-9._-]{1,128}")


class TaskFileError(ValueError):
    """A file of tasks is broken; the message begins with the line."""


@dataclass(slots=True)
class _Fields:
    """The fields of one task, taken out one by one: what is wrong is told with its line."""

    values: dict[str, Any]
    line: int

    def wrong(self, name: str, what: str) -> TaskFileError:
        return TaskFileError(f"line {self.line}: {name} {what}")

    def line_of_text(self, name: str, max_chars: int = 65_536) -> str | None:
        return self._text(name, lambda text: inert_line(text, max_chars))

    def text(self, name: str) -> str | None:
        return self._text(name, inert)

    def _text(self, name: str, clean: Callable[[str], str]) -> str | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.wrong(name, "is no text")
        return clean(value) or None

    def ms(self, name: str) -> int | None:
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(name, "is no whole number of milliseconds")
        if not -MAX_MS <= value <= MAX_MS:
            raise self.wrong(name, "is out of range")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "is no list of texts")
        return tuple(inert_line(item) for item in value)


def task_of(values: dict[str, Any], line: int, profile: str, now_ms: int) -> TaskDetail:
    """Make a task of the fields of `task_file`.

    Args:
        values: the fields; those that are missing count as null, others are left out.
        line: where they stand, 1-based.
        profile: of a task that names none.
        now_ms: when it was added where it does not say.

    Raises:
        TaskFileError: a value is wrong.
    """
    fields = _Fields(values, line)
    state = _state(fields)
    param, extra = inert_json(values.get("param")), inert_json(values.get("extra") or {})
    if not isinstance(extra, dict):
        raise fields.wrong("extra", "is no object")
    checked_ms = fields.ms("checkedAt")
    task = Task(
        seq=0,
        profile=_profile(fields) or profile,
        task_id=_task_id(fields),
        added_at_ms=_or(fields.ms("addedAt"), now_ms),
        state=state,
        raw_state=fields.line_of_text("rawState"),
        model=fields.line_of_text("model"),
        prompt=fields.text("prompt"),
        label=fields.line_of_text("label", _MAX_LABEL_CHARS),
        note=fields.text("note"),
        fail_code=fields.line_of_text("failCode"),
        fail_msg=fields.text("failMsg"),
        cost_time_ms=fields.ms("costTime"),
        complete_time_ms=fields.ms("completeTime"),
        create_time_ms=fields.ms("createTime"),
        progress=fields.line_of_text("progress"),
        # What has a record was checked, whatever the file says.
        checked_at_ms=_or(checked_ms, _or(fields.ms("addedAt"), now_ms))
        if state is not State.NEW
        else checked_ms,
        problem=_problem(fields),
        variant=variant_of(param),
    )
    return TaskDetail(
        task=task,
        param=param,
        result_urls=fields.texts("resultUrls"),
        credits_consumed=fields.line_of_text("creditsConsumed"),
        extra=extra,
        saved=_saved(fields),
        raw=_raw(fields),
    )


def _or(value: int | None, other: int) -> int:
    return other if value is None else value


def _task_id(fields: _Fields) -> str:
    task_id = fields.values.get("taskId")
    if not isinstance(task_id, str) or not is_task_id(task_id):
        raise fields.wrong("taskId", "is no task ID: it needs 1 to 128 letters, digits and . _ : -")
    return task_id


def _profile(fields: _Fields) -> str | None:
    profile = fields.line_of_text("profile", 200)
    if profile is not None and not _PROFILE.fullmatch(profile):
        raise fields.wrong("profile", "is no name of a profile: it needs letters, digits, dots, - and _")
    return profile


def _state(fields: _Fields) -> State:
    state = fields.values.get("state", State.NEW.value)
    if not isinstance(state, str) or state not in State.__members__.values():
        raise fields.wrong("state", f"is none of {', '.join(State)}")
    return State(state)


def _problem(fields: _Fields) -> Problem | None:
    value = fields.values.get("problem")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise fields.wrong("problem", "is no object")
    inner = _Fields(value, fields.line)
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in ProblemKind.__members__.values():
        raise fields.wrong("problem.kind", f"is none of {', '.join(ProblemKind)}")
    return Problem(ProblemKind(kind), inner.line_of_text("message") or "", inner.ms("since") or 0)


def _saved(fields: _Fields) -> tuple[SavedResult, ...]:
    """The saved files; of a list without `savedFiles`, only those that are certain to be of this or that result."""
    found = fields.values.get("savedFiles")
    if found is None:
        paths = fields.texts("saved")
        is_complete = len(paths) == len(fields.texts("resultUrls"))
        return tuple(SavedResult(n, path) for n, path in enumerate(paths, 1)) if is_complete else ()
    if not isinstance(found, list):
        raise fields.wrong("savedFiles", "is no list")
    files: dict[int, SavedResult] = {}
    for item in found:
        values = item if isinstance(item, dict) else {}
        number, path, size = (values.get(name) for name in ("result", "path", "bytes"))
        if not _is_count(number) or not isinstance(path, str) or not (size is None or _is_count(size)):
            raise fields.wrong(
                "savedFiles", "has a file without the number of its result, its path or its size"
            )
        files[number] = SavedResult(number, inert_line(path), size)
    return tuple(files[number] for number in sorted(files))


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < MAX_MS


def _raw(fields: _Fields) -> bytes:
    raw = fields.values.get(RAW)
    if raw is None:
        return b""
    if not isinstance(raw, str) or len(raw) > MAX_RAW_CHARS:
        raise fields.wrong(RAW, "is no text of at most 4 MiB")
    # A lone surrogate, which only \ud800 in a text can make, has no bytes.
    return raw.encode("utf-8", "replace")
