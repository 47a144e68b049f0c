"""Failed tasks grouped by reason: what their messages have in common once what differs from task to task is left out.

Each reason can say itself as a filter, so that what is counted can be looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.failures import FailureClass, classify

if TYPE_CHECKING:
    from collections.abc import Iterable

HOLE: Final = "…"
"""Stands in a message for what differs from task to task."""
_LEAST_PIECE_CHARS: Final = 3
_MAX_PIECES: Final = 4
_MAX_CHARS: Final = 400

# Links; words of 8 characters or more with a digit in them (IDs, hashes, dates, times, addresses); long or broken
# numbers. Short whole numbers stay: "status 400" and "status 500" are two reasons.
_VARYING = re.compile(
    r"https?://\S+|\b(?=[\w.:+-]*\d)[\w+-][\w.:+-]{6,}\w\b|\b\d{4,}\b|\b\d+[.,]\d+\b", re.IGNORECASE
)
# White space other than one blank counts as such: the filter matches texts as they are.
_ODD_SPACE = re.compile(r"\s{2,}|[^\S ]")


class FailedTasks(NamedTuple):
    """Failed tasks whose answers say the same, as the store counts them."""

    fail_code: str | None
    fail_msg: str | None
    raw_state: str | None
    tasks: int
    newest_seq: int
    newest_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why some tasks failed."""

    failure_class: FailureClass
    fail_code: str | None
    message: str | None
    """The message with `HOLE` for what differs; None where the answers give none."""
    count: int
    newest_seq: int
    """The newest task that failed for this reason."""
    newest_at_ms: int

    @property
    def filter_text(self) -> str:
        """A filter that shows the tasks of this reason, in the language of `domain.query`."""
        if self.message is None and self.fail_code is None:
            return "state:fail reason:none"
        words = ["state:fail", class_filter(self.failure_class)]
        return " ".join([*words, *(f'failure:"{piece}"' for piece in self._pieces())])

    def _pieces(self) -> list[str]:
        """Texts that every failure of this reason has. A quote ends one: the filter has no way to write it."""
        said = f"{self.fail_code or ''} {self.message or ''}"
        found = [piece.strip() for piece in re.split(f'[{HOLE}"]', said)]
        long = sorted((piece for piece in found if len(piece) >= _LEAST_PIECE_CHARS), key=len, reverse=True)
        return long[:_MAX_PIECES]


def class_filter(failure_class: FailureClass) -> str:
    """The filter word for everything that failed of one class."""
    return f"reason:{failure_class.value.replace(' ', '-')}"


def reasons(failed: Iterable[FailedTasks]) -> list[Reason]:
    """Group by class, code and message; the class with the most tasks first, in it the commonest reason."""
    groups: dict[tuple[FailureClass, str | None, str | None], list[FailedTasks]] = {}
    for some in failed:
        failure_class = classify(some.fail_code, some.fail_msg, some.raw_state)
        key = (failure_class, some.fail_code or None, _pattern(some.fail_msg))
        groups.setdefault(key, []).append(some)
    found = [_reason(*key, group) for key, group in groups.items()]
    of_class: dict[FailureClass, int] = {}
    for reason in found:
        of_class[reason.failure_class] = of_class.get(reason.failure_class, 0) + reason.count
    found.sort(
        key=lambda each: (
            -of_class[each.failure_class],
            each.failure_class,
            -each.count,
            each.message or "",
            each.fail_code or "",
        )
    )
    return found


def _reason(
    failure_class: FailureClass, fail_code: str | None, message: str | None, group: list[FailedTasks]
) -> Reason:
    newest = max(group, key=lambda some: (some.newest_at_ms, -some.newest_seq))
    return Reason(
        failure_class=failure_class,
        fail_code=fail_code,
        message=message,
        count=sum(some.tasks for some in group),
        newest_seq=newest.newest_seq,
        newest_at_ms=newest.newest_at_ms,
    )


def _pattern(message: str | None) -> str | None:
    if not message or not message.strip():
        return None
    holed = _VARYING.sub(HOLE, _ODD_SPACE.sub(HOLE, message[:_MAX_CHARS]))
    return re.sub(f"{HOLE}(?: ?{HOLE})+", HOLE, holed)
