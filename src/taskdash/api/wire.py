"""Turns a `recordInfo` response into an `Answer`: the one place that decides what status, code and body mean.

Bytes are parsed into a document (`body`), which is split into envelope and record (`envelope`), whose fields are
read one by one (`record`, with `values` and `result_urls`); failing that, there is a problem with a message on
what the user can do. Every oddity is named where it is handled, with its source: the API's page, or kie.ai and
gateways like it, which share the path.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from taskdash.api.body import UnreadableError, document, plain_body
from taskdash.api.envelope import Envelope, envelope_of, is_same_id, task_id_in
from taskdash.api.record import record_of
from taskdash.api.values import amount, whole_number, word
from taskdash.domain.durations import duration
from taskdash.domain.record import Answer, Throttle
from taskdash.domain.task import Json, ProblemKind
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_RETRY_AFTER_S: Final = 5.0
"""For a 429 that does not say: longer than the 1 s window, short compared with the 60 s one."""
MIN_RETRY_AFTER_S: Final = 1.0
MAX_RETRY_AFTER_S: Final = 3600.0

_MAX_LIMIT: Final = 10**7
_MAX_WINDOW_S: Final = 86_400
_MAX_TIER_CHARS: Final = 32
_MAX_DATE_CHARS: Final = 64

_MAX_LOCATION_CHARS: Final = 200
_MAX_ID_CHARS: Final = 128

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
        return _redirect(status, headers)
    try:
        plain = plain_body(headers, body)
        envelope = envelope_of(document(headers, plain), asked_id)
    except UnreadableError as error:
        return _without_document(status, headers, str(error), now_s)
    kind = _problem_kind(status, envelope)
    record = envelope.record
    if record is not None and (kind is None or _outweighs(status, envelope)):
        named = task_id_in(record, asked_id)
        if named is None or is_same_id(named, asked_id):
            around = _error_code(status, envelope), envelope.reason
            return Answer(record=record_of(record, around), message=_oddity(envelope, kind), raw=plain)
        if kind is None:
            named = inert_line(named, _MAX_ID_CHARS)
            return _unreadable(f"the answer is about another task ({named}): dropped")
    if kind is None:
        return _without_record(status, envelope)
    throttle = _throttle_of(headers, envelope.data, now_s) if kind is ProblemKind.RATE_LIMITED else None
    is_null = kind is ProblemKind.NOT_FOUND and envelope.record_info_is_null
    advice = _NOT_FOUND_YET if is_null else _ADVICE[kind]
    return _problem(kind, advice, _words_of(status, envelope), throttle)


def _outweighs(status: int, envelope: Envelope) -> bool:
    """Return whether the record counts although status or code name a problem.

    At kie.ai-like gateways the code around a failed task is that of its failure, mostly 501 ("generation
    failed"), and may be the HTTP status too. A refused key or a rate limit in the HTTP status is about us,
    not about the task. A record that is not a failure outweighs only a 501.
    """
    if status in _NEVER_A_RECORD:
        return False
    is_501 = _GENERATION_FAILED in (status, envelope.code) and (status < 400 or status == _GENERATION_FAILED)
    return envelope.whole_failure or is_501


def _problem_kind(status: int, envelope: Envelope) -> ProblemKind | None:
    """Return the worse problem of HTTP status and body code; gateways often send another code with HTTP 200."""
    kinds = {_kind_of_status(status)}
    if envelope.code is not None:
        kinds.add(_kind_of_code(envelope.code))
    if envelope.record_info_is_null and kinds & {None, ProblemKind.REJECTED}:
        kinds.add(ProblemKind.NOT_FOUND)
    return next((kind for kind in _ADVICE if kind in kinds), None)


def _error_code(status: int, envelope: Envelope) -> str | None:
    """Return the code around a failed task's record: the body's, else the HTTP status, if that names a problem."""
    codes = (envelope.code, status)
    return next((str(code) for code in codes if code is not None and _kind_of_code(code)), None)


def _kind_of_status(status: int) -> ProblemKind | None:
    return ProblemKind.SERVER_ERROR if status >= 600 else _kind_of_code(status)


def _kind_of_code(code: int) -> ProblemKind | None:
    """Return the problem for a code; None for codes that HTTP does not have (some gateways use 0 or 1 for "fine")."""
    if 40_000 <= code < 60_000:
        code //= 100  # 40401 is a kind of 404
    if code in _KIND_OF_CODE:
        return _KIND_OF_CODE[code]
    if 400 <= code < 500:
        return ProblemKind.REJECTED
    return ProblemKind.SERVER_ERROR if 500 <= code < 600 else None


def _throttle_of(headers: Mapping[str, str], data: dict[str, Json], now_s: float | None) -> Throttle:
    """Return how long a 429 asks us to wait, and the key's limits, if it reports them.

    According to the API's documents the body has `data: {retryAfter, limit, tier, windowSeconds}`. They mention no
    Retry-After header, but gateways and proxies send one, so the larger of the two counts. Values that make no sense
    (negative, words, infinite) are ignored.
    """
    waits = (amount(data.get("retryAfter")), _header_wait_s(headers, now_s))
    known = [wait for wait in waits if wait is not None]
    wait_s = max(known) if known else DEFAULT_RETRY_AFTER_S
    tier = word(data.get("tier"))
    return Throttle(
        retry_after_s=min(max(wait_s, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S),
        limit=_within(data.get("limit"), _MAX_LIMIT),
        tier=inert_line(tier, _MAX_TIER_CHARS) if tier else None,
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
    if len(header) > _MAX_DATE_CHARS or not header[:1].isalpha():
        return None
    try:
        date = parsedate_to_datetime(header)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _redirect(status: int, headers: Mapping[str, str]) -> Answer:
    """Return the answer for a redirect, which is never followed, as the key would go with it."""
    target = inert_line(headers.get("location", ""), _MAX_LOCATION_CHARS)
    to = f" to {target}" if target else ""
    message = f"a redirect{to} (HTTP {status}), which is never followed: is the base URL right?"
    return Answer(problem=ProblemKind.UNREACHABLE, message=message)


def _without_document(status: int, headers: Mapping[str, str], why: str, now_s: float | None) -> Answer:
    kind = _kind_of_status(status)
    if kind is None:
        return _unreadable(f"the answer is {why}")
    throttle = _throttle_of(headers, {}, now_s) if kind is ProblemKind.RATE_LIMITED else None
    return _problem(kind, _ADVICE[kind], f"HTTP {status}, the answer is {why}", throttle)


def _without_record(status: int, envelope: Envelope) -> Answer:
    if envelope.is_nothing:
        return _problem(ProblemKind.NOT_FOUND, _NOT_FOUND_YET, _words_of(status, envelope), None)
    return _unreadable(f"no record in the answer ({_words_of(status, envelope)})")


def _oddity(envelope: Envelope, kind: ProblemKind | None) -> str:
    """Return a remark on a record that came with an error; "" for all others."""
    told = _words_of(None, envelope)
    return "" if kind is None else "the record came with an error" + (f" ({told})" if told else "")


def _words_of(status: int | None, envelope: Envelope) -> str:
    """Return status, code and message as one text: `HTTP 200, code 401: the API's own words`."""
    codes = [f"HTTP {status}"] if status is not None else []
    if envelope.code is not None and envelope.code != status:
        codes.append(f"code {envelope.code}")
    return ": ".join(part for part in (", ".join(codes), envelope.message) if part)


def _problem(kind: ProblemKind, advice: str, told: str, throttle: Throttle | None) -> Answer:
    if throttle is not None:
        advice = f"{advice}: checks go on in {duration(1000 * throttle.retry_after_s)}"
    said = _A_PATH.sub("", told)
    is_bare = kind is ProblemKind.NOT_FOUND and said.startswith("HTTP 404") and not _OF_A_TASK.search(said)
    return Answer(problem=kind, message=f"{advice} ({told})", throttle=throttle, is_bare_404=is_bare)


def _unreadable(message: str) -> Answer:
    return Answer(problem=ProblemKind.UNREADABLE, message=message)
