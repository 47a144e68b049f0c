"""A watcher in virtual time, which looks whether it holds its lock at each quarter of a virtual second."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.fake_clock import World

from taskdash.store.store_file import lock_path
from taskdash.watch import peers


@pytest.fixture(autouse=True)
def locks_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No link in the path of a store leads elsewhere meanwhile: finding its lock is a fourth of a test's time."""
    monkeypatch.setattr(peers, "lock_path", cache(lock_path))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.mine.close()
