"""Every call that can fail, failed once: no traceback, nothing lost, and no exit of 0 where the work was not done."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.bodies import saved_name
from tests.command import Command
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


@pytest.fixture
def api() -> Iterator[FilesApi]:
    """Serves results too."""
    with FilesApi() as server:
        yield server


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


def tortured(taskdash: Command, prepared: Path, *, every_call: bool) -> list[dict[str, Any]]:
    cases = []
    for arguments, kinds in COMMANDS.values():
        options = ["--store", "{folder}/tasks.db"]
        if "--config" not in arguments:
            options += ["--config", "{folder}/config.toml"]
        chosen = dict.fromkeys(KINDS, 1) if every_call else kinds
        cases.append({"prepared": str(prepared), "arguments": [*options, *arguments], "kinds": chosen})
    work = json.dumps({"folder": str(taskdash.folder / "tortured"), "cases": cases, "all": every_call})
    line = [sys.executable, str(Path(__file__).parents[1] / "torture.py")]
    done = taskdash.run(line, stdin=work, timeout_s=3_000)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def wrong(result: dict[str, Any]) -> str:
    """What must not be; "" where all is well."""
    text = result["out"] + result["err"]
    if "Traceback" in text or "error of taskdash itself" in text or result["code"] in (-9, 99):
        return "crashed"
    if result["whole"] != "ok":
        return "left a list that is not whole"
    name, listed = result["command"][4], set(result["listed"])
    gone = {*LISTED, SAVED} - listed - ({LISTED[0]} if name == "remove" else set())
    acknowledged = set(result["out"].split()) if name == "add" else set()
    if gone or acknowledged - listed:
        return f"lost {gone | acknowledged - listed}"
    if result["code"]:
        return "" if result["err"].strip() else "failed without a word"
    done: dict[str, Callable[[], bool]] = {
        "add": lambda: NEW in listed,
        "list": lambda: set(LISTED) <= set(result["out"].split()),
        "remove": lambda: LISTED[0] not in listed,
        "import": lambda: {NEW, FINISHED} <= listed,
        "export": lambda: all(task_id in result["out"] for task_id in LISTED),
        "pick": lambda: result["picked"] == 1,
        "sheet": lambda: result["files"].get("sheet.html", 0) > 100,
        "show": lambda: json.loads(result["out"])["taskId"] == LISTED[0],
        "download": lambda: result["files"].get(f"saved/{saved_name(SAVED)}", 0) >= len(PNG),
        "config": lambda: result["files"].get("config/first.toml", 0) > 100,
    }
    return "" if name not in done or done[name]() else "said that it worked"


def test_every_call_that_can_fail_may_fail_once(taskdash: Command, prepared: Path, long: bool) -> None:
    results = tortured(taskdash, prepared, every_call=long)
    assert sum(result["fired"] for result in results) >= (300 if long else 25)
    bad = [
        f"{' '.join(result['command'][4:])}, {result['kind']} {result['n']}: {said}: "
        f"exit {result['code']}, {result['err'].strip()[-300:]}"
        for result in results
        if (said := wrong(result))
    ]
    assert not bad, "\n".join(bad[:40])


SPOILT: Final = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.torture import Torture
Torture({kind!r}, {n}, Path({folder!r})).install()
"""
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
    root = str(Path(__file__).parents[2])
    spoilt_by = SPOILT.format(root=root, kind=kind, n=n, folder=str(prepared))
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
