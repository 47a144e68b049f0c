"""A store that is damaged or exchanged under taskdash: set aside, saved from, written back, and said."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from taskdash.domain.errors import StoreChangedError, StoreError
from taskdash.domain.query import Query
from taskdash.domain.task import State
from taskdash.store.mending import marker_of
from taskdash.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE: Final = 4_096
IDS: Final = [f"task_{n:012d}" for n in range(300)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store of 300 tasks with labels, some of them removed."""
    path = tmp_path_factory.mktemp("sound") / "tasks.db"
    with Store(path) as store:
        store.additions.add("p", IDS, 1, label="nightly")
        removed = store.tasks.find("p", IDS[7])
        store.tasks.remove([removed.seq], 2)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


def listed(store: Store) -> list[str]:
    return [task.task_id for task in store.tasks.rows(Query("p"), 0)]


def set_aside(path: Path, what: str = "corrupt") -> list[Path]:
    found = path.parent.glob(f"{path.name}.{what}-*")
    return sorted(each for each in found if not each.name.endswith("-journal"))


def zeroed(page: int) -> Callable[[bytes], bytes]:
    return lambda data: data[: (page - 1) * PAGE] + bytes(PAGE) + data[page * PAGE :]


DAMAGES: Final[dict[str, Callable[[bytes], bytes]]] = {
    "no header": lambda data: bytes(100) + data[100:],
    "another magic": lambda data: b"SQLite format 9\0" + data[16:],
    "no first page": zeroed(1),
    "no page of the list": zeroed(2),
    "a page of the list": zeroed(40),
    "the last pages are gone": lambda data: data[: -3 * PAGE],
    "another program's number": lambda data: data[:68] + b"none" + data[72:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_store_is_set_aside_and_its_tasks_are_saved(
    path: Path, sound: bytes, damage: Callable[[bytes], bytes]
) -> None:
    damaged = damage(sound)
    path.write_bytes(damaged)
    said: list[str] = []
    with Store(path, on_mishap=said.append) as store:
        was_found_at_once = bool(said)
        found = set(listed(store))
        assert store.additions.add("p", ["task_later"], 3).added == ("task_later",)
        assert store.database.value("PRAGMA integrity_check") == "ok"
        # Nothing comes back that was removed, but where all that says so is lost.
        assert found - {IDS[7]} == set(IDS) - {IDS[7]}
        labelled = sum(task.label == "nightly" for task in store.tasks.rows(Query("p"), 0))
        assert labelled >= 200
        assert len(store.tasks.rows(Query("p"), 0)) == sum(store.tasks.counts(Query("p"), 0).values())
    assert len(set_aside(path)) == len(said)
    if was_found_at_once:
        assert set_aside(path)[0].read_bytes() == damaged
        assert set_aside(path)[0].name in said[0]
        assert f"{len(found)} tasks could be read" in said[0]


def test_a_page_that_is_damaged_while_the_store_is_open_is_found_when_it_is_read(
    path: Path, sound: bytes
) -> None:
    path.write_bytes(sound)
    said: list[str] = []
    with Store(path, on_mishap=said.append) as store, path.open("r+b") as file:
        file.write(bytes(100))
        file.flush()
        store.database.connection.execute("PRAGMA cache_size=0")
        assert store.additions.add("p", ["task_later"], 3).added == ("task_later",)
        assert set(listed(store)) >= {"task_later", IDS[0], IDS[-1]}
    assert len(said) == len(set_aside(path)) == 1


def test_an_empty_file_that_once_was_a_store_is_set_aside_and_a_new_one_is_not(path: Path) -> None:
    said: list[str] = []
    path.write_bytes(b"")
    Store(path, on_mishap=said.append).close()
    assert said == []
    path.write_bytes(b"")
    Store(path, on_mishap=said.append).close()
    assert ["no task could be read" in line for line in said] == [True]
    assert [each.read_bytes() for each in set_aside(path)] == [b""]


def test_records_are_saved_too_and_one_that_is_lost_is_asked_for_again(path: Path) -> None:
    with Store(path) as store:
        store.additions.add("p", ["task_a", "task_b"], 1)
        with store.database.writing() as connection:
            connection.execute(
                "UPDATE tasks SET state = 2, checks = 1, finished_at_ms = 5, next_check_at_ms = NULL"
            )
            connection.execute(
                "INSERT INTO bodies (seq, raw, result_urls) SELECT seq, x'7b7d', '[\"https://a.example/1.png\"]' "
                "FROM tasks WHERE task_id = 'task_a'"
            )
    path.write_bytes(bytes(100) + path.read_bytes()[100:])
    with Store(path) as store:
        tasks = {task.task_id: task for task in store.tasks.rows(Query("p"), 0)}
        assert {task.state for task in tasks.values()} == {State.SUCCESS}
        detail = store.tasks.detail(tasks["task_a"].seq)
        assert detail is not None
        assert detail.result_urls == ("https://a.example/1.png",)
        assert [task.task_id for task in store.checks.asked("p", 9)] == ["task_b"]


def test_a_rollback_that_is_left_to_do_is_no_damage(path: Path) -> None:
    with Store(path) as store:
        store.additions.add("p", IDS, 1)
        with store.database.writing() as connection:
            connection.execute("PRAGMA cache_size=1")
            connection.execute("UPDATE tasks SET prompt = hex(randomblob(400))")
            other = path.with_name("killed") / "tasks.db"
            other.parent.mkdir()
            for end in ("", "-journal"):
                shutil.copy(f"{path}{end}", f"{other}{end}")
    said: list[str] = []
    with Store(other, on_mishap=said.append) as store:
        assert listed(store) == IDS
        assert store.database.value("SELECT count(*) FROM tasks WHERE prompt IS NOT NULL") == 0
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
        assert acknowledged <= set(listed(store))
        assert len(listed(store)) == 299 + len(acknowledged)
    assert len(set_aside(path)) == 1


@pytest.mark.parametrize("is_newcomer_there", [False, True])
def test_what_a_killed_process_had_begun_to_mend_is_gone_on_with(
    path: Path, sound: bytes, *, is_newcomer_there: bool
) -> None:
    aside = path.with_name("tasks.db.corrupt-1")
    aside.write_bytes(bytes(100) + sound[100:])
    marker_of(path).write_text(aside.name)
    path.with_name("tasks.db.mended.part").write_bytes(b"half")
    if is_newcomer_there:
        path.write_bytes(b"")
        path.unlink()
    with Store(path) as store:
        assert len(listed(store)) == 299
    assert not marker_of(path).exists()


@pytest.fixture
def opened(path: Path) -> Iterator[tuple[Store, list[str]]]:
    said: list[str] = []
    with Store(path, on_mishap=said.append) as store:
        store.additions.add("p", ["task_a"], 1)
        yield store, said


def test_a_deleted_store_is_written_back(path: Path, opened: tuple[Store, list[str]]) -> None:
    store, said = opened
    path.unlink()
    assert store.additions.add("p", ["task_b"], 1).added == ("task_b",)
    assert ["deleted" in line for line in said] == [True]
    with Store(path) as other:
        assert listed(other) == ["task_b", "task_a"]


def test_a_store_that_was_moved_away_is_not_written_to(path: Path, opened: tuple[Store, list[str]]) -> None:
    store, said = opened
    away = path.rename(path.with_name("away.db"))
    before = away.read_bytes()
    assert listed(store) == []
    store.additions.add("p", ["task_b"], 1)
    assert ["moved away" in line for line in said] == [True]
    assert away.read_bytes() == before
    with Store(path) as other:
        assert listed(other) == ["task_b"]


def test_what_only_the_replaced_store_knew_is_kept(path: Path, opened: tuple[Store, list[str]]) -> None:
    store, said = opened
    with Store(path.with_name("other.db")) as other:
        other.additions.add("p", ["task_c"], 1)
    path.with_name("other.db").replace(path)
    with Store(path) as fellow:
        assert listed(fellow) == ["task_c"]
    assert listed(store) == ["task_c"]
    [copy] = set_aside(path, "replaced")
    assert [copy.name in line for line in said] == [True]
    with Store(copy) as kept:
        assert listed(kept) == ["task_a"]


def test_a_store_replaced_by_one_that_has_all_of_it_leaves_no_copy(
    path: Path, opened: tuple[Store, list[str]]
) -> None:
    store, said = opened
    copy = Path(shutil.copy(path, path.with_name("copy.db")))
    copy.replace(path)
    assert listed(store) == ["task_a"]
    assert set_aside(path, "replaced") == []
    assert len(said) == 1


def test_a_write_that_went_into_a_file_without_a_name_is_not_acknowledged(path: Path) -> None:
    with Store(path) as store:
        store.additions.add("p", ["task_a"], 1)

        def write() -> None:
            with store.database.writing() as connection:
                connection.execute("UPDATE tasks SET label = 'x'")
                path.rename(path.with_name("away.db"))

        with pytest.raises(StoreChangedError):
            write()
        assert store.additions.add("p", ["task_b"], 1).added == ("task_b",)
        assert listed(store) == ["task_b"]
