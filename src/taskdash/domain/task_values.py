"""Builds a task from the fields of a file; every value is checked and made inert first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeGuard, TypeVar

from taskdash.domain.record import variant_of
from taskdash.domain.task import (
    Problem,
    ProblemKind,
    SavedResult,
    State,
    Task,
    TaskDetail,
    Verdict,
    is_task_id,
)
from taskdash.domain.task_json import LINES, MAX_CREDITS, RAW, TEXTS, TIMES
from taskdash.domain.untrusted import MAX_TEXT_CHARS, inert, inert_json, inert_line

MAX_RAW_CHARS: Final = 4_194_304
MAX_MS: Final = 2**62
_MAX_CHARS: Final = {"label": 200, "profile": 200}
_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_PROFILE = re.compile(r"[A-Za-z0-9._-]{1,128}")


Word = TypeVar("Word", bound=StrEnum)


class TaskFileError(ValueError):
    """A file of tasks is broken; the message begins with the line."""


@dataclass(slots=True)
class _Fields:
    """The fields of one task, each read with a check that reports a wrong value with its line."""

    values: dict[str, Any]
    line: int

    def wrong(self, name: str, what: str) -> TaskFileError:
        return TaskFileError(f"line {self.line}: {name} {what}")

    def one_line(self, name: str) -> str | None:
        text = self.text(name)
        return None if text is None else inert_line(text, _MAX_CHARS.get(name, MAX_TEXT_CHARS)) or None

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise self.wrong(name, "is not text")
        return inert(value) or None if value else None

    def ms(self, name: str) -> int | None:
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(name, "is not a whole number of milliseconds")
        if not -MAX_MS <= value <= MAX_MS:
            raise self.wrong(name, "is out of range")
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name)
        if not isinstance(value, bool | None):
            raise self.wrong(name, "is not true or false")
        return bool(value)

    def amount(self, name: str) -> float | None:
        value = self.values.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self.wrong(name, "is not a number")
        if value is not None and not 0 <= value <= MAX_CREDITS:
            raise self.wrong(name, "is out of range")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "is not a list of texts")
        return tuple(inert_line(item) for item in value)

    def word_of(self, name: str, words: type[Word], default: str | None = None) -> Word:
        value = self.values.get(name, default)
        if not isinstance(value, str) or value not in words.__members__.values():
            raise self.wrong(name, f"is not one of {', '.join(words)}")
        return words(value)


def task_of(values: dict[str, Any], line: int, profile: str, now_ms: int) -> TaskDetail:
    """Build a task from the fields that `task_file` reads; raise TaskFileError if a value is wrong.

    Missing fields count as null, unknown ones are ignored. `profile` and `now_ms` are used for a task without its own
    profile and `addedAt`.
    """
    fields = _Fields(values, line)
    task_id = values.get("taskId")
    if not isinstance(task_id, str) or not is_task_id(task_id):
        raise fields.wrong("taskId", "is not a task ID: it needs 1 to 128 letters, digits and . _ : -")
    named = fields.one_line("profile")
    if named is not None and not _PROFILE.fullmatch(named):
        raise fields.wrong("profile", "is not a profile name: it needs letters, digits, dots, - and _")
    state = fields.word_of("state", State, State.NEW)
    param, extra = inert_json(values.get("param")), inert_json(values.get("extra") or {})
    if not isinstance(extra, dict):
        raise fields.wrong("extra", "is not an object")
    consumed, amount = fields.one_line("creditsConsumed"), fields.amount("credits")
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
            credits=_credits_in(consumed) if amount is None else amount,
            purged=fields.flag("purged"),
            **known,
        ),
        param=param,
        result_urls=fields.texts("resultUrls"),
        credits_consumed=consumed,
        extra=extra,
        saved=_saved(fields),
        verdicts=_verdicts(fields),
        raw=_raw(fields),
    )


def _credits_in(consumed: str | None) -> float | None:
    """Return the number in the text, which is all that older lists have."""
    return float(consumed) if consumed is not None and _AMOUNT.fullmatch(consumed) else None


def _problem(fields: _Fields) -> Problem | None:
    value = fields.values.get("problem")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise fields.wrong("problem", "is not an object")
    inner = _Fields({f"problem.{name}": item for name, item in value.items()}, fields.line)
    kind = inner.word_of("problem.kind", ProblemKind)
    return Problem(kind, inner.one_line("problem.message") or "", inner.ms("problem.since") or 0)


def _saved(fields: _Fields) -> tuple[SavedResult, ...]:
    """Return the saved files; without `savedFiles`, only if it is certain which results they are."""
    found = fields.values.get("savedFiles")
    if found is None:
        paths = fields.texts("saved")
        is_complete = len(paths) == len(fields.texts("resultUrls"))
        return tuple(SavedResult(n, path) for n, path in enumerate(paths, 1)) if is_complete else ()
    if not isinstance(found, list):
        raise fields.wrong("savedFiles", "is not a list")
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


def _verdicts(fields: _Fields) -> dict[int, Verdict]:
    found = fields.values.get("verdicts") or []
    if not isinstance(found, list) or not all(item is None or item in [*Verdict] for item in found):
        raise fields.wrong("verdicts", f"is not a list of {', '.join(Verdict)} and null")
    if len(found) > len(fields.texts("resultUrls")):
        raise fields.wrong("verdicts", "has more of them than there are results")
    return {n: Verdict(item) for n, item in enumerate(found, 1) if item}


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < MAX_MS


def _raw(fields: _Fields) -> bytes:
    raw = fields.values.get(RAW)
    if raw is None:
        return b""
    if not isinstance(raw, str) or len(raw) > MAX_RAW_CHARS:
        raise fields.wrong(RAW, "is not text of at most 4 MiB")
    # A lone surrogate, which an escape such as \ud800 can produce, has no UTF-8 form.
    return raw.encode("utf-8", "replace")
