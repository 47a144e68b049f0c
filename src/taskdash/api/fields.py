"""Names the fields of a record at various gateways, and reads their values.

For each field, the first name that has a value counts. The first names are those of the API's page. The others are
used by kie.ai and its families (Veo, 4o, Kontext, Aleph, Runway, Suno, Midjourney), by gateways to them, by Kling,
DashScope, ModelScope, Replicate, fal, OpenAI, Ark, Vidu, MiniMax, BFL, and by Midjourney proxies.

Every reader takes any JSON value and returns its meaning, or None if it makes no sense: a wrong type in one field never
affects another.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from taskdash.domain.untrusted import inert, inert_json, inert_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdash.domain.task import Json

T = TypeVar("T")

TASK_ID: Final = ("taskId", "task_id")
OWN_ID: Final = ("id", "request_id", "job_id", "jobId")
"""The record's own ID, in place of a task ID. `request_id` is the task's at fal, elsewhere the request's."""
ID: Final = (*TASK_ID, OWN_ID[0])
STATE: Final = ("state", "task_status", "taskStatus", "status")
"""`status` comes last, as it may be that of the request."""
FLAG: Final = "successFlag"

MODEL: Final = ("model", "modelName", "model_name")
PARAM: Final = ("param", "paramJson", "generateParam")
PROMPT: Final = ("prompt", "orig_prompt")
PROMPT_IN_PARAM: Final = ("prompt", "positivePrompt", "positive_prompt", "text", "description")
PROGRESS: Final = ("progress",)

COST: Final = ("costTime", "cost_time")
CREATED: Final = (
    *("createTime", "create_time", "createdAt", "created_at", "created"),
    *("submitTime", "submit_time"),
)
ENDED: Final = (
    *("completeTime", "complete_time", "completedAt", "completed_at", "completed"),
    *("finishTime", "finish_time", "finishedAt", "finished_at", "endTime", "end_time", "generateTime"),
)
UPDATED: Final = ("updateTime", "update_time", "updatedAt", "updated_at")
"""Used as the end time of a finished task without one."""

CREDITS: Final = (
    *("creditsConsumed", "credits_consumed", "consumeCredits", "consume_credits"),
    *("creditsUsed", "credits_used", "credits", "cost"),
)
USAGE: Final = "usage"
CREDITS_IN_USAGE: Final = ("credits_consumed", "credits_used", "credits_reserved", "credits")

LINK_END: Final = ("expires_at", "expiresAt", "expire_at", "expireAt", "expire_time", "expireTime")
PURGED: Final = ("contentState", "expireFlag", "data_removed")

FAIL_CODE: Final = ("failCode", "fail_code")
ERROR_CODE: Final = (*("errorCode", "error_code", "errCode", "err_code"), *("failureCode", "failure_code"))
"""Here 0 and 200 mean no failure."""
REASON: Final = ("failMsg", "fail_msg", "errorMessage", "error_message", "failReason", "error", "errors")
REASON_OF_FAILED: Final = (
    *("task_status_msg", "fail_reason", "failure", "failure_reason", "failureReason"),
    *("errorMsg", "error_msg", "raw_message", "message", "msg", "detail", "reason"),
)
"""Not specific to errors, so only used in a failed record or within an error object."""

# The values of fields

MAX_WORD_CHARS: Final = 256
MAX_EXTRA_FIELDS: Final = 256

_NUMBER = re.compile(r"[+-]?[0-9]{1,19}(?:\.[0-9]{1,12})?")
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)? ?(?:[Zz]|[+-]\d\d(?::?\d\d)?)", re.ASCII
)
_LOCAL = re.compile(r"20\d\d-\d\d-\d\d[Tt ]\d\d:\d\d", re.ASCII)
_INT64_END: Final = 2**63
_MAX_COST_MS: Final = 10**12
_YEAR_2100_S: Final = 4_102_444_800
_YEAR_2001_S: Final = 10**9


class Fields:
    """Reads the fields of one record, tracks those that were understood, and keeps the others.

    `rest` therefore returns the unknown fields **and** every known field whose value made no sense, under its
    own name. So `"createTime" in record.extra` distinguishes "makes no sense" (shown as `?`) from "missing".
    """

    def __init__(self, wire: dict[str, Json]) -> None:
        self._wire = wire
        self._understood: set[str] = set()

    def read(self, reader: Callable[[Json], T | None], *names: str) -> T | None:
        """Return the result of `reader` for the first of `names` that it can read."""
        for name in names:
            value = self._wire.get(name)
            meaning = None if is_blank(value) else reader(value)
            if meaning is not None or is_blank(value):
                self._understood.add(name)
            if meaning is not None:
                return meaning
        return None

    def take(self, *names: str) -> Json:
        """Return the first value that is not blank among `names`, unchanged."""
        for name in names:
            if not is_blank(self._wire.get(name)):
                self._understood.add(name)
                return self._wire[name]
        return None

    def get(self, name: str) -> Json:
        """Return the value unchanged; None if it is missing."""
        return self._wire.get(name)

    def understood(self, *names: str) -> None:
        """Leave `names` out of `rest`."""
        self._understood.update(names)

    def rest(self) -> dict[str, Json]:
        """Return the fields that were not understood, inert; at most `MAX_EXTRA_FIELDS` of them."""
        left = [name for name in self._wire if name not in self._understood]
        return {
            inert_line(name, MAX_WORD_CHARS): inert_json(self._wire[name]) for name in left[:MAX_EXTRA_FIELDS]
        }


def is_blank(value: Json) -> bool:
    """Return whether there is no value: null on the API's page, "" at kie.ai-like gateways."""
    return value is None or (isinstance(value, str) and not value.strip())


def number(value: Json) -> int | float | None:
    """Return a finite number within 64 bits, also if written as text; never a bool."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            return None
        value = float(text) if "." in text else int(text)
    # NaN and the infinities fail the comparison.
    return value if isinstance(value, int | float) and -_INT64_END <= value < _INT64_END else None


def whole_number(value: Json) -> int | None:
    """Return a number without a fraction as an int: 200, 200.0 and "200" are the same."""
    found = number(value)
    return int(found) if found is not None and found == int(found) else None


def amount(value: Json) -> float | None:
    """Return a number that is no less than 0, such as of seconds or credits."""
    found = number(value)
    return float(found) if found is not None and found >= 0 else None


def word(value: Json) -> str | None:
    """Return a short text on one line; otherwise like `text`."""
    return (inert_line(value, MAX_WORD_CHARS) or None) if isinstance(value, str) else text(value)


def text(value: Json) -> str | None:
    """Return a text, or a number as text, without a zero fraction; None for other types."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return (inert(value) or None) if isinstance(value, str) else None


def timestamp_ms(value: Json) -> int | None:
    """Return Unix milliseconds between 2001 and 2100.

    The API's page has milliseconds. Ten digits are seconds. 0, negative and far-off values make no sense, and nor
    does ISO 8601 text without a time zone.
    """
    found = number(value)
    if isinstance(value, str) and _ISO.fullmatch(value.strip()):
        iso = value.strip().upper()
        with suppress(ValueError, OverflowError):
            found = datetime.fromisoformat(iso[:11] + iso[11:].replace(" ", "")).timestamp() * 1000
    if found is None:
        return None
    if _YEAR_2001_S <= found < _YEAR_2100_S:
        found = found * 1000
    return round(found) if _YEAR_2001_S * 1000 <= found < _YEAR_2100_S * 1000 else None


def is_moment(value: Json) -> bool:
    """Return whether a value is a time of some kind, even without a time zone."""
    return timestamp_ms(value) is not None or (
        isinstance(value, str) and _LOCAL.match(value.strip()) is not None
    )


def cost(value: Json) -> int | float | None:
    """Return a duration in its original unit, which may be s or ms; None if it is negative or 10**12 or more."""
    found = number(value)
    return found if found is not None and 0 <= found < _MAX_COST_MS else None
