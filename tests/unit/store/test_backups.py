"""Before the store's file is laid out anew a copy of it is put aside."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from taskdash.domain.errors import StoreError
from taskdash.domain.query import Query
from taskdash.store import schema
from taskdash.store.backups import KEPT, back_up, backups_of
from taskdash.store.migrations import APPLICATION_ID, MIGRATIONS
from taskdash.store.store import Store

OLD: Final = Path(__file__).parents[2] / "data" / "stores" / "version-1.db"
"""A list of three tasks, one finished, as the first taskdash wrote it."""


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    copy = tmp_path / "tasks.db"
    shutil.copy(OLD, copy)
    return copy


def test_a_store_of_the_first_version_is_brought_up_to_date_beside_a_copy(path: Path) -> None:
    with Store(path) as store:
        tasks = store.tasks.rows(Query("aigptimage"), 0)
        assert [(task.task_id, task.label, str(task.state)) for task in tasks] == [
            ("task_first_00000001", "old", "success"),
            ("task_first_00000002", "old", "waiting"),
            ("task_first_00000003", None, "new"),
        ]
        detail = store.tasks.detail(tasks[0].seq)
        assert detail is not None
        assert detail.result_urls == ("https://cdn.example.com/first.png",)
        assert [saved.path for saved in detail.saved] == ["/home/u/first.png"]
        assert tasks[0].saved_count == 1
    [copy] = backups_of(path)
    assert copy.name == f"tasks.db.before-{len(MIGRATIONS)}"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection, closing(sqlite3.connect(OLD)) as old:
        assert list(connection.iterdump()) == list(old.iterdump())
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_change_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(path)
    broken = (*MIGRATIONS[:2], f"{MIGRATIONS[2]}\nINSERT INTO nowhere VALUES (1);")
    monkeypatch.setattr(schema, "MIGRATIONS", broken)
    with pytest.raises(StoreError, match="nowhere"):
        Store(path)
    assert digest(path) == before
    monkeypatch.undo()
    Store(path).close()


def test_nothing_is_changed_where_no_copy_can_be_made(path: Path) -> None:
    before = digest(path)
    path.with_name(f"tasks.db.before-{len(MIGRATIONS)}.part").mkdir()
    with pytest.raises(StoreError):
        Store(path)
    assert digest(path) == before


def test_a_new_store_needs_no_copy(tmp_path: Path) -> None:
    Store(tmp_path / "tasks.db").close()
    assert backups_of(tmp_path / "tasks.db") == []


def test_the_copies_before_the_latest_changes_are_kept(path: Path) -> None:
    for version in range(8, 12):
        back_up(path, version)
    assert [each.name for each in backups_of(path)] == [f"tasks.db.before-{n}" for n in (11, 10, 9)][:KEPT]


def test_imported_files_of_which_nobody_knows_the_result_are_forgotten(tmp_path: Path) -> None:
    """Versions before this one filed the only saved result of a task under 1, whichever it was."""
    path = tmp_path / "tasks.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("".join(MIGRATIONS[:3]))
        for seq, results in ((1, 3), (2, 1), (3, 3)):
            connection.execute(
                "INSERT INTO tasks (seq, profile, task_id, state, result_count, added_at_ms) "
                "VALUES (?, 'p', ?, 2, ?, 1)",
                (seq, f"task_{seq}", results),
            )
        connection.executemany(
            "INSERT INTO saved (seq, n, path, saved_at_ms, bytes) VALUES (?, ?, ?, 1, ?)",
            [(1, 1, "/doubtful", None), (2, 1, "/all-there-is", None), (3, 2, "/ours", 7)],
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 3")
        connection.commit()
    with Store(path) as store:
        found = store.saved.of([1, 2, 3])
        assert {seq: list(files) for seq, files in found.items()} == {2: [1], 3: [2]}
        assert [task.saved_count for task in store.tasks.by_seq([1, 2, 3])] == [0, 1, 1]
