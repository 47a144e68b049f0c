"""Turns a `recordInfo` response into an `Answer`: the one place that decides what status, code and body mean.

Bytes are parsed into a document (`values`), in which the envelope with its code and message is told from the record,
whose fields are read one by one (`record`, with `result_urls`); failing that, there is a problem with a message on what
the user can do. Every oddity is named where it is handled, with its source: the API's page, or kie.ai and gateways like
it, which share the path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from taskdash.api.record import (
    FLAG,
    ID,
    OWN_ID,
    RECORD_FIELDS,
    STATE,
    TASK_ID,
    names_failure,
    reason_in,
    record_of,
    standing_in,
)
from taskdash.api.result_urls import LAST_KEYS, PARAM, RECORD_KEYS, result_urls
from taskdash.api.values import (
    UnreadableError,
    amount,
    document,
    is_blank,
    unwrapped,
    whole_number,
    word,
)
from taskdash.domain.record import Answer, Throttle
from taskdash.domain.task import Json, ProblemKind, State
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import duration

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_RETRY_AFTER_S: Final = 5.0
"""For a 429 that does not say: longer than the 1 s window, short compared with the 60 s one."""
MIN_RETRY_AFTER_S: Final = 1.0
MAX_RETRY_AFTER_S: Final = 3600.0
MAX_MESSAGE_CHARS: Final = 300
_MAX_LIMIT: Final = 10**7
_MAX_WINDOW_S: Final = 86_400

_KIND_OF_CODE: Final = {
    401: ProblemKind.UNAUTHORIZED,
    402: ProblemKind.NO_CREDITS,
    403: ProblemKind.UNAUTHORIZED,
    404: ProblemKind.NOT_FOUND,
    408: ProblemKind.SERVER_ERROR,
    429: ProblemKind.RATE_LIMITED,
    455: ProblemKind.SERVER_ERROR,  # "service under maintenance" at kie.ai-like gateways
}
_NEVER_A_RECORD: Final = frozenset({401, 403, 429})
_GENERATION_FAILED: Final = 501
# In order of precedence, if status and code name two problems: first those that affect every task of the key, then
# those that are retried, as one check too many costs less than giving up on an ID.
_ADVICE: Final = {
    ProblemKind.UNAUTHORIZED: "the API refused the key: check the profile's key",
    ProblemKind.NO_CREDITS: "the API account is out of credits: top it up with the provider",
    ProblemKind.RATE_LIMITED: "too many requests on this key",
    ProblemKind.SERVER_ERROR: "the API had an internal error; it is asked again later",
    ProblemKind.NOT_FOUND: "the API has no record of this task, or it belongs to another key",
    ProblemKind.REJECTED: "the API rejected the check: look at the task ID and the profile's base URL",
}
_A_PATH = re.compile(r"\S*/\S*")
_OF_A_TASK = re.compile(
    r"(?<![a-z])(?:task|job|record|generation|prediction|operation|id)|任务|记录", re.IGNORECASE
)
"""The words of a 404 for an unknown ID; one for an unknown path mentions a path, a page or nothing."""
_NOT_FOUND_YET: Final = "the API has no record of this task: unknown, purged, or created a moment ago"


def parse_answer(
    status: int, headers: Mapping[str, str], body: bytes, asked_id: str, *, now_s: float | None = None
) -> Answer:
    """Interpret an HTTP response. Never raises, and is bounded in time and memory whatever the body.

    The names of headers are in lower case, the body is as it came over the wire. Another task's record than that of
    `asked_id` is dropped. `now_s`, in Unix seconds, serves a Retry-After date in an answer that has no Date.
    """
    if 300 <= status < 400:
        # Never followed, as the key would go with it.
        target = inert_line(headers.get("location", ""), 200)
        to = f" to {target}" if target else ""
        message = f"a redirect{to} (HTTP {status}), which is never followed: is the base URL right?"
        return Answer(problem=ProblemKind.UNREACHABLE, message=message)
    envelope, fault = Envelope(), ""
    try:
        envelope = envelope_of(document(headers, body), asked_id)
    except UnreadableError as error:
        fault = f"the answer is {error}"
    kind = _problem_kind(status, envelope)
    record = envelope.record
    if record is not None and (kind is None or _outweighs(status, envelope.code, record)):
        named = _task_id_in(record, asked_id)
        if named is None or _is_same_id(named, asked_id):
            codes = (code for code in (envelope.code, status) if code is not None and _kind_of_code(code))
            code = next(map(str, codes), None)
            told = _words_of(None, envelope)
            remark = "the record came with an error" + (f" ({told})" if told else "")
            found = record_of(record, (code, envelope.reason))
            return Answer(record=found, message=remark if kind else "", raw=body)
        if kind is None:
            fault = f"the answer is about another task ({inert_line(named, 128)}): dropped"
    told = f"HTTP {status}, {fault}" if fault else _words_of(status, envelope)
    if kind is None and (fault or not envelope.is_nothing):
        return Answer(problem=ProblemKind.UNREADABLE, message=fault or f"no record in the answer ({told})")
    throttle = _throttle_of(headers, envelope.data, now_s) if kind is ProblemKind.RATE_LIMITED else None
    if kind is None or (kind is ProblemKind.NOT_FOUND and envelope.record_info_is_null):
        return _problem(ProblemKind.NOT_FOUND, _NOT_FOUND_YET, told, throttle)
    return _problem(kind, _ADVICE[kind], told, throttle)


def _problem(kind: ProblemKind, advice: str, told: str, throttle: Throttle | None) -> Answer:
    if throttle is not None:
        advice = f"{advice}: checks go on in {duration(1000 * throttle.retry_after_s)}"
    said = _A_PATH.sub("", told)
    is_bare = kind is ProblemKind.NOT_FOUND and said.startswith("HTTP 404") and not _OF_A_TASK.search(said)
    return Answer(problem=kind, message=f"{advice} ({told})", throttle=throttle, is_bare_404=is_bare)


def _outweighs(status: int, code: int | None, record: dict[str, Json]) -> bool:
    """Return whether the record counts although status or code name a problem.

    At kie.ai-like gateways the code around a failed task is that of its failure, mostly 501 ("generation
    failed"), and may be the HTTP status too. A refused key or a rate limit in the HTTP status is about us,
    not about the task. A record that is not beyond doubt that of a failure outweighs only a 501.
    """
    if status in _NEVER_A_RECORD:
        return False
    is_501 = _GENERATION_FAILED in (status, code) and (status < 400 or status == _GENERATION_FAILED)
    if is_501 or RECORD_FIELDS.isdisjoint(record):
        return is_501
    standing = standing_in(record)
    return standing is not None and standing.state is State.FAIL and not _may_be_of_request(record)


def _problem_kind(status: int, envelope: Envelope) -> ProblemKind | None:
    """Return the worse problem of HTTP status and body code; gateways often send another code with HTTP 200."""
    kinds = {_kind_of_code(min(status, 599)), _kind_of_code(envelope.code or 0)}
    if envelope.record_info_is_null:
        kinds.add(ProblemKind.NOT_FOUND)
    return next((kind for kind in _ADVICE if kind in kinds), None)


def _kind_of_code(code: int) -> ProblemKind | None:
    """Return the problem for a code; None for codes that HTTP does not have (some gateways use 0 or 1 for "fine")."""
    if 40_000 <= code < 60_000:
        code //= 100  # 40401 is a kind of 404
    if code in _KIND_OF_CODE:
        return _KIND_OF_CODE[code]
    if 400 <= code < 500:
        return ProblemKind.REJECTED
    return ProblemKind.SERVER_ERROR if 500 <= code < 600 else None


def _words_of(status: int | None, envelope: Envelope) -> str:
    """Return status, code and message as one text: `HTTP 200, code 401: the API's own words`."""
    codes = [f"HTTP {status}"] if status is not None else []
    if envelope.code is not None and envelope.code != status:
        codes.append(f"code {envelope.code}")
    return ": ".join(part for part in (", ".join(codes), envelope.message) if part)


def _throttle_of(headers: Mapping[str, str], data: dict[str, Json], now_s: float | None) -> Throttle:
    """Return how long a 429 asks us to wait, and the key's limits, if it reports them.

    According to the API's documents the body has `data: {retryAfter, limit, tier, windowSeconds}`. They mention no
    Retry-After header, but gateways and proxies send one, so the larger of the two counts. Values that make no sense
    (negative, words, infinite) are ignored.
    """
    waits = (amount(data.get("retryAfter")), _header_wait_s(headers, now_s))
    wait_s = max((wait for wait in waits if wait is not None), default=DEFAULT_RETRY_AFTER_S)
    tier = word(data.get("tier"))
    return Throttle(
        retry_after_s=min(max(wait_s, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S),
        limit=_within(data.get("limit"), _MAX_LIMIT),
        tier=inert_line(tier, 32) if tier else None,
        window_s=_within(data.get("windowSeconds"), _MAX_WINDOW_S),
    )


def _within(value: Json, maximum: int) -> int | None:
    found = whole_number(value)
    return found if found is not None and 1 <= found <= maximum else None


def _header_wait_s(headers: Mapping[str, str], now_s: float | None) -> float | None:
    """Return the wait in Retry-After, which is seconds or an HTTP date; the latter is relative to the answer's Date."""
    header = headers.get("retry-after", "")
    until_s = _date_s(header)
    if until_s is None:
        return amount(header)
    from_s = _date_s(headers.get("date", ""))
    from_s = now_s if from_s is None else from_s
    return max(until_s - from_s, 0.0) if from_s is not None else None


def _date_s(header: str) -> float | None:
    if len(header) > 64 or not header[:1].isalpha():
        return None
    try:
        date = parsedate_to_datetime(header)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


# The envelope around a record

# The API's page has `{code, msg, data}`. At kie.ai-like gateways the message is in `message` or missing, `data`
# may be missing, and some answers are a bare record without an envelope.
_TEXT_KEYS: Final = ("msg", "message", "error", "detail", "errorMessage", "error_description")
_IS_NOT_FOUND = re.compile(
    r"record\s*info\s+is\s+null"
    r"|\b(?:task|job|record|video|generation)(?:[\s_-]*id)?[\s_-]+(?:(?:is|was|does|do|has)\s+)?"
    r"(?:not[\s_-]+(?:been\s+)?found|not[\s_-]+exist|doesn['\u2019]?t\s+exist)"
    r"|\bno\s+such\s+(?:task|job|record|video)\b|任[务務]不存在",
    re.IGNORECASE,
)
_STATE_NOT_FOUND = re.compile(r"\s*(?:(?:task|record|job|id)[\s_-]+)?not[\s_-]*found\s*", re.IGNORECASE)
"""A state, as at BFL."""
_NO_WRAPPERS: Final = frozenset(("data", "output", "error", "errors", *PARAM, "input", "request"))
_RESULTS: Final = frozenset((*RECORD_KEYS, *LAST_KEYS))
_FIELDS_BUT_IDS: Final = RECORD_FIELDS.difference(TASK_ID)
_WORDS_OF_REQUESTS: Final = frozenset(
    ("success", "done", "ready", "fail", "failure", "error", "timeout", "aborted", "rejected", "expired")
)
_PREFIX = re.compile(r"(?:[A-Za-z]{2,16}[_:-]){1,2}")
_HEX: Final = frozenset("0123456789abcdefABCDEF-")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Holds the parts of one answer."""

    code: int | None = None
    """The body's own code; None if it has none that is a number."""
    message: str = ""
    """The body's own message, inert and short."""
    reason: str | None = None
    """The message that may say why a task failed, uncut; None without one, or if it only reports success."""
    record: dict[str, Json] | None = None
    """The record as received, if there is one; it may be that of another task."""
    data: dict[str, Json] = field(default_factory=dict)
    """`data` if it is an object, else the whole answer; a 429 has its limits there."""
    record_info_is_null: bool = False
    """Whether it has no record and reports the task as not found, as kie.ai-like gateways do (with 422) for a
    task that they do not know, have purged, or do not know yet."""
    is_nothing: bool = False
    """Whether it has a success code and empty `data`, which is how other gateways say that they have no record."""


def envelope_of(document: Json, asked_id: str) -> Envelope:
    """Parse a JSON document into an envelope, an empty one unless it is an object or a list of one object."""
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict):
        return Envelope()
    data = unwrapped(document.get("data"))
    record = _record_in(document, data, asked_id)
    code, error = whole_number(document.get("code")), document.get("error")
    if code is None and record is None and isinstance(error, dict):
        code = whole_number(error.get("code"))
    said = [document.get(key) for key in _TEXT_KEYS]
    said = [each.get("message") or each.get("msg") if isinstance(each, dict) else each for each in said]
    texts = [each for each in said if isinstance(each, str)]
    lines = [line for line in (inert_line(each, MAX_MESSAGE_CHARS) for each in texts) if line]
    is_null = any(map(_IS_NOT_FOUND.search, lines))
    states = [record.get(key) for key in STATE] if record else []
    if any(isinstance(state, str) and _STATE_NOT_FOUND.fullmatch(state) for state in states):
        record, is_null = None, True
    return Envelope(
        code=code,
        message=lines[0] if lines else "",
        reason=next(filter(None, (reason_in(each)[1] for each in texts)), None),
        record=record,
        data=data if isinstance(data, dict) else document,
        record_info_is_null=is_null and record is None and code in (None, 200, 422),
        is_nothing="data" in document and code in (0, 200) and data in (None, "", "null", [], {}),
    )


def _task_id_in(record: dict[str, Json], asked_id: str) -> str | None:
    """Return the task ID in a record; the one asked for, if it is among several.

    None if it has none, or only a number other than the ID asked for, such as a database row's `id`.
    """
    values = [value for key in ID if not is_blank(value := record.get(key))]
    said = (found for value in values if (found := word(value)) and _is_same_id(found, asked_id))
    return next(said, None) or next((value.strip() for value in values if isinstance(value, str)), None)


def _is_same_id(one: str, other: str) -> bool:
    """Return whether two IDs name the same task.

    UUIDs and hex IDs ignore case, all others must match exactly, but for a prefix (`task_`, `video-`): gateways
    add or drop one when they pass on a provider's ID.
    """
    if one == other or (one.lower() == other.lower() and _HEX.issuperset(one)):
        return True
    short, long = sorted((one, other), key=len)
    is_end = len(short) >= 8 and long.endswith(short)
    return is_end and _PREFIX.fullmatch(long, 0, len(long) - len(short)) is not None


def _record_in(document: dict[str, Json], data: Json, asked_id: str) -> dict[str, Json] | None:
    """Find the record in a document: its `data`, an item of a list there, its `output`, or the document itself."""
    if isinstance(data, dict):
        if _is_record(data, asked_id) or isinstance(data.get("state"), str):
            return data
        if not _names(document, asked_id):
            return None
    if isinstance(data, list):
        records = [item for item in data if isinstance(item, dict) and _is_record(item, asked_id)]
        asked = [record for record in records if _names(record, asked_id)]
        if asked or len(records) == 1:
            return (asked or records)[0]
    standing = standing_in(document)
    output = unwrapped(document.get("output"))
    if isinstance(output, dict) and standing is None and _is_record(output, asked_id):
        return output
    # Beside `data: null`, a `status` is that of the request, not of a task; so may be a flag on its own.
    is_flag_alone = standing is not None and standing.keys == (FLAG,) and _FIELDS_BUT_IDS.isdisjoint(document)
    is_envelope = ("data" in document and data is None) or is_flag_alone or _may_be_of_request(document)
    if not is_envelope and _is_record(document, asked_id):
        return document
    return _wrapped(document, asked_id)


def _wrapped(document: dict[str, Json], asked_id: str) -> dict[str, Json] | None:
    """Return the only record that names the requested task under some other key (`task`, `result`).

    Its result may be next to it (Novita).
    """
    records = [
        value
        for key, value in document.items()
        if key not in _NO_WRAPPERS and isinstance(value, dict)
        if _says(value, asked_id) and _is_record(value, asked_id) and not _may_be_of_request(value)
    ]
    if len(records) != 1:
        return None
    beside = {key: value for key, value in document.items() if key in _RESULTS and value is not records[0]}
    return {**beside, **records[0]}


def _says(record: dict[str, Json], asked_id: str) -> bool:
    said = (word(record.get(key)) for key in (*TASK_ID, *OWN_ID))
    return any(each and _is_same_id(each, asked_id) for each in said)


def _names(record: dict[str, Json], asked_id: str) -> bool:
    named = _task_id_in(record, asked_id)
    return named is not None and _is_same_id(named, asked_id)


def _is_record(candidate: dict[str, Json], asked_id: str) -> bool:
    """Return whether this is a record: it has a state and one field that only records have, or two such fields.

    `{"status": "error", "message": ...}` is an error and must not be taken for a failed task, which is final. The
    state must be a word or a flag; a number beside an ID may be the HTTP status.
    """
    names_task = not candidate.keys().isdisjoint(TASK_ID) or _says(candidate, asked_id)
    evidence = len(_FIELDS_BUT_IDS.intersection(candidate)) + names_task
    if evidence != 1:
        return evidence > 1
    keys = standing.keys if (standing := standing_in(candidate)) else ()
    return FLAG in keys or any(isinstance(candidate[key], str) for key in keys)


def _may_be_of_request(candidate: dict[str, Json]) -> bool:
    """Return whether the state may be that of the request, as in errors that repeat the ID asked for.

    Only in `status`, as the other fields are the task's own. A success with result links is that of a task (getimg).
    """
    *others, status = (candidate.get(key) for key in STATE)
    if not isinstance(status, str) or any(isinstance(other, str) and other.strip() for other in others):
        return False
    said = status.strip().lower()
    if not _FIELDS_BUT_IDS.isdisjoint(candidate) or not (said in _WORDS_OF_REQUESTS or names_failure(said)):
        return False
    standing = standing_in(candidate)
    return standing is None or standing.state is not State.SUCCESS or not result_urls(candidate)
