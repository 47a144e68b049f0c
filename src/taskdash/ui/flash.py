"""Which rows have just been changed by somebody else: they are drawn apart for a moment, once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskdash.domain.task import Task

FLASH_S: Final = 1.0
SIGN: Final = "»"
"""Stands in the margin of such a row: no colour says it alone."""


class Flash:
    """The rows that are drawn apart now."""

    def __init__(self) -> None:
        self.seqs: set[int] = set()

    def take(self, before: Iterable[Task], after: Iterable[Task]) -> set[int]:
        """The rows that begin to flash.

        Args:
            before: The tasks that stood on the screen, or near it.
            after: Those that are to stand on it, as others have left them.
        """
        known = {task.seq: task for task in before}
        changed = {
            task.seq
            for task in after
            if (old := known.get(task.seq)) is not None and old != task and _settled(old) != _settled(task)
        }
        changed -= self.seqs
        self.seqs |= changed
        return changed

    def fade(self, seqs: set[int]) -> None:
        """Those are drawn as usual again."""
        self.seqs -= seqs


def _settled(task: Task) -> Task:
    """A task without what every check changes: a check that brings nothing new is no news."""
    return replace(task, checked_at_ms=None, next_check_at_ms=None, asked_at_ms=None, checks=0, misses=0)
