"""The list's file: killed, full, read-only, damaged, newer, locked, shared, deleted, and clocks that jump."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import resource
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from PIL import Image
from tests.command import Command, Done
from tests.fake_clock import most_within
from tests.files_api import FilesApi
from tests.kills import JUDGE, assert_whole, killed_writers
from tests.pictures import encoded
from tests.pty_screen import PtyScreen
from tests.servers import FakeApi, Reply, success_body, waiting_body
from tests.store_lists import added, recorded

from taskdash.cli.process import exit_code_of
from taskdash.store.store import Store

IDS: Final = [f"task_{number:012d}" for number in range(200)]
NO_TRACEBACK: Final = "Traceback"
UNPRIVILEGED: Final = [] if os.geteuid() else ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
"""What takes from root the right to ignore permissions."""


def spoilt(taskdash: Command, code: str, *arguments: str, stdin: str = "") -> Done:
    """Run a command after some Python that changes what it finds."""
    done = taskdash.after(code)(*arguments, stdin=stdin, timeout_s=60)
    assert NO_TRACEBACK not in done.stderr
    return done


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def set_aside(taskdash: Command, what: str = "corrupt") -> list[Path]:
    found = taskdash.folder.glob(f"tasks.db.{what}-*")
    return sorted(each for each in found if not each.name.endswith("-journal"))


def more_than(api: FakeApi, count: int) -> bool:
    return api.count() > count


def is_whole(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")


def wait_for_rows(screen: PtyScreen, count: int) -> None:
    screen.wait_for(f"All {count}")


# S1, SIGKILL:


@pytest.mark.row("S1")
def test_no_acknowledged_id_is_lost_to_kills(tmp_path: Path, long: bool) -> None:
    path = tmp_path / "tasks.db"
    acknowledged = killed_writers(path, 200 if long else 12)
    assert_whole(path, acknowledged)


@pytest.mark.row("S1")
def test_a_killed_command_has_added_all_or_nothing(taskdash: Command, long: bool) -> None:
    chance = random.Random(5)  # noqa: S311 - the same moments in every run, more or less
    for turn in range(40 if long else 3):
        wanted = [f"task_{turn}_{number:08d}" for number in range(50)]
        adding = taskdash.start("add", *wanted)
        time.sleep(chance.uniform(0, 0.03))
        adding.kill()
        said = adding.communicate(timeout=10)[0].splitlines()
        there = set(taskdash.ids()).intersection(wanted)
        assert there in (set(), set(wanted))
        assert set(said) <= there
    assert is_whole(taskdash.store)


@pytest.mark.row("S1")
def test_a_kill_leaves_the_verdicts_that_one_key_gave_or_those_before(tmp_path: Path, long: bool) -> None:
    path, steps = tmp_path / "tasks.db", ["picked", "rejected", "None"]
    with Store(path) as store:
        for task_id in IDS[:40]:
            recorded(store, added(store, task_id), result_urls=("https://a.example/1", "https://a.example/2"))
    for turn in range(60 if long else 4):
        *_, last = killed_writers(path, 1, JUDGE, seed=turn)
        with Store(path) as store:
            assert store.value("PRAGMA integrity_check") == "ok"
            kinds = store.rows("SELECT verdict, count(*) FROM verdicts GROUP BY verdict")
            [counts] = store.rows("SELECT DISTINCT picked_count, rejected_count FROM tasks")
        # What was acknowledged is there, or what was given next.
        known = (last, steps[(steps.index(last) + 1) % 3])
        assert (kinds, counts) in [
            ([(verdict, 80)] * (verdict != "None"), (2 * (verdict == "picked"), 2 * (verdict == "rejected")))
            for verdict in known
        ]


# S2, power:


@pytest.mark.row("S2")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace shows what is synced; it is not installed")
def test_an_id_is_on_the_disk_before_it_is_acknowledged(taskdash: Command) -> None:
    taskdash("add", "task_before")
    trace = taskdash.folder / "trace"
    calls = "trace=openat,write,pwrite64,fsync,fdatasync,ftruncate"
    subprocess.run(
        ["strace", "-f", "-y", "-qq", "-e", calls, "-o", str(trace), *taskdash.line("add", "task_synced")],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=taskdash.environment(),
        check=True,
        timeout=60,
    )
    lines = trace.read_text("utf-8", "replace").splitlines()

    def last(call: str, file: str) -> int:
        found = [
            n for n, line in enumerate(lines) if re.search(rf" {call}\(\d+<[^>]*{re.escape(file)}>", line)
        ]
        assert found, (call, file)
        return found[-1]

    acknowledged = next(n for n, line in enumerate(lines) if " write(1" in line and "task_synced" in line)
    written, synced = last("pwrite64", "/tasks.db"), last("f(?:data)?sync", "/tasks.db")
    journal_synced = last("f(?:data)?sync", "/tasks.db-journal")
    # The way back is on the disk before the list is changed, the change before anybody is told.
    first_written = next(
        n for n, line in enumerate(lines) if re.search(r" pwrite64\(\d+<[^>]*/tasks\.db>", line)
    )
    assert any(
        re.search(r" f(?:data)?sync\(\d+<[^>]*/tasks\.db-journal>", line) for line in lines[:first_written]
    )
    assert written < synced < acknowledged
    assert journal_synced < acknowledged


# S3, no room:


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 400 kB."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=True)


@pytest.mark.row("S3")
def test_a_full_disk_fails_loud_and_what_is_listed_stays(taskdash: Command) -> None:
    with small_disk(taskdash.folder / "small") as disk:
        taskdash.store = disk / "tasks.db"
        taskdash.ok("add", *IDS[:5])
        filler = disk / "filler"
        with filler.open("wb") as file:
            room = os.statvfs(disk)
            file.write(bytes(room.f_bavail * room.f_bsize - 8_192))
        done = taskdash("add", "-", stdin="\n".join(f"task_{n:030d}" for n in range(800)))
        assert (done.returncode, done.stdout) == (6, "")
        assert "full" in done.stderr
        assert NO_TRACEBACK not in done.stderr
        assert taskdash.ids() == IDS[:5]
        filler.unlink()
        taskdash.ok("add", "task_later")
        assert len(taskdash.ids()) == 6
        assert is_whole(taskdash.store)


@pytest.mark.row("S3")
def test_a_disk_with_room_for_a_result_alone_keeps_that_whole(taskdash: Command, api: FilesApi) -> None:
    noise = random.Random(3).randbytes(600 * 600)  # noqa: S311 - the same in every run
    picture = encoded(Image.frombytes("L", (600, 600), noise))
    with small_disk(taskdash.folder / "small") as disk:
        api.file = picture
        taskdash.write_config(api.url, top=f'download_dir = "{disk}"\nsidecar = true\nembed = true')
        param = json.dumps({"model": "m", "input": {"prompt": "fox " * 15_000}})
        api.set(IDS[0], success_body(IDS[0], [f"{api.url}/files/1"], param=param))
        taskdash.ok("add", IDS[0])
        taskdash.ok("check", IDS[0])
        done = taskdash.ok("download", IDS[0])
        [saved] = disk.iterdir()
        assert done.stdout == f"{saved}\n"
        assert saved.read_bytes() == picture
        for lacking in ("metadata", "a sidecar"):
            assert f"saved without {lacking}: " in done.stderr
        assert taskdash.ok("which", str(saved)).stdout == f"{saved}\t{IDS[0]}:1\tlist\n"


@pytest.mark.row("S3")
def test_a_dashboard_without_room_says_so_and_goes_on_when_there_is_some(
    taskdash: Command, api: FakeApi, long: bool
) -> None:
    for task_id in IDS[:3]:
        api.set(task_id, waiting_body(task_id))
    taskdash("add", *IDS[:3])
    # Python would go on with the cut files that it keeps of modules.
    with taskdash.dashboard(spoilt_by="import sys; sys.dont_write_bytecode = True") as screen:
        screen.wait_for(lambda text: text.count("◐ waiting") >= 3)
        # Checks that are under way when there is no room any more.
        for task_id in IDS[:3]:
            api.set(task_id, Reply(200, waiting_body(task_id), delay_s=1.5))
        asked = api.count()
        screen.send("R")
        api.wait_for(partial(more_than, api, asked + 2))
        limits = resource.prlimit(screen.pid, resource.RLIMIT_FSIZE)
        # Not one page more may be written to any file.
        resource.prlimit(screen.pid, resource.RLIMIT_FSIZE, (1_024, limits[1]))
        screen.send("r", shows="cannot be used")
        screen.send("j", shows="Nothing is checked")
        screen.paste(f"{IDS[10]}\n", shows="1 new")
        screen.send("\r")
        # What was pasted is still there to be added.
        screen.wait_for(lambda text: "Not added" in text and "1 new" in text)
        resource.prlimit(screen.pid, resource.RLIMIT_FSIZE, limits)
        screen.send("\r")
        wait_for_rows(screen, 4)
        if long:  # the watcher lets it be for ever longer, up to 8 s
            screen.wait_for(lambda text: "Nothing is checked" not in text, 30)
        screen.quit()
    assert taskdash.ids() == [IDS[10], *IDS[:3]]
    assert is_whole(taskdash.store)


@pytest.mark.row("S3")
def test_a_limit_on_file_sizes_fails_loud(taskdash: Command) -> None:
    taskdash("add", *IDS[:3])
    size = taskdash.store.stat().st_size
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    done = spoilt(taskdash, code, "add", *(f"task_{n:030d}" for n in range(800)))
    assert (done.returncode, done.stdout) == (6, "")
    assert taskdash.ids() == IDS[:3]
    assert is_whole(taskdash.store)


# S4, read-only:


@pytest.mark.row("S4")
def test_a_read_only_folder_is_read_and_writing_is_refused(taskdash: Command, api: FakeApi) -> None:
    api.set(IDS[0], waiting_body(IDS[0]))
    folder = taskdash.folder / "shelf"
    taskdash.store = folder / "tasks.db"
    taskdash("add", *IDS[:2])
    # Another writer is about: its journal is beside the file.
    for each in folder.iterdir():
        each.chmod(0o400)
    folder.chmod(0o500)

    def run(*arguments: str) -> Done:
        return taskdash.run([*UNPRIVILEGED, *taskdash.line(*arguments)], timeout_s=60)

    try:
        done = run("list", "--ids")
        assert (done.returncode, done.stdout.split()) == (0, IDS[:2]), done.stderr
        for arguments in (("add", "task_new"), ("check",), ("wait", IDS[0], "--timeout", "3")):
            done = run(*arguments)
            assert done.returncode == 6, (arguments, done)
            assert "read-only" in done.stderr
            assert NO_TRACEBACK not in done.stderr
        with taskdash.dashboard(within=UNPRIVILEGED) as screen:
            wait_for_rows(screen, 2)
            screen.wait_for("read-only")
            screen.send("?", shows="Help")
            screen.send("\x1b", shows=lambda text: "Help" not in text)
            screen.quit()
    finally:
        folder.chmod(0o700)


# S5, damage:


DAMAGES: Final[dict[str, Callable[[bytes], bytes]]] = {
    "no header": lambda data: bytes(100) + data[100:],
    "cut in the middle of a page": lambda data: data[: len(data) - 5_000],
    "a page of zeros": lambda data: data[:4_096] + bytes(4_096) + data[8_192:],
    "nothing at all": lambda _: b"",
}


@pytest.mark.row("S5")
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_set_aside_and_the_copy_and_what_can_be_read_come_back(
    taskdash: Command, api: FakeApi, kind: str
) -> None:
    taskdash("add", "--label", "nightly", *IDS)
    api.set(IDS[0], waiting_body(IDS[0]))
    # Whatever watches keeps a copy of the day.
    taskdash.ok("check", IDS[0])
    taskdash("add", "task_after_the_copy")
    damaged = DAMAGES[kind](taskdash.store.read_bytes())
    taskdash.store.write_bytes(damaged)
    done = taskdash("list", "--ids")
    assert done.returncode == 0
    found = done.stdout.split()
    assert [each for each in found if each != "task_after_the_copy"] == IDS
    [aside] = set_aside(taskdash)
    assert aside.read_bytes() == damaged
    assert aside.stat().st_mode & 0o077 == 0
    assert done.stderr.count("\n") == 1
    assert f"{len(found)} tasks came back" in done.stderr
    assert aside.name in done.stderr
    if kind == "a page of zeros":
        assert "task_after_the_copy" in found
    taskdash.ok("add", "task_later")
    assert taskdash("list", "--ids").stderr == ""


@pytest.mark.row("S5")
def test_damage_under_an_open_dashboard_is_said_and_mended(taskdash: Command) -> None:
    taskdash("add", *IDS)
    with taskdash.dashboard() as screen:
        wait_for_rows(screen, len(IDS))
        screen.wait_for(lambda _: set_aside(taskdash, "copy"))
        with taskdash.store.open("r+b", buffering=0) as file:
            # A write that is under way may put the page back that this spoils.
            screen.wait_for(lambda _: os.pwrite(file.fileno(), bytes(100), 0) and set_aside(taskdash), 20)
        screen.wait_for(lambda text: "was damaged" in text and "corrupt-" in text)
        wait_for_rows(screen, len(IDS))
        taskdash("add", "task_later")
        wait_for_rows(screen, len(IDS) + 1)
        screen.quit()
    assert len(set_aside(taskdash)) == 1


@pytest.mark.row("S5")
def test_a_flipped_bit_anywhere_loses_nothing_that_was_copied(
    taskdash: Command, capsys: pytest.CaptureFixture[str], long: bool
) -> None:
    taskdash("add", "--label", "nightly", *IDS[20:120])
    copy = taskdash.store.read_bytes()
    taskdash("add", "--label", "nightly", *IDS[:20])
    sound = taskdash.store.read_bytes()
    store = taskdash.folder / "flipped" / "tasks.db"

    def run(*arguments: str) -> tuple[int, str]:
        code = exit_code_of(["--store", str(store), *arguments])
        out, said = capsys.readouterr()
        # Damage that SQLite does not notice may hide one ID from who looks for it.
        assert code in ((0, 3, 6) if arguments[0] == "show" else (0, 6)), (offset, said)
        assert NO_TRACEBACK not in said, offset
        assert "error of taskdash itself" not in said, offset
        return code, out

    for offset in range(3, len(sound), len(sound) // (1_200 if long else 40) | 1):
        shutil.rmtree(store.parent, ignore_errors=True)
        store.parent.mkdir()
        flipped = bytearray(sound)
        flipped[offset] ^= 1 << offset % 8
        store.write_bytes(flipped)
        store.with_name("tasks.db.copy-20260101-000000").write_bytes(copy)
        run("list", "--json")
        code, text = run("list", "--ids")
        run("list", "--filter", "nothing")
        run("show", IDS[119])
        files = list(store.parent.glob("tasks.db*"))
        assert bytes(flipped) in [each.read_bytes() for each in files], (
            f"{offset}: the damaged file is not kept"
        )
        if code == 0:
            # Where SQLite notices nothing the file stays as it is, with all that is in it.
            lost = set(IDS[20:120]) - set(text.split())
            assert not lost or not any("corrupt" in each.name for each in files), (offset, sorted(lost)[:5])
            code, _ = run("add", "task_added")
            assert code or "task_added" in run("list", "--ids")[1], offset


# S6, a newer version:


@pytest.mark.row("S6")
def test_a_file_of_a_newer_version_is_refused_and_unchanged(taskdash: Command) -> None:
    taskdash("add", *IDS[:3])
    with closing(sqlite3.connect(taskdash.store)) as connection:
        connection.execute("PRAGMA user_version = 4711").close()
    before = {each.name: digest(each) for each in taskdash.folder.iterdir() if each.is_file()}
    for words in ("list", "list --json", "add task_new", f"wait {IDS[0]}", "export", "stats"):
        done = taskdash(*words.split())
        said = json.loads(done.stdout)["error"]["code"] if "--json" in words else done.stdout
        assert (done.returncode, said) == (6, "store_newer" if "--json" in words else "")
        assert "newer taskdash" in done.stderr
        assert done.stderr.count("\n") == 1
    assert taskdash("wait", IDS[0], "--json").stdout == "[]\n"
    with taskdash.dashboard() as screen:
        assert screen.wait_exit() == 6
        assert "newer taskdash" in screen.text.replace("\n", "")
    assert {each.name: digest(each) for each in taskdash.folder.iterdir() if each.is_file()} == before


# S7, locked:


@pytest.mark.row("S7")
def test_a_locked_list_ends_a_command_and_not_the_dashboard(
    taskdash: Command, api: FakeApi, long: bool
) -> None:
    for task_id in IDS[:2]:
        api.set(task_id, waiting_body(task_id))
    taskdash("add", *IDS[:2])
    quick = "" if long else "import taskdash.cli.process as s; s.PATIENCE_S = 0.5"
    with taskdash.dashboard() as screen:
        screen.wait_for(lambda text: text.count("◐ waiting") >= 2)
        with taskdash.locked():
            began_s = time.monotonic()
            done = spoilt(taskdash, quick, "add", "task_refused")
            assert (done.returncode, done.stdout) == (6, "")
            assert "locked" in done.stderr
            screen.wait_for("locked the list")
            # Keys that need the list do not hold up those that do not.
            screen.send("rR")
            screen.send("?")
            asked_s = time.monotonic()
            screen.wait_for("Help", 5)
            assert time.monotonic() - asked_s < 3
            screen.send("\x1b", shows=lambda text: "Help" not in text)
            screen.paste(f"{IDS[9]}\n", shows="1 new")
            screen.send("\r")
            while time.monotonic() - began_s < (29 if long else 0):
                time.sleep(1)
                screen.send("?")
                screen.wait_for("Help", 5)
                screen.send("\x1b", shows=lambda text: "Help" not in text)
        wait_for_rows(screen, 3)
        screen.wait_for(lambda text: "locked the list" not in text)
        screen.quit()
    assert taskdash.ids() == [IDS[9], *IDS[:2]]


def printed(screen: PtyScreen) -> list[str]:
    """The lines that were written once the terminal was given back."""
    return screen.raw.rpartition(b"\x1b[?1049l")[2].decode().splitlines()


@pytest.mark.row("S7")
def test_all_that_a_locked_list_has_not_taken_is_told_when_one_leaves(taskdash: Command) -> None:
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(5_000)]
    with taskdash.dashboard() as screen:
        screen.wait_for("No tasks yet")
        taskdash.wait_until_watched(screen)
        with taskdash.locked():
            screen.paste("\n".join(ids), shows="5,000 new")
            screen.send("\r", hides="5,000 new")
            screen.send("q")
            assert screen.wait_exit(30) == 6
        assert [line for line in printed(screen) if line in set(ids)] == ids
        assert screen.left_behind == []


@pytest.mark.row("S7")
def test_a_command_prints_the_ids_that_it_could_not_add(taskdash: Command) -> None:
    taskdash.ok("add", "task_there")
    log = "".join(f"taskId: {task_id}\n" for task_id in IDS)
    quick = "import taskdash.cli.process as s; s.PATIENCE_S = 0.5"
    for command in ("add", "import"):
        with taskdash.locked():
            done = spoilt(taskdash, quick, command, "-", stdin=log)
        assert (done.returncode, done.stdout) == (6, "")
        lines = done.stderr.splitlines()
        assert lines[0] == "taskdash: 200 IDs were not added:"
        assert lines[1:-1] == IDS
        assert "locked" in lines[-1]


# S8, many:


@pytest.mark.row("S8")
def test_two_dashboards_and_eight_commands_keep_one_budget_and_lose_no_row(
    taskdash: Command, api: FakeApi, long: bool
) -> None:
    rate, batch = 20, 1_000 if long else 20
    taskdash.write_config(api.url, per_second=rate)
    wanted = [[f"task_{number}_{n:08d}" for n in range(batch)] for number in range(8)]
    for task_id in (each for ids in wanted for each in ids):
        api.set(task_id, waiting_body(task_id))
    with taskdash.dashboard() as first, taskdash.dashboard() as second:
        for screen in (first, second):
            screen.wait_for("No tasks yet")
        adding = [taskdash.start("add", *ids) for ids in wanted]
        for process, ids in zip(adding, wanted, strict=True):
            out, talk = process.communicate(timeout=60)
            assert (process.returncode, out.splitlines()) == (0, ids), talk
        for screen in (first, second):
            screen.wait_for(f"All {8 * batch:,}", 30)
        api.wait_for(lambda: api.count() >= 2 * rate, 30)
        for screen in (first, second):
            screen.quit()
    assert most_within([request.at_s for request in api.requests], 0.99) <= rate
    listed = taskdash.ids()
    assert sorted(listed) == sorted(each for ids in wanted for each in ids)
    # Each paste stands together, in its own order.
    starts = [listed.index(ids[0]) for ids in wanted]
    assert [listed[start : start + batch] for start in starts] == wanted


# S9, deleted and replaced:


@pytest.mark.row("S9")
def test_a_list_that_is_deleted_or_replaced_under_the_dashboard_is_noticed(taskdash: Command) -> None:
    taskdash("add", *IDS[:3])
    other = taskdash.folder / "other.db"
    ours, taskdash.store = taskdash.store, other
    taskdash("add", "task_of_another_list")
    taskdash.store = ours
    with taskdash.dashboard() as screen:
        wait_for_rows(screen, 3)
        # The watcher has opened the list as well: who opens it first after this would begin a new one.
        taskdash.wait_until_watched(screen)
        ours.rename(taskdash.folder / "away.db")
        screen.wait_for("was deleted or moved away")
        screen.wait_for("No tasks yet")
        taskdash.ok("add", "task_fresh")
        wait_for_rows(screen, 1)
        ours.unlink()
        screen.wait_for("was deleted")
        screen.wait_for("No tasks yet")
        taskdash.ok("add", "task_later")
        wait_for_rows(screen, 1)
        other.replace(ours)
        screen.wait_for("was replaced")
        screen.wait_for("task_of_another_list")
        screen.quit()
    taskdash.store = taskdash.folder / "away.db"
    assert taskdash.ids() == IDS[:3]


# S10, file systems without shared memory:


@pytest.mark.row("S10")
def test_there_is_no_write_ahead_log(taskdash: Command) -> None:
    with taskdash.dashboard() as screen:
        screen.wait_for("No tasks yet")
        taskdash("add", *IDS[:3])
        wait_for_rows(screen, 3)
        names = {each.name for each in taskdash.folder.iterdir()}
        assert not {"tasks.db-wal", "tasks.db-shm"} & names
        # The file itself says which kind of log its writers and readers need.
        assert taskdash.store.read_bytes()[18:20] == b"\1\1"


# S11, clocks:


@pytest.mark.row("S11")
def test_a_clock_that_jumps_a_day_brings_neither_a_burst_nor_a_pause(
    taskdash: Command, api: FakeApi, long: bool
) -> None:
    rate = 4
    taskdash.write_config(api.url, per_second=rate)
    for task_id in IDS[:6]:
        api.set(task_id, waiting_body(task_id, createTime=time.time_ns() // 1_000_000))
    taskdash("add", *IDS[:6])
    shift = taskdash.folder / "shift"
    shift.write_text("0")
    code = (
        "import time; from pathlib import Path; real = time.time_ns; "
        f"time.time_ns = lambda: real() + int(Path({str(shift)!r}).read_text()) * 10**9"
    )
    with taskdash.dashboard(spoilt_by=code) as screen:
        screen.wait_for(lambda text: text.count("◐ waiting") >= 6)
        for seconds in (86_400, 0, -86_400, 3_600) if long else (86_400, -86_400):
            shift.with_name("next").write_text(str(seconds))
            shift.with_name("next").replace(shift)
            before = api.count()
            api.wait_for(partial(more_than, api, before + 1), 20)
        screen.quit()
    assert most_within([request.at_s for request in api.requests], 0.99) <= rate
    assert len(taskdash.ids()) == 6


# S12, no home:


@pytest.mark.row("S12")
def test_without_a_home_the_variable_is_named(taskdash: Command) -> None:
    nowhere: dict[str, str | None] = dict.fromkeys(
        f"XDG_{name}_HOME" for name in ("CONFIG", "DATA", "STATE", "CACHE")
    )
    nobody = "import pwd, os\ndef getpwuid(uid): raise KeyError(uid)\npwd.getpwuid = getpwuid"
    taskdash.first = nobody
    cases: tuple[tuple[dict[str, str | None], str], ...] = (
        ({"HOME": None}, "list"),
        ({"HOME": None}, "add task_new"),
        ({"HOME": None}, "config path"),
        ({"HOME": "not/absolute"}, "list"),
        ({"HOME": None, "XDG_DATA_HOME": "relative"}, "list"),
    )
    for variables, words in cases:
        done = taskdash.warm(["taskdash", *words.split()], env=nowhere | variables)
        assert done.returncode == 2, done
        assert "HOME" in done.stderr
        assert NO_TRACEBACK not in done.stderr
