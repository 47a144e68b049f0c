"""A store that is damaged or exchanged under taskdash: set aside, recovered, and said."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from tests.store_lists import added, detail_of, ids, recorded

from taskdash.domain.batches import Way
from taskdash.domain.errors import StoreChangedError, StoreError
from taskdash.domain.query import Query
from taskdash.domain.task import State, Task, Verdict
from taskdash.store.store import Store
from taskdash.store.store_file import copies_of, keep_copy

PAGE: Final = 4_096
IDS: Final = [f"task_{n:012d}" for n in range(300)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store of 300 tasks with labels, some of them removed."""
    path = tmp_path_factory.mktemp("sound") / "tasks.db"
    with Store(path) as store:
        store.additions.add("p", IDS, 1, label="nightly")
        removed = store.tasks.find("p", IDS[7])
        store.edits.remove([removed.seq], 2)
    return path.read_bytes()


def set_aside(path: Path, what: str = "corrupt") -> list[Path]:
    found = path.parent.glob(f"{path.name}.{what}-*")
    return sorted(each for each in found if not each.name.endswith("-journal"))


def zeroed(page: int) -> Callable[[bytes], bytes]:
    return lambda data: data[: (page - 1) * PAGE] + bytes(PAGE) + data[page * PAGE :]


def renumbered(data: bytes) -> bytes:
    """Give a store the number of another program: SQL can still read it all."""
    return data[:68] + b"none" + data[72:]


def spoil(path: Path, damage: Callable[[bytes], bytes] = renumbered) -> None:
    path.write_bytes(damage(path.read_bytes()))


def restored(store: Store) -> set[str]:
    assert store.value("PRAGMA integrity_check") == "ok"
    assert store.additions.add("p", ["task_later"], 3).added == ("task_later",)
    tasks = store.tasks.rows(Query("p"), 0)
    assert len(tasks) == sum(store.tasks.counts(Query("p"), 0).values())
    return {task.task_id for task in tasks} - {"task_later"}


DAMAGES: Final[dict[str, tuple[Callable[[bytes], bytes], int]]] = {
    "no header": (lambda data: bytes(100) + data[100:], 0),
    "another magic": (lambda data: b"SQLite format 9\0" + data[16:], 0),
    "no first page": (zeroed(1), 0),
    "no page of the list": (zeroed(2), 299),
    "the last pages are gone": (lambda data: data[: -3 * PAGE], 150),
    "another program's number": (renumbered, 299),
    "nothing": (lambda _: b"", 0),
}
"""Each with how many of 299 tasks SQL can read of it at least."""


@pytest.mark.parametrize("is_copied", [True, False])
@pytest.mark.parametrize(("damage", "least"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_store_is_set_aside_and_sql_and_the_newest_copy_give_its_tasks_back(
    path: Path, sound: bytes, damage: Callable[[bytes], bytes], least: int, *, is_copied: bool
) -> None:
    path.write_bytes(sound)
    with Store(path) as store:
        if is_copied:
            keep_copy(path)
        store.additions.add("p", ["task_after_the_copy"], 3)
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    said: list[str] = []
    with Store(path, on_mishap=said.append) as store:
        found = restored(store)
        labels = {store.tasks.find("p", each).label for each in found & {*IDS} - {IDS[7]}}
    # What only an index still knows has lost its label.
    assert labels <= ({"nightly"} if is_copied else {"nightly", None})
    # Nothing comes back that was removed, but where all that says so is lost.
    found -= {IDS[7], "task_after_the_copy"}
    assert len(found) >= (299 if is_copied else least)
    assert found <= set(IDS)
    [aside] = set_aside(path)
    assert aside.read_bytes() == damaged
    assert aside.stat().st_mode & 0o077 == 0
    assert [aside.name in line and "came back" in line for line in said] == [True]


def test_what_was_removed_since_the_copy_does_not_come_back(path: Path, sound: bytes) -> None:
    path.write_bytes(sound)
    with Store(path) as store:
        keep_copy(path)
        gone = [store.tasks.find("p", each).seq for each in IDS[20:30]]
        store.edits.remove(gone, 3)
    spoil(path)
    with Store(path) as store:
        assert restored(store) == set(IDS) - {IDS[7], *IDS[20:30]}


def test_the_same_copy_serves_again(path: Path) -> None:
    with Store(path) as store:
        store.additions.add("p", ["task_old"], 1)
        store.keep_copy()
    for damage, _ in (DAMAGES["no header"], DAMAGES["no page of the list"]):
        spoil(path, damage)
        with Store(path) as store:
            task = store.tasks.find("p", "task_old")
            assert task.added_at_ms == 1


def test_a_copy_of_a_list_that_was_deleted_is_not_taken_for_one_of_the_new_list(path: Path) -> None:
    with Store(path) as store:
        store.additions.add("p", ["task_a", "task_b", "task_c"], 1)
        store.keep_copy()
    path.unlink()
    with Store(path) as store:
        store.additions.add("p", ["task_new"], 1)
    spoil(path)
    with Store(path) as store:
        assert restored(store) == {"task_new"}


def test_a_damaged_copy_is_passed_over(path: Path, sound: bytes) -> None:
    path.write_bytes(sound)
    for _ in range(2):
        keep_copy(path)
    copies_of(path)[0].write_bytes(b"nothing of use")
    path.write_bytes(bytes(100) + sound[100:])
    with Store(path) as store:
        assert restored(store) == set(IDS) - {IDS[7]}


def test_an_empty_file_that_was_never_a_store_is_not_set_aside(path: Path) -> None:
    said: list[str] = []
    path.touch()
    Store(path, on_mishap=said.append).close()
    assert (said, set_aside(path)) == ([], [])


LINKS: Final = tuple(f"https://a.example/{n}.png" for n in range(1, 4))


def test_records_are_saved_too_and_one_that_is_lost_is_asked_for_again(path: Path) -> None:
    with Store(path) as store:
        kept, lost = (recorded(store, added(store, name), result_urls=LINKS) for name in ("task_a", "task_b"))
        store.write("DELETE FROM bodies WHERE seq = ?", [(lost.seq,)])
    spoil(path)
    with Store(path) as store:
        assert detail_of(store, "task_a").result_urls == LINKS
        assert store.tasks.counts(Query("p"), 0)[State.SUCCESS] == 2
        assert [task.seq for task in store.checks.asked("p", 9)] == [lost.seq]
        assert store.tasks.find("p", "task_a").seq == kept.seq


def test_a_record_that_is_lost_comes_from_the_copy_and_nothing_is_told_again(path: Path) -> None:
    with Store(path) as store:
        task = judged(store)
        store.keep_copy()
        assert store.news.claim_next("p", Way.SCREEN) == task.seq
        root = root_of(store, "bodies")
    spoil(path, zeroed(root))
    with Store(path) as store:
        # Found when it is read.
        assert detail_of(store, task.task_id).result_urls == LINKS
        assert store.checks.asked("p", 9) == []
        assert not store.news.is_any("p", Way.SCREEN)
    assert len(set_aside(path)) == 1


def root_of(store: Store, table: str) -> int:
    return int(store.value("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]))


def judged(store: Store) -> Task:
    """Put a task on the list of which all is known that can be lost, and return it."""
    task = recorded(store, added(store, "task_judged", label="nightly"), State.WAITING)
    task = recorded(store, task, State.SUCCESS, result_urls=LINKS)
    store.saved.keep(task.seq, 2, Path("/saved/2.png"), 7, 5, "2" * 64)
    store.verdicts.give([(task.seq, 2, Verdict.PICKED), (task.seq, 3, Verdict.REJECTED)], 6)
    return store.tasks.find("p", "task_judged")


def assert_judged(store: Store, *, unseen: int) -> None:
    task = store.tasks.find("p", "task_judged")
    assert store.verdicts.of([task.seq]) == {task.seq: {2: Verdict.PICKED, 3: Verdict.REJECTED}}
    assert (task.saved_count, task.picked_count, task.rejected_count) == (1, 1, 1)
    assert ids(store, "picked:yes rejected:yes") == ["task_judged"]
    assert [found.n for found in store.saved.results_with("2" * 64)] == [2]
    assert store.news.unseen("p") == unseen


@pytest.mark.parametrize("lost", [None, "saved", "contents", "verdicts", "tasks"])
def test_verdicts_contents_and_what_is_unseen_come_back_from_the_list_or_else_from_the_copy(
    path: Path, lost: str | None
) -> None:
    with Store(path) as store:
        judged(store)
        added(store, "task_other")
        store.keep_copy()
        recorded(store, recorded(store, store.tasks.find("p", "task_other"), State.WAITING))
        root = root_of(store, lost) if lost else None
    spoil(path)
    if root:
        spoil(path, zeroed(root))
    with Store(path) as store:
        assert_judged(store, unseen=1 if lost == "tasks" else 2)


@pytest.mark.parametrize("lost", ["saved", "verdicts"])
def test_a_task_counts_no_verdicts_or_files_that_are_lost(path: Path, lost: str) -> None:
    with Store(path) as store:
        judged(store)
        root = root_of(store, lost)
    spoil(path)
    spoil(path, zeroed(root))
    with Store(path) as store:
        task = store.tasks.find("p", "task_judged")
        kept = (0, 1, 1) if lost == "saved" else (1, 0, 0)
        assert (task.saved_count, task.picked_count, task.rejected_count) == kept


def test_a_rollback_that_is_left_to_do_is_no_damage(path: Path) -> None:
    with Store(path) as store:
        store.additions.add("p", IDS, 1)
        with store.writing() as connection:
            connection.execute("PRAGMA cache_size=1")
            connection.execute("UPDATE tasks SET prompt = hex(randomblob(400))")
            other = path.with_name("killed") / "tasks.db"
            other.parent.mkdir()
            for end in ("", "-journal"):
                shutil.copy(f"{path}{end}", f"{other}{end}")
    said: list[str] = []
    with Store(other, on_mishap=said.append) as store:
        assert ids(store) == IDS
        assert store.value("SELECT count(*) FROM tasks WHERE prompt IS NOT NULL") == 0
    assert said == []


def test_a_file_that_was_never_a_store_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 9)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="--store"):
        Store(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("notes.txt.corrupt")] == []


def test_many_that_meet_one_damaged_store_mend_it_once(path: Path, sound: bytes) -> None:
    path.write_bytes(sound)
    keep_copy(path)
    path.write_bytes(bytes(100) + sound[100:])
    errors: list[str] = []
    acknowledged: set[str] = set()

    def work(number: int) -> None:
        try:
            with Store(path) as store:
                acknowledged.update(store.additions.add("p", [f"task_of_{number}"], number).added)
        except StoreError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # On a slow machine one may have to give way to the others; it is told then.
    assert [error for error in errors if "locked" not in error] == []
    assert acknowledged
    with Store(path) as store:
        assert acknowledged <= set(ids(store))
        assert len(ids(store)) == 299 + len(acknowledged)
    assert len(set_aside(path)) == 1


def test_what_a_killed_process_had_begun_to_recover_is_begun_anew(path: Path, sound: bytes) -> None:
    path.write_bytes(sound)
    keep_copy(path)
    path.write_bytes(bytes(100) + sound[100:])
    path.with_name("tasks.db.recovered.part").write_bytes(b"half")
    # It may have been killed just before the new store took the name.
    path.with_name("tasks.db.corrupt-20260101-000000").hardlink_to(path)
    with Store(path) as store:
        assert restored(store) == set(IDS) - {IDS[7]}
    assert len(set_aside(path)) == 1
    assert not path.with_name("tasks.db.recovered.part").exists()


def test_a_write_that_went_into_a_file_without_a_name_is_not_acknowledged(path: Path) -> None:
    with Store(path) as store:
        store.additions.add("p", ["task_a"], 1)

        def write() -> None:
            with store.writing() as connection:
                connection.execute("UPDATE tasks SET label = 'x'")
                path.rename(path.with_name("away.db"))

        with pytest.raises(StoreChangedError):
            write()
        assert store.additions.add("p", ["task_b"], 1).added == ("task_b",)
        assert ids(store) == ["task_b"]
