"""A list at a glance: what it comes to, read without a write, whatever else is going on with its file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.kills import stopped_holder, tells_locks
from tests.store_lists import NOW, added, recorded

from taskdash.domain.errors import StoreError
from taskdash.domain.task import State
from taskdash.store import store as module
from taskdash.store.store import Glance, Store, glance

DAY_MS = 86_400_000
LISTED = Glance({State.NEW: 1, State.WAITING: 1, State.SUCCESS: 2, State.FAIL: 1}, 14.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A list in all states, whose tasks have cost something today and before."""
    path = tmp_path / "list" / "tasks.db"
    with Store(path) as store:
        added(store, "new")
        recorded(store, added(store, "waiting"), State.WAITING)
        recorded(store, added(store, "today"), credits=12, create_time_ms=NOW)
        recorded(store, added(store, "long ago"), credits=100, create_time_ms=NOW - 9 * DAY_MS)
        recorded(store, added(store, "charged"), State.FAIL, credits=2.5)
        recorded(store, added(store, "other", "q"), credits=7, create_time_ms=NOW)
        removed = recorded(store, added(store, "removed"), credits=50, create_time_ms=NOW)
        store.edits.remove([removed.seq], NOW)
    return path


@pytest.fixture
def kept(path: Path) -> Iterator[Path]:
    """The same, which a test must leave as it is, and its folder."""

    def files() -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in path.parent.iterdir()}

    before = files()
    yield path
    assert files() == before


def test_it_has_the_counts_and_what_the_tasks_since_then_have_cost(kept: Path) -> None:
    path = kept
    assert glance(path, "p", NOW - DAY_MS) == LISTED
    assert glance(path, "q", NOW - DAY_MS) == ({State.SUCCESS: 1}, 7)
    assert glance(path, None, NOW - DAY_MS).credits == 21.5
    assert glance(path, "p", NOW - 10 * DAY_MS).credits == 114.5
    assert glance(path, "p", NOW + 1) == (LISTED.counts, None)
    assert glance(path, "nobody", 0) == ({}, None)


def test_a_list_that_is_not_there_is_empty_and_not_made(tmp_path: Path) -> None:
    assert glance(tmp_path / "none" / "tasks.db", "p", 0) == ({}, None)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty.db").touch()
    assert glance(tmp_path / "empty.db", "p", 0) == ({}, None)
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_a_list_that_somebody_writes_to_is_read(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM tasks")
        assert glance(path, "p", NOW - DAY_MS) == LISTED
        writer.execute("ROLLBACK")


@tells_locks
def test_a_list_that_a_process_has_locked_which_is_stopped_and_then_killed_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GLANCE_PATIENCE_S", 0.5)
    with stopped_holder(path):
        assert glance(path, "p", NOW - DAY_MS) == LISTED
    # What that has left half done is undone.
    assert glance(path, "p", NOW - DAY_MS) == LISTED


def test_what_is_no_list_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no list " * 1_000)
    with pytest.raises(StoreError, match="is not a taskdash store") as caught:
        glance(path, "p", 0)
    assert caught.value.code == "store_damaged"
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE counts (state)")
    with pytest.raises(StoreError, match="a database of another program"):
        glance(tmp_path / "other.db", "p", 0)
    assert path.read_text() == "no list " * 1_000
