"""The lease and the processes that may hold it, with real files and processes, and what they tell of their keys."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from taskdash.domain.errors import StoreError
from taskdash.domain.secret import Secret
from taskdash.store.checks import Process
from taskdash.watch.machine import is_alive, is_stopped, this_process
from taskdash.watch.peers import Access, Lease

URL = "https://gateway.test"
HOLDER = """
import sys
from pathlib import Path
from taskdash.watch.peers import Lease

lease = Lease(Path(sys.argv[1]), sys.argv[2])
print(lease.acquire(), flush=True)
sys.stdin.read()
"""


def test_one_of_two_holds_it_until_it_lets_go(tmp_path: Path) -> None:
    first, second = Lease(tmp_path / "tasks.db", "p"), Lease(tmp_path / "tasks.db", "p")
    assert (first.acquire(), first.acquire(), second.acquire()) == (True, True, False)
    assert (first.held, second.held) == (True, False)
    first.release()
    first.release()
    assert second.acquire()
    second.release()


@pytest.mark.parametrize("other", ["q", "p.", "p_", "P"])
def test_every_profile_has_its_own(tmp_path: Path, other: str) -> None:
    first, second = Lease(tmp_path / "tasks.db", "p"), Lease(tmp_path / "tasks.db", other)
    assert first.acquire()
    assert second.acquire()
    first.release()
    second.release()


def test_a_link_to_the_store_leads_to_the_same_lease(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "tasks.db")
    first, second = Lease(tmp_path / "tasks.db", "p"), Lease(tmp_path / "link.db", "p")
    assert first.acquire()
    assert not second.acquire()
    first.release()


def _remove(folder: Path) -> None:
    for each in folder.iterdir():
        each.unlink()


def _restore(folder: Path) -> None:
    folder.rename(folder.with_name("before"))
    shutil.copytree(folder.with_name("before"), folder)


def _relink(folder: Path) -> None:
    target = folder.with_name("elsewhere")
    target.mkdir()
    folder.rename(folder.with_name("before"))
    folder.symlink_to(target)


@pytest.mark.parametrize("change", [_remove, _restore, _relink])
def test_it_is_lost_with_the_name_of_its_file(tmp_path: Path, change: Callable[[Path], None]) -> None:
    folder = tmp_path / "list"
    folder.mkdir()
    first, second = Lease(folder / "tasks.db", "p"), Lease(folder / "tasks.db", "p")
    assert first.acquire()
    change(folder)
    assert not first.held
    assert second.acquire()
    assert (first.acquire(), second.held) == (False, True)
    second.release()
    assert first.acquire()
    first.release()


def test_it_is_not_held_while_there_is_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "list"
    folder.mkdir()
    lease = Lease(folder / "tasks.db", "p")
    assert lease.acquire()
    shutil.rmtree(folder)
    assert not lease.held
    with pytest.raises(StoreError):
        lease.acquire()
    folder.mkdir()
    assert lease.acquire()
    lease.release()


def test_its_file_is_private(tmp_path: Path) -> None:
    lease = Lease(tmp_path / "tasks.db", "p")
    lease.acquire()
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}
    lease.release()


def test_a_folder_that_takes_no_lock_is_told(tmp_path: Path) -> None:
    (tmp_path / "nowhere").touch()
    with pytest.raises(StoreError, match="no lock can be made"):
        Lease(tmp_path / "nowhere" / "tasks.db", "p").acquire()


def test_it_dies_with_its_holder_and_a_stopped_holder_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), "p"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        process = Process(holder.pid, "")
        lease = Lease(path, "p")
        assert not lease.acquire()
        assert is_alive(process)
        assert not is_stopped(process)
        holder.send_signal(signal.SIGSTOP)
        until_s = time.monotonic() + 5
        while not is_stopped(process) and time.monotonic() < until_s:
            time.sleep(0.01)
        assert is_stopped(process)
        assert not lease.acquire()
        holder.kill()
        holder.wait()
        assert not is_alive(process)
        assert lease.acquire()
        lease.release()


def test_a_process_is_told_from_another_of_the_same_number() -> None:
    me = this_process()
    assert me.pid == os.getpid()
    assert is_alive(me)
    if me.started:
        assert not is_alive(Process(me.pid, "1"))
    for pid in (0, -1, 2**22 + 1, 2**70):
        assert not is_alive(Process(pid, ""))


def test_the_same_key_and_gateway_are_known_to_be_the_same_and_others_to_differ() -> None:
    told = Access(URL, Secret("sk-first-0123456789")).told()
    assert Access(URL, Secret("sk-first-0123456789")).differs_from(told) == ""
    assert Access(URL, Secret("sk-other-0123456789")).differs_from(told) == "API key"
    assert Access(f"{URL}/v2", Secret("sk-first-0123456789")).differs_from(told) == "base URL"
    assert Access(URL, None).differs_from(told) == ""


def test_what_is_told_differs_each_time_and_has_too_few_bits_to_find_a_key_by() -> None:
    key = Secret("sk-first-0123456789")
    first, second = Access(URL, key).told(), Access(URL, key).told()
    assert first["key_mark"] != second["key_mark"]
    assert len(bytes.fromhex(first["key_mark"])) <= 4
    assert key.reveal() not in str(first)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"salt": "zz", "key_mark": "00"},
        {"salt": "00" * 99, "key_mark": "00"},
        {"salt": 5, "base_url": None},
    ],
)
def test_what_an_older_or_a_broken_one_told_says_nothing(told: dict[str, object]) -> None:
    assert Access(URL, Secret("sk-first-0123456789")).differs_from(told) == ""
