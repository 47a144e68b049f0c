"""Times, lengths and states in words: the same in the dashboard and on the command line."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Final

from taskdash.domain.task import State, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE: Final = "–"
"""Stands for what is not known."""
NO_MODEL: Final = "not known yet"
"""What tasks are counted under whose model no answer has told."""
SYMBOLS: Final = {State.NEW: "○", State.WAITING: "◐", State.SUCCESS: "✓", State.FAIL: "×"}
_BARS: Final = "▁▂▃▄▅▆▇█"
_STEPS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def length(ms: int | None) -> str:
    """A measured length of time: `0.4 s`, `32.2 s`, `2 min 05 s`, `1 h 12 min`."""
    if ms is None:
        return NONE
    seconds = ms / 1000
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def span(ms: int | None) -> str:
    """A length of time in one unit, for a narrow column: `0s`, `45s`, `3m`, `2h`, `206d`."""
    if ms is None:
        return NONE
    seconds = max(0, ms // 1000)
    for unit_s, unit in _STEPS:
        if seconds >= unit_s:
            return f"{seconds // unit_s}{unit}"
    return "0s"


def rough(seconds: float) -> str:
    """A length of time that is only estimated: `40 s`, `12 min`, `2.5 h`, `3 days`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{round(seconds / 86_400)} days"


def elapsed(ms: int) -> str:
    """Return a length of time that is still growing: `34s`, `1m50s`, `12m`, `21h37m`, `3d4h`.

    It changes once a second under a minute, every 10 s under ten minutes, then every minute and every hour.
    """
    seconds = max(0, ms // 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours}h"
    if hours:
        return f"{hours}h{minutes:02d}m"
    if minutes >= 10:
        return f"{minutes}m"
    return f"{minutes}m{seconds // 10 * 10:02d}s" if minutes else f"{seconds}s"


def ago(at_ms: int | None, now_ms: int) -> str:
    """How long ago, for a column: `just now`, `3m ago`; `in 5s` for what the clock says is still to come."""
    if at_ms is None:
        return NONE
    difference = now_ms - at_ms
    if difference < -999:
        return f"in {span(-difference)}"
    return "just now" if difference < 1000 else f"{span(difference)} ago"


def tells_seconds(now_ms: int, *moments_ms: int | None) -> bool:
    """Return whether the age of any of these moments is told in seconds, and so reads otherwise every second."""
    return any(at_ms is not None and abs(now_ms - at_ms) < 60_000 for at_ms in moments_ms)


def moment(at_ms: int | None) -> str:
    """An absolute local time to the second, or – where it is not known.

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
    """The state as the user is shown it: the API's own word where it says more than `waiting`."""
    if task.state is State.WAITING and task.raw_state:
        return task.raw_state
    return task.state.value


def started_ms(task: Task) -> int:
    """From when a waiting task's elapsed time counts."""
    return task.create_time_ms or task.added_at_ms


def ended_ms(task: Task) -> int | None:
    """When a finished task ended, as well as that is known; None where it is not at all."""
    if task.complete_time_ms is not None:
        return task.complete_time_ms
    if task.create_time_ms is not None and task.cost_time_ms is not None:
        return task.create_time_ms + task.cost_time_ms
    return task.finished_at_ms


def bars(counts: Sequence[int]) -> str:
    """Counts as a row of bars as high as they are, one cell each; a dot for none."""
    highest = max(counts, default=0)
    return "".join(_BARS[max(0, math.ceil(count * 8 / highest) - 1)] if count else "·" for count in counts)


def plural(count: int, noun: str) -> str:
    """`1 task`, `2 tasks`, `12,345 tasks`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
