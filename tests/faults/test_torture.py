"""Every call that can fail, failed once: no traceback, nothing lost, and no exit of 0 where the work was not done."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from tests.bodies import saved_name
from tests.command import PROGRAM, Command, Done
from tests.files_api import PNG, FilesApi
from tests.servers import success_body, waiting_body
from tests.torture import KINDS

LISTED: Final = ["task_listed_00000001", "task_listed_00000002"]
NEW: Final = "task_new_00000003"
FINISHED: Final = "task_done_00000004"
SAVED: Final = "task_saved_00000005"
COMMANDS: Final[dict[str, tuple[list[str], dict[str, int]]]] = {
    "add": (["add", NEW], {"open": 1, "execute": 5, "damage": 9, "commit": 1}),
    "list": (["list", "--ids"], {"open": 1, "execute": 4, "damage": 7}),
    "check": (["check", LISTED[0]], {"connect": 1, "recv": 1, "execute": 30, "commit": 3}),
    "wait": (["wait", FINISHED], {"execute": 40, "commit": 2}),
    "download": (
        ["download", SAVED, "-o", "{folder}/saved"],
        {"open": 4, "write": 1, "fsync": 1, "rename": 1, "connect": 1, "recv": 1, "execute": 12, "commit": 1},
    ),
    "remove": (["remove", LISTED[0]], {"execute": 9, "commit": 1}),
    "import": (["import", "{folder}/list.json"], {"open": 1, "execute": 9, "commit": 1}),
    "export": (["export"], {"open": 1, "execute": 8}),
    "config init": (
        ["--config", "{folder}/config/first.toml", "config", "init"],
        {"open": 1, "write": 1, "fsync": 1, "rename": 1},
    ),
    "pick": (["pick", SAVED], {"execute": 9, "damage": 8, "commit": 1}),
    "sheet": (
        ["sheet", SAVED, "-o", "{folder}/sheet.html"],
        {"open": 2, "write": 1, "fsync": 1, "rename": 1, "recv": 1, "execute": 9},
    ),
    "which": (["which", "{folder}/list.json"], {"open": 1, "execute": 6}),
    "status": (["status"], {"execute": 6}),
    "doctor": (["doctor"], {"open": 2, "execute": 6}),
    "show": (["show", LISTED[0], "--json"], {"execute": 8}),
    "stats": (["stats"], {"execute": 8}),
}
"""Each with the calls that the short version lets fail; the long one lets fail each call of every kind."""


ROOT: Final = str(Path(__file__).parents[2])
SPOILT: Final = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.torture import Torture
Torture({kind!r}, {n}, Path({folder!r})).install()
"""


@pytest.fixture
def prepared(taskdash: Command, api: FilesApi) -> Path:
    """A folder with a list, a config and an export."""
    for task_id in LISTED:
        api.set(task_id, waiting_body(task_id))
    api.set(FINISHED, success_body(FINISHED))
    api.set(SAVED, success_body(SAVED, [f"{api.url}/files/1"]))
    folder = taskdash.folder / "prepared"
    folder.mkdir()
    taskdash.store = folder / "tasks.db"
    taskdash.ok("add", *LISTED, SAVED)
    taskdash.ok("check", SAVED)
    (folder / "list.json").write_text(json.dumps([NEW, FINISHED]))
    (folder / "config.toml").write_text(f"sidecar = true\nembed = true\n{taskdash.config.read_text()}")
    (folder / "config.toml").chmod(0o600)
    (folder / "config").mkdir(mode=0o700)
    return folder


def tortured(taskdash: Command, prepared: Path, arguments: list[str], kind: str, n: int) -> Done:
    """Run a command on a copy of the folder, with call number `n` of a kind failing."""
    folder = tortured_folder(taskdash)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(prepared, folder, symlinks=True)
    options = [] if "--config" in arguments else ["--config", "{folder}/config.toml"]
    line = ["--store", "{folder}/tasks.db", *options, *arguments]
    env = {f"XDG_{each.upper()}_HOME": f"{folder}/{each}" for each in ("config", "data", "state", "cache")}
    spoilt = taskdash.after(SPOILT.format(root=ROOT, kind=kind, n=n, folder=str(folder)))
    words = [str(PROGRAM), *(each.replace("{folder}", str(folder)) for each in line)]
    return spoilt.warm(words, env=env | {"HOME": str(folder)}, timeout_s=60)


def tortured_folder(taskdash: Command) -> Path:
    return taskdash.folder / "tortured"


def wrong(name: str, folder: Path, done: Done) -> str:
    """Return what must not be after a command of this name; "" where all is well."""
    if "Traceback" in done.stderr or "error of taskdash itself" in done.stderr:
        return "crashed"
    with closing(sqlite3.connect(folder / "tasks.db")) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            return "left a list that is not whole"
        listed = {each for (each,) in connection.execute("SELECT task_id FROM tasks WHERE removal = 0")}
        picked = connection.execute("SELECT count(*) FROM verdicts").fetchone()[0]
    gone = {*LISTED, SAVED} - listed - ({LISTED[0]} if name == "remove" else set())
    acknowledged = set(done.stdout.split()) if name == "add" else set()
    if gone or acknowledged - listed:
        return f"lost {gone | acknowledged - listed}"
    if done.returncode:
        return "" if done.stderr.strip() else "failed without a word"

    def has(path: str, size: int) -> bool:
        return (folder / path).exists() and (folder / path).stat().st_size >= size

    is_done: dict[str, Callable[[], bool]] = {
        "add": lambda: NEW in listed,
        "list": lambda: set(LISTED) <= set(done.stdout.split()),
        "remove": lambda: LISTED[0] not in listed,
        "import": lambda: {NEW, FINISHED} <= listed,
        "export": lambda: all(task_id in done.stdout for task_id in LISTED),
        "pick": lambda: picked == 1,
        "sheet": lambda: has("sheet.html", 100),
        "show": lambda: json.loads(done.stdout)["taskId"] == LISTED[0],
        "download": lambda: has(f"saved/{saved_name(SAVED)}", len(PNG)),
        "config init": lambda: has("config/first.toml", 100),
    }
    return "" if name not in is_done or is_done[name]() else "said that it worked"


def test_every_call_that_can_fail_may_fail_once(taskdash: Command, prepared: Path, long: bool) -> None:
    fired, bad = 0, []
    for name, (arguments, kinds) in COMMANDS.items():
        for kind in KINDS if long else kinds:
            for n in range(1, 1_000) if long else (kinds[kind],):
                done = tortured(taskdash, prepared, arguments, kind, n)
                if said := wrong(name, tortured_folder(taskdash), done):
                    bad.append(
                        f"{name}, {kind} {n}: {said}: exit {done.returncode}, {done.stderr.strip()[-300:]}"
                    )
                if not (tortured_folder(taskdash) / "fired").exists():
                    break
                fired += 1
    assert fired >= (300 if long else 25)
    assert not bad, "\n".join(bad[:40])


DASHBOARD: Final = {"open": 3, "fsync": 1, "rename": 1, "execute": 60, "damage": 45, "commit": 3, "recv": 1}


def test_the_dashboard_outlives_every_call_that_fails_once(
    taskdash: Command, prepared: Path, long: bool
) -> None:
    for kind in DASHBOARD if long else ("execute", "commit"):
        for n in range(1, 400, 4) if long else (DASHBOARD[kind],):
            outlive(taskdash, prepared, kind, n)
            if not (prepared / "fired").exists():
                break


def outlive(taskdash: Command, prepared: Path, kind: str, n: int) -> None:
    """Open the dashboard with call number `n` of a kind failing, use it, and find nothing lost."""
    (prepared / "fired").unlink(missing_ok=True)
    spoilt_by = SPOILT.format(root=ROOT, kind=kind, n=n, folder=str(prepared))
    with taskdash.dashboard(spoilt_by=spoilt_by) as screen:
        screen.wait_for(lambda text: "All 3" in text or "taskdash: " in text)
        if "taskdash: " in screen.text:
            # It could not begin, and said so.
            assert screen.wait_exit() in (2, 6), screen.text
        else:
            screen.send("r")
            # The look is kept in a file.
            screen.send("v", shows=lambda text: "Nothing is checked" in text or "◐ waiting" in text)
            screen.quit(timeout_s=20)
        assert "Traceback" not in screen.text
        assert "error of taskdash itself" not in screen.text
    assert {*LISTED, SAVED} <= set(taskdash.ids())
