"""What a check must buy to be sent: found anew every few seconds from all that runs and what the budget has left."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from taskdash.domain.schedule import price_for

if TYPE_CHECKING:
    from taskdash.domain.durations import Durations
    from taskdash.store.store import StoreThread
    from taskdash.watch.accounts import Accounts
    from taskdash.watch.clock import Clock

EVERY_S: Final = 2.0
MOST_TASKS: Final = 5_000
_TASKS_A_SECOND: Final = 500
"""A long list is priced less often: its price moves less."""


class Price:
    """The price of one profile's checks, in seconds of delay."""

    def __init__(self, profile: str, clock: Clock) -> None:
        self.in_s = 1.0
        self._profile = profile
        self._clock = clock
        self._renew_at_s = -math.inf

    def forget(self) -> None:
        """Find it anew at the next occasion."""
        self._renew_at_s = -math.inf

    async def renew(self, store: StoreThread, durations: Durations, accounts: Accounts) -> None:
        """Bring it up to date where it is a few seconds old."""
        now_s = self._clock.now_s()
        if now_s < self._renew_at_s:
            return
        running = await store.run(lambda store: store.checks.running(self._profile, MOST_TASKS))
        self.in_s = price_for(running, self._clock.now_ms(), durations, accounts.capacity())
        self._renew_at_s = now_s + EVERY_S + len(running) / _TASKS_A_SECOND
