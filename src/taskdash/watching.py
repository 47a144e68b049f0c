"""Builds the watcher of a profile, with its store, lease, budget and gateway."""

from __future__ import annotations

import random
from concurrent.futures import CancelledError
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from taskdash.domain.budget import TIERS, Limits
from taskdash.domain.errors import StoreError
from taskdash.store.saved import gone_files
from taskdash.store.store import StoreThread
from taskdash.watch.accounts import MAX_IN_FLIGHT, WatchPolicy
from taskdash.watch.dispatch import Dispatch
from taskdash.watch.machine import Clock
from taskdash.watch.peers import Access, Lease
from taskdash.watch.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from taskdash.config.profile import Profile
    from taskdash.domain.secret import Secret


def policy_of(profile: Profile, *, scheduled: bool = True) -> WatchPolicy:
    """Return the limits that a profile sets for its checks."""
    written, tier = None, profile.tier or "free"
    if profile.per_second is not None and profile.per_minute is not None:
        written = Limits(profile.per_second, profile.per_minute)
    words = f"{tier} (assumed)" if profile.tier_assumed else tier
    return WatchPolicy(
        profile=profile.name,
        limits=written or TIERS[tier],
        share=profile.share,
        tier=None if written else words,
        written=written,
        record_paths=profile.record_paths,
        scheduled=scheduled,
    )


async def build_watcher(
    profile: Profile,
    key: Secret | None,
    store_path: Path,
    on_change: Callable[[], None],
    *,
    scheduled: bool = True,
    trust_env: bool = True,
    store: StoreThread | None = None,
) -> Watcher:
    """Return a watcher for the running event loop, with its own gateway, and its own store unless one is given."""
    clock = Clock()
    access = Access(profile.base_url, key)
    # Random numbers, to spread retries.
    dispatch = Dispatch(policy_of(profile, scheduled=scheduled), clock, random.random, access)
    gateway = None
    if key is not None:
        from taskdash.api.client import Gateway

        gateway = Gateway(
            profile.base_url,
            key,
            auth_header=profile.auth_header,
            connections=MAX_IN_FLIGHT,
            trust_env=trust_env,
        )
    watcher = Watcher(
        store=store or StoreThread(store_path, "watcher-store"),
        lease=Lease(store_path, profile.name),
        dispatch=dispatch,
        fetch=gateway.fetch_record if gateway else None,
        clock=clock,
        on_change=on_change,
        on_end=gateway.aclose if gateway else None,
    )
    if gateway is not None:
        gateway.room_for_large = watcher.room
    return watcher


def forget_gone_files(store: StoreThread) -> None:
    """Check in a thread of its own whether saved files still exist, and forget the others: slow disks take a minute.

    It uses the watcher's store, because opening another would create a new list if the file has just been deleted.
    """

    def look() -> None:
        # The store may be closed meanwhile.
        with suppress(StoreError, RuntimeError, CancelledError):
            gone = gone_files(store.submit(lambda opened: opened.saved.files()).result())
            store.submit(lambda opened: opened.saved.forget(gone)).result()

    Thread(target=look, name="saved-files", daemon=True).start()
