"""The store's file: made private, migrated, refused where it is not ours, its changes seen and its failures told."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.kills import stopped_holder, tells_locks

from taskdash.domain.errors import StoreError
from taskdash.domain.query import Query
from taskdash.store.edits import Added
from taskdash.store.schema import APPLICATION_ID, MIGRATIONS
from taskdash.store.store import UNSETTLED_NS, ChangeHint, Store, StoreThread

NOW_NS = 1_780_000_000_000_000_000
OLD_NS = NOW_NS - 10 * UNSETTLED_NS


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(folder: Path) -> dict[str, str]:
    """Every file with a sum of what is in it."""
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()}


def schema_of(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}


@contextmanager
def old_store(path: Path, version: int = 3) -> Iterator[sqlite3.Connection]:
    """Make a store as 1.0 made it, with the number of its version or another."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(MIGRATIONS[0][1])
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        yield connection
        connection.commit()


@pytest.fixture(autouse=True)
def ready_stores() -> None:
    """None: how one is made is shown here."""


@pytest.fixture
def open_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_a_new_store_and_its_folder_are_private_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "data" / "taskdash" / "tasks.db"
    with Store(path) as store:
        store.additions.add("p", ["task_a"], 1)
        assert {mode_of(each) for each in path.parent.iterdir()} == {0o600}
    assert mode_of(path.parent) == 0o700
    assert mode_of(path.parent.parent) == 0o700


@pytest.mark.usefixtures("open_umask")
def test_a_store_that_is_open_to_others_is_tightened_and_a_foreign_folder_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shared" / "tasks.db"
    path.parent.mkdir(mode=0o777)
    Store(path).close()
    path.chmod(0o644)
    Store(path).close()
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o777)


@pytest.mark.usefixtures("open_umask")
def test_a_link_to_a_file_that_is_not_there_yet_makes_a_private_one(tmp_path: Path) -> None:
    path, target = tmp_path / "tasks.db", tmp_path / "elsewhere.db"
    path.symlink_to(target)
    Store(path).close()
    assert path.is_symlink()
    assert mode_of(target) == 0o600


@pytest.mark.parametrize("version", [3, 7])
def test_a_store_of_an_earlier_release_is_migrated_and_one_of_no_release_recovered(
    tmp_path: Path, version: int
) -> None:
    path, fresh = tmp_path / "tasks.db", tmp_path / "fresh.db"
    with old_store(path, version) as connection:
        connection.execute(
            "INSERT INTO tasks (seq, profile, task_id, added_at_ms) VALUES (-1, 'p', 'task_old', 1)"
        )
    said: list[str] = []
    with Store(path, on_mishap=said.append) as store:
        assert [task.task_id for task in store.tasks.rows(Query("p"), 0)] == ["task_old"]
    assert ["1 task came back" in line for line in said] == [True] * (version == 7)
    Store(fresh).close()
    assert schema_of(path) == schema_of(fresh)


def test_what_1_0_knew_of_tasks_goes_on_to_count(path: Path) -> None:
    """An import of 1.0 filed the only saved result of a task, whichever it was, under 1, and without its size."""
    known: list[tuple[int, str | None, int, list[tuple[int, int | None]]]] = [
        (0, None, 0, []),
        (1, "a lot", 0, []),
        (2, "420", 3, [(1, None)]),
        (2, "0", 1, [(1, None)]),
        (3, None, 3, [(2, 7)]),
    ]
    """Names state, credits as text, results, and the numbers and sizes of those saved."""
    with old_store(path) as connection:
        for seq, (state, spent, results, saved) in enumerate(known):
            connection.execute(
                "INSERT INTO tasks (seq, profile, task_id, state, result_count, added_at_ms) "
                "VALUES (?1, 'p', 'task_' || ?1, ?2, ?3, 1)",
                (seq, state, results),
            )
            connection.execute(
                "INSERT INTO bodies (seq, raw, credits_consumed) VALUES (?, x'7b7d', ?)", (seq, spent)
            )
            rows = [(seq, n, f"/{n}", 1, size) for n, size in saved]
            connection.executemany("INSERT INTO saved VALUES (?, ?, ?, ?, ?)", rows)
    with Store(path) as store:
        tasks = store.tasks.rows(Query("p"), 0)
        saved_of = store.saved.of(range(5))
    path_of_1_0 = "/api/v1/jobs/recordInfo"
    assert [task.record_path for task in tasks] == [None, *[path_of_1_0] * 4]
    assert [task.credits for task in tasks] == [None, None, 420, 0, None]
    assert [task.saved_count for task in tasks] == [0, 0, 0, 1, 1]
    assert {seq: [*files] for seq, files in saved_of.items()} == {3: [1], 4: [2]}


def test_the_database_of_another_program_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="another program"):
        Store(path)
    assert contents(tmp_path) == before


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path)


@tells_locks
def test_who_has_a_store_locked_and_is_stopped_is_named(path: Path) -> None:
    with Store(path, busy_timeout_s=0.1) as store:
        with (
            stopped_holder(path) as pid,
            pytest.raises(StoreError, match=f"process {pid} holds it.*kill -CONT {pid}$"),
        ):
            store.tasks.rows(Query("p"), 0)
        assert store.tasks.rows(Query("p"), 0) == []


@tells_locks
def test_what_only_reads_reads_past_a_stopped_process_what_was_there_before(path: Path) -> None:
    ids = [f"task_{n:032}" for n in range(500)]
    with Store(path) as store:
        store.additions.add("p", ids, 1)
        size = path.stat().st_size
    told: list[str] = []
    reader = Store(path, busy_timeout_s=10, on_mishap=told.append, only_reads=True)
    with reader, stopped_holder(path, "IMMEDIATE") as pid:
        assert path.stat().st_size > size, "half of the change is written"
        rows = reader.tasks.rows(Query("p"), 0)
        assert [(row.task_id, row.model) for row in rows] == [(each, None) for each in ids]
        assert [f"kill -CONT {pid}" in line for line in told] == [True]
        copied = Path(reader.connection.execute("PRAGMA database_list").fetchone()[2])
        assert copied.parent != path.parent
    assert not copied.parent.exists()


def test_waiting_for_a_lock_can_be_interrupted(path: Path) -> None:
    with Store(path) as holder:
        waiting = StoreThread(path, "waiting")
        with holder.writing():
            started = threading.Event()
            began = waiting.submit(lambda _: started.set())
            add = waiting.submit(lambda store: store.additions.add("p", ["task_a"], 1))
            began.result(5)
            began_s = time.monotonic()
            waiting.interrupt()
            assert isinstance(add.exception(5), StoreError)
            assert time.monotonic() - began_s < 2
            waiting.close()
        assert holder.additions.listed("p", ["task_a"]) == set()


def add_one(n: int, store: Store) -> Added:
    return store.additions.add("p", [f"task_{n}"], 1)


def test_closing_a_store_thread_finishes_what_was_submitted_and_may_be_repeated(path: Path) -> None:
    store = StoreThread(path, "store")
    added = [store.submit(partial(add_one, n)) for n in range(20)]
    store.close()
    store.close()
    assert [each.result(0).added for each in added] == [(f"task_{n}",) for n in range(20)]


@pytest.fixture
def file(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("taskdash.store.store.time.time_ns", lambda: NOW_NS)
    path.write_bytes(b"1")
    os.utime(path, ns=(OLD_NS, OLD_NS))
    return path


def exchange(file: Path) -> None:
    other = file.with_name("other.db")
    other.write_bytes(b"1")
    other.replace(file)


@pytest.mark.parametrize("change", [Path.touch, lambda file: file.write_bytes(b"22"), exchange])
def test_a_file_that_rests_is_asked_once_until_its_time_size_or_number_changes(
    file: Path, change: Callable[[Path], object]
) -> None:
    hint = ChangeHint(file)
    assert [hint.may_have_changed() for _ in range(3)] == [True, False, False]
    change(file)
    os.utime(file, ns=(OLD_NS, OLD_NS + (change is Path.touch)))
    assert [hint.may_have_changed() for _ in range(3)] == [True, False, False]
    file.unlink()
    assert [hint.may_have_changed() for _ in range(3)] == [True] * 3


@pytest.mark.parametrize("age_ns", [0, UNSETTLED_NS - 1, -UNSETTLED_NS])
def test_a_file_written_just_now_or_in_the_future_is_asked_again_and_again(file: Path, age_ns: int) -> None:
    os.utime(file, ns=(OLD_NS, NOW_NS - age_ns))
    hint = ChangeHint(file)
    assert all(hint.may_have_changed() for _ in range(3))
