"""How long a 429 asks us to wait, and what it tells of the key's limits.

By the API's documents the body has `data: {retryAfter, limit, tier, windowSeconds}`. No Retry-After header is
documented there; gateways and proxies in front send one, so the larger of the two counts.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from taskdash.api.values import number, whole_number, word
from taskdash.domain.task import Json, Throttle
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_RETRY_AFTER_S: Final = 5.0
"""Where a 429 names no time: longer than the 1 s window, short against the 60 s one."""
MIN_RETRY_AFTER_S: Final = 1.0
MAX_RETRY_AFTER_S: Final = 3600.0

_MAX_LIMIT: Final = 10**7
_MAX_WINDOW_S: Final = 86_400
_MAX_TIER_CHARS: Final = 32
_MAX_DATE_CHARS: Final = 64


def throttle_of(headers: Mapping[str, str], data: dict[str, Json], now_s: float | None) -> Throttle:
    """Return what a 429 says. Values that make no sense (negative, words, infinite) count as not said.

    Args:
        headers: names in lower case.
        data: the body's `data`, or {}.
        now_s: Unix seconds, for a Retry-After that is a date in an answer without a Date of its own.
    """
    waits = (_seconds(data.get("retryAfter")), _header_wait_s(headers, now_s))
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


def _seconds(value: Json) -> float | None:
    found = number(value)
    return float(found) if found is not None and found >= 0 else None


def _header_wait_s(headers: Mapping[str, str], now_s: float | None) -> float | None:
    """Seconds, or an HTTP date, which is taken against the answer's own clock."""
    header = headers.get("retry-after", "")
    until_s = _date_s(header)
    if until_s is None:
        return _seconds(header)
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
