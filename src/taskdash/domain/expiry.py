"""When the links of a result die, and how to say so. Pure: the task, the gateway's `result_ttl` and the time in.

Gateways count from the end of a task. Where that is not known it is taken from createTime and costTime, else from
when the end was seen, which may be later: then it is said as "about".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskdash.domain.task import State
from taskdash.domain.words import ended_ms

if TYPE_CHECKING:
    from taskdash.domain.task import Task

LONGEST_NOTICE_MS: Final = 86_400_000
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Expiry:
    """The moment a result's links die."""

    at_ms: int
    is_rough: bool = False
    """The end of the task is only known about."""

    def left_ms(self, now_ms: int) -> int:
        """How long they still live; 0 or less where they are dead."""
        return self.at_ms - now_ms

    def is_soon(self, ttl_ms: int, now_ms: int) -> bool:
        """Whether it is time to save what is not saved."""
        return 0 < self.left_ms(now_ms) < notice_ms(ttl_ms)


def expiry_of(task: Task, ttl_ms: int | None) -> Expiry | None:
    """When the links of a task die; None where it has none, or nobody knows."""
    at_ms = ended_ms(task)
    if ttl_ms is None or at_ms is None or task.state is not State.SUCCESS or not task.result_count:
        return None
    return Expiry(at_ms + ttl_ms, task.complete_time_ms is None)


def notice_ms(ttl_ms: int) -> int:
    """How long before the end one is warned: a quarter of the links' life, a day at most."""
    return min(ttl_ms // 4, LONGEST_NOTICE_MS)


def countdown(expiry: Expiry, now_ms: int) -> str:
    """`expires in 3 h 12 min`, `expires in about 40 s`, `expired 2 d 3 h ago`."""
    left_ms = expiry.left_ms(now_ms)
    about = "about " if expiry.is_rough else ""
    if left_ms > 0:
        return f"expires in {about}{_two_units(left_ms)}"
    return f"expired {about}{_two_units(-left_ms)} ago"


def short_countdown(expiry: Expiry, now_ms: int) -> str:
    """For a column: `3h 12min`, `~40s`, `expired`."""
    left_ms = expiry.left_ms(now_ms)
    if left_ms <= 0:
        return "expired"
    parts = _parts(left_ms)
    return ("~" if expiry.is_rough else "") + " ".join(f"{count}{unit}" for count, unit in parts)


def filter_of(ttl_ms: int) -> str:
    """The filter for what is about to expire and not saved, as it is typed."""
    seconds = max(1, notice_ms(ttl_ms) // 1_000)
    unit, size = next(
        (unit, size) for unit, size in (("h", 3_600), ("m", 60), ("s", 1)) if seconds % size == 0
    )
    return f"expires:<{seconds // size}{unit} saved:no"


def _two_units(ms: int) -> str:
    return " ".join(f"{count} {unit}" for count, unit in _parts(ms))


def _parts(ms: int) -> list[tuple[int, str]]:
    """A length of time in its largest unit, and the next one down to minutes; rounded down."""
    seconds = max(1, ms // 1_000)
    for place, (unit, size) in enumerate(_UNITS):
        count, rest = divmod(seconds, size)
        if count:
            parts = [(count, unit)]
            if unit in ("d", "h"):
                next_unit, next_size = _UNITS[place + 1]
                parts += [(rest // next_size, next_unit)] if rest // next_size else []
            return parts
    raise AssertionError("there is at least a second")
