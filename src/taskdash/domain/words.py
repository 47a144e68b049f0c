"""Times, lengths, states and expiry in words: the same in the dashboard and on the command line.

Gateways count the life of result links from the end of a task. Where that is not known it is taken from createTime
and costTime, else from when the end was seen, which may be later: then it is said as "about".
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import State, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE: Final = "–"
"""Stands for what is not known."""
NO_MODEL: Final = "not known yet"
"""What tasks are counted under whose model no answer has told."""
SYMBOLS: Final = {State.NEW: "○", State.WAITING: "◐", State.SUCCESS: "✓", State.FAIL: "×"}
LONGEST_NOTICE_MS: Final = 86_400_000
_BARS: Final = "▁▂▃▄▅▆▇█"
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def plural(count: int, noun: str) -> str:
    """Return `1 task`, `2 tasks`, `12,345 tasks`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def bars(counts: Sequence[int]) -> str:
    """Return counts as a row of bars as high as they are, one cell each; a dot for none."""
    highest = max(counts, default=0)
    return "".join(_BARS[max(0, math.ceil(count * 8 / highest) - 1)] if count else "·" for count in counts)


# Lengths of time


def _parts(ms: float) -> list[tuple[int, str]]:
    """A length in its largest unit and the next one, rounded down."""
    seconds = max(0, int(ms // 1000))
    place = next((n for n, (_, size) in enumerate(_UNITS) if seconds >= size), len(_UNITS) - 1)
    parts = []
    for unit, size in _UNITS[place : place + 2]:
        count, seconds = divmod(seconds, size)
        parts.append((count, unit))
    return parts


def duration(ms: float, unit_gap: str = " ") -> str:
    """Return a length in two units, or one from a minute down: `3 h 12 min`, `12 min`, `40 s`; at least a second."""
    (count, unit), *rest = _parts(max(ms, 1000))
    parts = [(count, unit), *(part for part in rest if part[0] and part[1] != "s")]
    return " ".join(f"{count}{unit_gap}{unit}" for count, unit in parts)


def length(ms: int | None) -> str:
    """Return a measured length: `0.4 s`, `32.2 s`, `2 min 05 s`, `1 h 12 min`; – where it is not known."""
    if ms is None:
        return NONE
    if ms < 99_950:
        return f"{ms / 1000:.1f} s"
    (count, unit), (rest, smaller) = _parts(round(ms, -3))
    return f"{count} {unit} {rest:02d} {smaller}"


def span(ms: int | None) -> str:
    """Return a length in one unit, for a narrow column: `0s`, `45s`, `3m`, `2h`, `206d`."""
    if ms is None:
        return NONE
    count, unit = _parts(ms)[0]
    return f"{count}{unit[0]}"


def elapsed(ms: int) -> str:
    """Return a length that is still growing: `34s`, `1m50s`, `12m`, `21h37m`, `3d4h`.

    It changes once a second under a minute, every 10 s under ten minutes, then every minute and every hour.
    """
    (count, unit), *rest = _parts(ms)
    if not rest or (unit == "min" and count >= 10):
        return f"{count}{unit[0]}"
    more, smaller = rest[0]
    more = more // 10 * 10 if unit == "min" else more
    return f"{count}{unit[0]}{more:0{1 if unit == 'd' else 2}d}{smaller[0]}"


def clock(seconds: float) -> str:
    """Return a time left as a clock shows it: `0:07`, `12:40`, `1:02:03`; at most 100 hours."""
    minutes, second = divmod(math.ceil(min(seconds, 359_999)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def ago(at_ms: int | None, now_ms: int) -> str:
    """Return how long ago, for a column: `just now`, `3m ago`; `in 5s` for what the clock says is still to come."""
    if at_ms is None:
        return NONE
    difference = now_ms - at_ms
    if difference < -999:
        return f"in {span(-difference)}"
    return "just now" if difference < 1000 else f"{span(difference)} ago"


def tells_seconds(now_ms: int, *moments_ms: int | None) -> bool:
    """Return whether the age of any of these moments is told in seconds, and so reads otherwise every second."""
    return any(at_ms is not None and abs(now_ms - at_ms) < 60_000 for at_ms in moments_ms)


# Tasks and moments


def moment(at_ms: int | None) -> str:
    """Return an absolute local time to the second, or – where it is not known.

    In the hour that a clock set back goes through twice it says its offset from UTC, too.
    """
    if at_ms is None:
        return NONE
    try:
        local = datetime.fromtimestamp(at_ms / 1000).astimezone()
        naive = local.replace(tzinfo=None)
        is_twice = naive.replace(fold=0).timestamp() != naive.replace(fold=1).timestamp()
        return local.strftime("%Y-%m-%d %H:%M:%S %z" if is_twice else "%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return "?"


def state_word(task: Task) -> str:
    """Return the state as the user is shown it: the API's own word where it says more than `waiting`."""
    if task.state is State.WAITING and task.raw_state:
        return task.raw_state
    return task.state.value


def started_ms(task: Task) -> int:
    """Return from when a waiting task's elapsed time counts."""
    return task.create_time_ms or task.added_at_ms


def ended_ms(task: Task) -> int | None:
    """Return when a finished task ended, as well as that is known; None where it is not at all."""
    if task.complete_time_ms is not None:
        return task.complete_time_ms
    if task.create_time_ms is not None and task.cost_time_ms is not None:
        return task.create_time_ms + task.cost_time_ms
    return task.finished_at_ms


# Expiry


class Expiry(NamedTuple):
    """The moment a result's links die."""

    at_ms: int
    is_rough: bool = False
    """The end of the task is only known about."""

    def left_ms(self, now_ms: int) -> int:
        """Return how long they still live; 0 or less where they are dead."""
        return self.at_ms - now_ms

    def is_soon(self, ttl_ms: int, now_ms: int) -> bool:
        """Return whether it is time to save what is not saved."""
        return 0 < self.left_ms(now_ms) < notice_ms(ttl_ms)


def expiry_of(task: Task, ttl_ms: int | None) -> Expiry | None:
    """Return when the links of a task die; None where it has none, or nobody knows."""
    at_ms = ended_ms(task)
    if ttl_ms is None or at_ms is None or task.state is not State.SUCCESS or not task.result_count:
        return None
    return Expiry(at_ms + ttl_ms, task.complete_time_ms is None)


def notice_ms(ttl_ms: int) -> int:
    """Return how long before the end one is warned: a quarter of the links' life, a day at most."""
    return min(ttl_ms // 4, LONGEST_NOTICE_MS)


def countdown(expiry: Expiry, now_ms: int) -> str:
    """Return `expires in 3 h 12 min`, `expires in about 40 s`, `expired 2 d 3 h ago`."""
    left_ms = expiry.left_ms(now_ms)
    about = "about " if expiry.is_rough else ""
    words = f"{about}{duration(abs(left_ms))}"
    return f"expires in {words}" if left_ms > 0 else f"expired {words} ago"


def short_countdown(expiry: Expiry, now_ms: int) -> str:
    """Return the same for a column: `3h 12min`, `~40s`, `expired`."""
    left_ms = expiry.left_ms(now_ms)
    if left_ms <= 0:
        return "expired"
    return ("~" if expiry.is_rough else "") + duration(left_ms, unit_gap="")


def filter_of(ttl_ms: int) -> str:
    """Return the filter for what is about to expire and not saved, as it is typed."""
    seconds = max(1, notice_ms(ttl_ms) // 1_000)
    size, unit = next(pair for pair in ((3_600, "h"), (60, "m"), (1, "s")) if seconds % pair[0] == 0)
    return f"expires:<{seconds // size}{unit} saved:no"
