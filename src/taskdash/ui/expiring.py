"""Warns before results expire that are not saved: once for each task, over restarts too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taskdash.domain.words import countdown, expiry_of, filter_of, notice_ms
from taskdash.ui.key_names import key_name

if TYPE_CHECKING:
    from taskdash.domain.task import Task
    from taskdash.ui.desk import Desk
    from taskdash.ui.finished import Say

LOOK_EVERY_MS: Final = 30_000


class ExpiringResults:
    """What is about to expire, and the filter that shows it."""

    def __init__(self, desk: Desk, say: Say) -> None:
        self._desk = desk
        self._say = say
        self._looked_at_ms: int | None = None

    @property
    def filter_text(self) -> str | None:
        """The filter; None where nothing is known to expire."""
        ttl_ms = self._desk.result_ttl_ms
        return None if ttl_ms is None else filter_of(ttl_ms)

    @property
    def is_time(self) -> bool:
        """Whether the last look is long ago; a clock that was set back counts as that."""
        looked_ms, now_ms = self._looked_at_ms, self._desk.clock.now_ms()
        if self._desk.result_ttl_ms is None:
            return False
        return looked_ms is None or not looked_ms <= now_ms < looked_ms + LOOK_EVERY_MS

    async def warn(self) -> None:
        """Look, and tell in one line what nobody was warned of yet."""
        desk, ttl_ms = self._desk, self._desk.result_ttl_ms
        if ttl_ms is None:
            return
        self._looked_at_ms = now_ms = desk.clock.now_ms()
        dead_ms = now_ms - ttl_ms
        ended = (dead_ms, dead_ms + notice_ms(ttl_ms))
        tasks = await desk.store.run(lambda store: store.news.claim_expiring(desk.profile, ended))
        if tasks:
            self._say(self._words(tasks, ttl_ms, now_ms), "warning")

    def _words(self, tasks: list[Task], ttl_ms: int, now_ms: int) -> str:
        first = expiry_of(tasks[0], ttl_ms)
        when = countdown(first, now_ms) if first else "expires soon"
        keys = self._desk.keymap["expiring"]
        how = f": {key_name(keys[0])} shows it" if keys else ""
        if len(tasks) == 1:
            name = " ".join((tasks[0].label or tasks[0].prompt or tasks[0].task_id)[:200].split())[:60]
            return f"The result of {name} {when} and is not saved{how}"
        how = how.replace(" it", " them")
        return f"The results of {len(tasks):,} tasks expire soon and are not saved, the first {when}{how}"
