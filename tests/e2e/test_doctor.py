"""`doctor` tells what is right and what is not, and what to do, whatever state things are in; it changes nothing."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.canary import KEY
from tests.command import Command
from tests.e2e.test_terminal_says_pty import PATIENT
from tests.kills import stopped_holder
from tests.servers import FakeApi, closed_port
from tests.unit.ui.test_terminal_answers import TERMINALS

DONE = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"


@pytest.fixture
def taskdash(tmp_path: Path, api: FakeApi) -> Command:
    made = Command(tmp_path / "its", api)
    # What was removed can be brought back, but is not on the list.
    made.ok("add", DONE, "task_gone_12345678")
    made.ok("remove", "task_gone_12345678")
    return made


def state_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything in a folder, with when it was written."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def examined(
    taskdash: Command, *options: str, env: dict[str, str | None] | None = None
) -> dict[str, dict[str, Any]]:
    """What it finds, by area and name; nothing was written for it."""
    before = state_of(taskdash.folder)
    done = taskdash("doctor", "--json", *options, env=env)
    assert state_of(taskdash.folder) == before
    report = json.loads(done.stdout)
    found = {f"{each['area']} {each['name']}": each for each in report["checks"]}
    wrong = [each for each in report["checks"] if each["state"] == "wrong"]
    assert report["ok"] is not bool(wrong)
    assert done.returncode == (1 if wrong else 0)
    assert all(each["next"] for each in wrong[-1:])
    assert {each["area"] for each in report["checks"]} >= {"terminal", "config", "list", "versions"}
    return found


def wrong_in(found: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, each in found.items() if each["state"] == "wrong"]


def test_where_all_is_right_it_says_so_and_tries_the_key_when_asked(taskdash: Command, api: FakeApi) -> None:
    found = examined(taskdash)
    assert wrong_in(found) == []
    assert api.requests == []
    assert found["key origin"]["value"] == "environment AIGPTIMAGE_API_KEY"
    assert str(taskdash.store) in found["list file"]["value"]
    assert found["list contents"]["value"] == "OK, 1 task"
    assert found["terminal size"]["state"] == "note"
    found = examined(taskdash, "--online")
    assert found["key online"]["value"] == "accepted by the gateway"
    assert len(api.requests) == 1
    text = taskdash("doctor")
    assert text.returncode == 0
    assert "✓ origin" in text.stdout
    assert text.stderr == "No problems found.\n"


def test_a_key_that_is_not_taken_missing_or_cannot_be_tried(taskdash: Command) -> None:
    found = examined(taskdash, "--online", env={"AIGPTIMAGE_API_KEY": f"{KEY}-not"})
    assert wrong_in(found) == ["key online"]
    assert "unauthorized" in found["key online"]["value"]
    found = examined(taskdash, "--online", env={"AIGPTIMAGE_API_KEY": None})
    assert wrong_in(found) == ["key origin"]
    assert "export AIGPTIMAGE_API_KEY=" in found["key origin"]["next"]
    taskdash.write_config(f"http://127.0.0.1:{closed_port()}")
    found = examined(taskdash, "--online")
    assert wrong_in(found) == ["key online"]
    assert "unreachable" in found["key online"]["value"]


def test_a_wrong_config_is_told_with_its_lines_and_the_rest_is_looked_at_all_the_same(
    taskdash: Command,
) -> None:
    with taskdash.config.open("a") as config:
        config.write(f'teir = "{KEY}"\nview = 1\n[keys]\nopne = "o"\n')
    found = examined(taskdash)
    assert wrong_in(found) == ["config fault"]
    assert "config edit" in found["config fault"]["next"]
    lines = [line for line in taskdash("doctor").stdout.splitlines() if " × fault" in line]
    assert ["line " in line for line in lines] == [True] * 3
    assert found["list contents"]["state"] == "ok"
    taskdash.config.write_text("[")
    assert wrong_in(examined(taskdash)) == ["config fault"]


def damage(store: Path) -> None:
    data = store.read_bytes()
    store.write_bytes(data[:4096] + os.urandom(4096) + data[8192:])


def change(sql: str) -> Callable[[Path], None]:
    def spoil(store: Path) -> None:
        with closing(sqlite3.connect(store, isolation_level=None)) as connection:
            connection.execute(sql)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (damage, "malformed"),
        (change("INSERT OR REPLACE INTO gateways (profile, watcher_pid) VALUES ('aigptimage', 'x')"), ""),
        (change("PRAGMA user_version = 9999"), "newer taskdash"),
        (lambda store: store.write_bytes(b"no database, but long enough" * 99), "not a database"),
        (lambda store: store.unlink(), ""),
        (lambda store: store.write_bytes(b""), ""),
    ],
)
def test_a_list_in_any_state_is_looked_at_and_left_alone(
    taskdash: Command, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(taskdash.store)
    found = examined(taskdash)
    assert wrong_in(found) == (["list state"] if said else [])
    assert said in (found["list state"]["value"] if said else "")


def test_what_a_killed_process_has_left_half_done_is_undone(taskdash: Command) -> None:
    with stopped_holder(taskdash.store):
        pass
    assert json.loads(taskdash.ok("doctor", "--json").stdout)["ok"]


def test_a_watcher_that_is_stopped_and_a_list_that_is_locked(taskdash: Command) -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            with closing(sqlite3.connect(taskdash.store, isolation_level=None)) as connection:
                names = "profile, watcher_pid, watcher_started, status, learned, quiet"
                values = "VALUES ('aigptimage', ?, '', '', '', '')"
                connection.execute(f"INSERT OR REPLACE INTO gateways ({names}) {values}", [sleeper.pid])
            assert examined(taskdash)["watcher process"]["value"] == f"process {sleeper.pid} is running"
            sleeper.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED | os.WNOWAIT)
            found = examined(taskdash)
            assert wrong_in(found) == ["watcher process"]
            assert found["watcher process"]["next"] == f"Resume it: kill -CONT {sleeper.pid}"
        finally:
            sleeper.kill()
    assert examined(taskdash)["watcher process"]["value"].startswith("not running: ")
    # Not by a connection of ours: SQLite's locks go with whatever reads the file in here.
    with stopped_holder(taskdash.store):
        found = examined(taskdash)
    assert wrong_in(found) == ["list state"]
    assert "locked" in found["list state"]["value"]


def test_on_a_terminal_it_says_what_that_can_and_leaves_it_as_it_was(taskdash: Command) -> None:
    said, _ = TERMINALS["kitty 0.32"]
    with taskdash.dashboard(
        "doctor", env={"COLORTERM": "truecolor"}, spoilt_by=PATIENT, columns=80
    ) as screen:
        screen.wait_for(lambda _: b"\x1b[c" in screen.raw)
        screen.send(said)
        assert screen.wait_exit() == 0
        shown = screen.wait_for("No problems found.")
        assert screen.modes_now == screen.modes_before
    for name, value in {
        "size": "80x36", "name": "kitty(0.32.2)", "colours": "16.7 million", "background": "dark",
        "pictures": "kitty graphics", "multiplexer": "none",
    }.items():  # fmt: skip
        assert any(f"✓ {name} " in line and value in line for line in shown.splitlines()), (name, shown)
    assert "rgb:" not in shown
