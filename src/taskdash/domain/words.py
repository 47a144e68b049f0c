"""Puts durations, moments, states and expiry into words, alike in the dashboard and on the command line.

Gateways count the life of result links from the end of a task. If that is unknown, createTime plus costTime is used, or
else the time when the end was noticed, which may be later; expiry is then given as "about".
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import State, Task
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NONE: Final = "–"
"""Shown for an unknown value."""
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_DECIMAL_BELOW_MS: Final = 9_950

REMOVED: Final = "The gateway has removed the result"
NO_MODEL: Final = "unknown"
"""The group of tasks whose model is unknown."""
NO_LABEL: Final = "without a label"
NO_REASON: Final = "no reason given"
SYMBOLS: Final = {State.NEW: "○", State.WAITING: "◐", State.SUCCESS: "✓", State.FAIL: "×"}
LONGEST_NOTICE_MS: Final = 86_400_000
USUAL_LIFE_MS: Final = 86_400_000
"""The lifetime of links at most gateways, assumed where only some links state theirs."""
_BARS: Final = "▁▂▃▄▅▆▇█"


def plural(count: int, noun: str) -> str:
    """Return `1 task`, `2 tasks`, `12,345 tasks`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def size_words(size: int) -> str:
    """Return a number of bytes as `7 B`, `2 KiB`, `3.0 MiB` or `5.00 GiB`."""
    if size < 1_024:
        return f"{size} B"
    if size < 1_048_576:
        return f"{size / 1_024:.0f} KiB"
    return f"{size / 2**20:.1f} MiB" if size < 2**30 else f"{size / 2**30:.2f} GiB"


def nearest(word: str, names: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the name most like an unknown one, which may have been meant; None if none is similar."""
    # Imported late: few commands are given a wrong name.
    import difflib

    return next(iter(difflib.get_close_matches(word, list(names), n=1, cutoff=likeness)), None)


def bars(counts: Sequence[int]) -> str:
    """Return a bar chart of counts, one cell each, scaled to the highest; a dot for 0."""
    highest = max(counts, default=0)
    return "".join(_BARS[max(0, math.ceil(count * 8 / highest) - 1)] if count else "·" for count in counts)


# Durations and amounts: everywhere but in JSON and CSV


def duration(ms: float | None, *, measured: bool = False) -> str:
    """Return a duration in its largest unit and the next smaller one: `0s`, `34s`, `2m`, `1m52s`, `21h37m`, `3d4h`.

    A measured one, which does not change while it is on screen, is rounded instead of truncated, and has a decimal
    below 10 s: `0.4s`, `4.2s`.
    """
    if ms is None:
        return NONE
    if measured and ms < _DECIMAL_BELOW_MS:
        return f"{max(0.0, ms) / 1000:.1f}".removesuffix(".0") + "s"
    return "".join(_parts(int(ms // 1000 + (measured and ms % 1000 >= 500))))


def age(ms: float | None) -> str:
    """Return an age in one unit: `now`, `8s`, `2m`, `21h`, `206d`; `in 5s` for the future."""
    if ms is None:
        return NONE
    if abs(ms) < 1000:
        return "now"
    words = _parts(int(abs(ms) // 1000))[0]
    return words if ms > 0 else f"in {words}"


def ago(at_ms: int | None, now_ms: int) -> str:
    """Return the age of a moment in prose: `just now`, `2m ago`; `in 5s` for the future."""
    if at_ms is None:
        return NONE
    ms = now_ms - at_ms
    return f"{age(ms)} ago" if ms >= 1000 else f"just {age(ms)}" if ms > -1000 else age(ms)


def time_left(left_ms: int) -> str:
    """Return a time left in one unit, rounded up, so that it seldom changes: `under 1m left`, `2m left`, `3h left`."""
    if left_ms < 60_000:
        return "under 1m left"
    minutes = math.ceil(left_ms / 60_000)
    return f"{minutes}m left" if minutes <= 90 else f"{math.ceil(minutes / 60)}h left"


def amount(number: float | None) -> str:
    """Return an amount of credits: `4`, `0.5`, `1,234,567.25`; – if unknown."""
    return NONE if number is None else f"{number:,.4f}".rstrip("0").rstrip(".")


def tells_seconds(now_ms: int, *moments_ms: int | None) -> bool:
    """Return whether the age of any of these moments is shown in seconds, and so changes every second."""
    return any(at_ms is not None and abs(now_ms - at_ms) < 60_000 for at_ms in moments_ms)


def _parts(seconds: int) -> list[str]:
    """Return the largest unit, and the next smaller one unless it is zero."""
    seconds = max(0, seconds)
    place = next((n for n, (_, size) in enumerate(_UNITS) if seconds >= size), len(_UNITS) - 1)
    (unit, size), *smaller = _UNITS[place : place + 2]
    parts = [f"{seconds // size}{unit}"]
    for less, less_size in smaller:
        if count := seconds % size // less_size:
            parts.append(f"{count}{less}")
    return parts


# Tasks and moments


def moment(at_ms: int | None) -> str:
    """Return an absolute local time to the second: – if unknown, ? if out of range."""
    return _written(at_ms, None, "%Y-%m-%d %H:%M:%S")


def iso_time(at_ms: int | None) -> str:
    """Return a moment in ISO 8601, in UTC: `2026-11-29T05:36:44Z`; – if unknown, ? if out of range."""
    return _written(at_ms, UTC, "%Y-%m-%dT%H:%M:%SZ")


def _written(at_ms: int | None, zone: tzinfo | None, form: str) -> str:
    if at_ms is None:
        return NONE
    try:
        return datetime.fromtimestamp(at_ms // 1000, zone).strftime(form)
    except (OverflowError, OSError, ValueError):
        return "?"


def state_word(task: Task) -> str:
    """Return the state as shown to the user: for a waiting task the API's own word, if there is one."""
    if task.state is State.WAITING and task.raw_state:
        return task.raw_state
    return task.state.value


def started_ms(task: Task) -> int:
    """Return the moment from which a waiting task's elapsed time counts."""
    return task.create_time_ms or task.added_at_ms


def waited_ms(task: Task, now_ms: int) -> int:
    """Return how long a task has waited so far, truncated to the steps in which it is shown."""
    return _in_steps(max(0, now_ms - started_ms(task)))


def _in_steps(ms: int) -> int:
    """Truncate a running time, so that it changes every 10 s after a minute, and every minute after ten."""
    return ms - ms % (1_000 if ms < 60_000 else 10_000 if ms < 600_000 else 60_000)


def duration_word(task: Task, now_ms: int) -> str:
    """Return how long a task took, or has waited so far."""
    if task.state is State.WAITING:
        return duration(waited_ms(task, now_ms))
    return duration(task.cost_time_ms, measured=True)


def reason_of(task: Task) -> str | None:
    """Return why a task failed; None if it did not, or no reason was given."""
    said = (task.fail_msg or task.fail_code) if task.state is State.FAIL else None
    return inert_line(said) if said else None


def ended_ms(task: Task) -> int | None:
    """Return when a finished task ended, or the best estimate; None if nothing is known."""
    if task.complete_time_ms is not None:
        return task.complete_time_ms
    if task.create_time_ms is not None and task.cost_time_ms is not None:
        return task.create_time_ms + task.cost_time_ms
    return task.finished_at_ms


# Expiry


class Expiry(NamedTuple):
    """Tells when the links of a result expire."""

    at_ms: int
    is_rough: bool = False
    """Whether it is computed from an estimated end of the task."""
    life_ms: int | None = None
    """Their total lifetime, if they state their own expiry; None if the profile's lifetime applies."""

    def left_ms(self, now_ms: int) -> int:
        """Return the time left; 0 or less for dead links."""
        return self.at_ms - now_ms

    def is_soon(self, ttl_ms: int | None, now_ms: int) -> bool:
        """Return whether it is time to save results that are not saved."""
        return 0 < self.left_ms(now_ms) < notice_ms(self.life_ms or ttl_ms or 0)


def expiry_of(task: Task, ttl_ms: int | None) -> Expiry | None:
    """Return when the links of a task expire, as they state or by the profile's lifetime; None if unknown.

    The lifetime of links that replaced earlier ones counts from the answer that brought them.
    """
    if task.state is not State.SUCCESS or not task.result_count:
        return None
    since_ms = ended_ms(task) if task.renewed_at_ms is None else task.renewed_at_ms
    if (own_ms := task.result_expires_at_ms) is not None:
        return Expiry(own_ms, life_ms=max(0, own_ms - since_ms) if since_ms is not None else None)
    if ttl_ms is None or since_ms is None:
        return None
    return Expiry(since_ms + ttl_ms, task.renewed_at_ms is None and task.complete_time_ms is None)


def are_links_dead(task: Task, ttl_ms: int | None, now_ms: int) -> bool:
    """Return whether the gateway has removed a task's results, or their links have expired."""
    expiry = expiry_of(task, ttl_ms)
    return task.purged or (expiry is not None and expiry.left_ms(now_ms) <= 0)


def is_renewed(before: Task, task: Task, ttl_ms: int | None, now_ms: int) -> bool:
    """Return whether an answer brought other links, or the same ones with a longer life."""
    is_other = task.renewed_at_ms != before.renewed_at_ms
    return is_other or (task.result_count > 0 and not are_links_dead(task, ttl_ms, now_ms))


def notice_ms(ttl_ms: int) -> int:
    """Return how long before expiry the user is warned: a quarter of the links' life, a day at most."""
    return min(ttl_ms // 4, LONGEST_NOTICE_MS)


def countdown(expiry: Expiry, now_ms: int) -> str:
    """Return `expires in 3h12m`, `expires in about 40s`, `expired 2d3h ago`."""
    left_ms = expiry.left_ms(now_ms)
    words = ("about " if expiry.is_rough else "") + duration(_in_steps(max(1000, abs(left_ms))))
    return f"expires in {words}" if left_ms > 0 else f"expired {words} ago"


def short_countdown(expiry: Expiry, now_ms: int) -> str:
    """Return a countdown for a column: `3h12m`, `~40s`, `expired`."""
    left_ms = expiry.left_ms(now_ms)
    if left_ms <= 0:
        return "expired"
    return ("~" if expiry.is_rough else "") + duration(_in_steps(max(1000, left_ms)))


def filter_of(ttl_ms: int) -> str:
    """Return the filter for unsaved results about to expire, as typed in the filter box."""
    return f"expires:<{duration(max(1_000, notice_ms(ttl_ms)))} saved:no"
