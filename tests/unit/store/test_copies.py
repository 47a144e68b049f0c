"""A copy of the list is kept each day that it is in use, and before its file is laid out anew."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path
from typing import Final

import pytest

from taskdash.domain.errors import StoreError
from taskdash.domain.query import Query
from taskdash.store import schema
from taskdash.store.schema import MIGRATIONS
from taskdash.store.store import Store, StoreThread
from taskdash.store.store_file import COPIES_KEPT, COPY_EVERY_S, copies_of, keep_copy

OLD: Final = Path(__file__).parents[2] / "data" / "stores" / "release-1.0.db"
"""Holds a list of three tasks, one finished, as taskdash 1.0 left it."""


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def old(path: Path) -> Path:
    return Path(shutil.copy(OLD, path))


def test_a_change_that_fails_leaves_the_file_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(old)
    (*before_it, (version, script)) = MIGRATIONS
    broken = (*before_it, (version, f"{script}\nINSERT INTO nowhere VALUES (1);"))
    monkeypatch.setattr(schema, "MIGRATIONS", broken)
    with pytest.raises(StoreError, match="nowhere"):
        Store(old)
    assert digest(old) == before
    monkeypatch.undo()
    Store(old).close()


def test_nothing_is_changed_where_no_copy_can_be_made(old: Path) -> None:
    before = digest(old)
    old.with_name("tasks.db.copy.part").mkdir()
    with pytest.raises(StoreError):
        Store(old)
    assert digest(old) == before


def test_the_newest_copies_are_kept(old: Path) -> None:
    for _ in range(COPIES_KEPT + 2):
        keep_copy(old)
    assert [stat.S_IMODE(each.stat().st_mode) for each in copies_of(old)] == [0o600] * COPIES_KEPT
    oldest = copies_of(old)[-1]
    keep_copy(old)
    assert len(copies_of(old)) == COPIES_KEPT
    assert oldest not in copies_of(old)


def test_a_list_in_use_is_copied_once_a_day(path: Path) -> None:
    def use(task_id: str) -> None:
        store = StoreThread(path, "store")
        for n in range(3):
            store.submit(lambda each, n=n: each.additions.add("p", [f"{task_id}_{n}"], 1)).result(10)  # type: ignore[misc]
        store.close()

    use("task_a")
    [first] = copies_of(path)
    use("task_b")
    assert copies_of(path) == [first]
    before = first.stat().st_mtime - COPY_EVERY_S
    os.utime(first, (before, before))
    use("task_c")
    [newest, other] = copies_of(path)
    assert other == first
    with Store(newest) as copy:
        assert copy.additions.listed("p", ["task_b_2"]) == {"task_b_2"}


def test_who_only_reads_makes_no_copy(path: Path) -> None:
    Store(path).close()
    store = StoreThread(path, "store")
    store.submit(lambda each: each.tasks.seqs(Query("p"), 0)).result(10)
    store.close()
    assert copies_of(path) == []


def test_a_damaged_list_does_not_take_the_place_of_a_sound_copy(path: Path) -> None:
    with Store(path) as store:
        store.additions.add("p", [f"task_{n}" for n in range(500)], 1)
        with path.open("r+b") as file:
            file.seek(40 * 4_096)
            file.write(bytes(4_096))
        store.keep_copy()
    assert [each.name for each in path.parent.iterdir() if ".copy" in each.name] == []
