"""A list, a config and a look that 1.0.0 wrote are taken over, with nothing lost."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.command import Command
from tests.servers import closed_port

from taskdash.config.load import load_settings, load_view
from taskdash.config.settings import View
from taskdash.ui.keymap import make_keymap

DATA = Path(__file__).parents[1] / "data" / "release-1.0"
LISTED: list[dict[str, Any]] = json.loads((DATA / "list.json").read_text())
NOTED = "7178cfd3-258f-46b2-9ded-8a06e24e27e4"
REMOVED = "6506b146-4166-486d-b570-d6347726048d"


@pytest.fixture
def taskdash(tmp_path: Path) -> Command:
    made = Command(tmp_path)
    with closing(sqlite3.connect(made.store)) as connection:
        connection.executescript((DATA / "tasks.sql").read_text())
    made.config.write_text((DATA / "config.toml").read_text())
    made.config.chmod(0o600)
    made.env["MAIN_KEY"] = made.env.pop("AIGPTIMAGE_API_KEY")
    return made


def test_every_field_of_every_task_is_what_it_was_in_the_same_order(taskdash: Command) -> None:
    now = taskdash.json("list", "--json", "--all-profiles")
    assert [task["taskId"] for task in now] == [task["taskId"] for task in LISTED]
    for task, before in zip(now, LISTED, strict=True):
        # The files themselves are not here.
        assert task == task | before | {"saved": task["saved"]}
    assert not set(LISTED[0]) - set(now[0])
    # A copy of it as it was is kept.
    (copy,) = taskdash.folder.glob("tasks.db.copy-*")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)


def test_what_is_not_in_the_list_is_there_as_well(taskdash: Command) -> None:
    taskdash.ok("list")
    saved = sorted(path for task in LISTED for path in task["saved"])
    sql = "SELECT path FROM saved JOIN tasks USING (seq) WHERE removal = 0 ORDER BY path"
    with closing(sqlite3.connect(taskdash.store)) as connection:
        assert [path for (path,) in connection.execute(sql)] == saved
    assert taskdash.ids("--filter", "note:client") == [NOTED]
    assert len(taskdash.ids("--filter", "label:mugs", "--state", "success")) == 5
    shown = json.loads(taskdash.ok("show", NOTED, "--raw").stdout)
    assert shown["data"]["taskId"] == NOTED
    assert REMOVED not in taskdash.ids()
    assert taskdash.ids("--profile", "kie") == ["11111111-2222-4333-8444-555555555555"]


def test_the_config_is_in_force_with_every_setting(taskdash: Command) -> None:
    taskdash.ok("config", "check")
    settings = load_settings(taskdash.config, {})

    def values(where: object, names: str) -> list[object]:
        return [getattr(where, name) for name in names.split()]

    assert values(settings, "profile key_preset bell log_level download_dir on_finish open_command") == [
        "main", "vim", True, "debug", Path("/home/ada/pictures"), ("sh", "-c", "true"), ("true",),
    ]  # fmt: skip
    main, kie, other = (settings.profiles[name] for name in ("main", "kie", "other"))
    assert values(main, "base_url per_second per_minute share api_key_env result_ttl_ms allow_private") == [
        "http://127.0.0.1:42593", 20, 600, 0.8, "MAIN_KEY", 14 * 86_400_000, True,
    ]  # fmt: skip
    assert (kie.tier, kie.api_key_command) == ("pro", ("pass", "show", "kie"))
    assert (other.base_url, other.api_key is None) == ("https://gateway.example/prefix", False)
    assert values(settings.view, "columns sort detail detail_percent theme preview preview_as widths") == [
        ("state", "label", "checked", "note", "id", "results", "saved", "expires"), "-cost", "below", 40, "nord", False,
        "blocks", {"label": 40, "id": 12},
    ]  # fmt: skip
    # Keys that an action of today has by itself stay with the one that they were given to.
    keys = make_keymap(settings.key_preset, settings.keys, taskdash.config)
    assert (keys["expiring"], keys["larger_detail"], keys["preview_next"]) == (("m",), ("left",), ())


def test_the_look_is_remembered() -> None:
    view = load_view(DATA / "view.toml", View())
    assert (view.columns, view.sort, view.detail_percent) == (("label", "state", "id"), "cost", 45)
    assert (view.theme, view.widths) == ("gruvbox", {"label": 50})


def test_the_dashboard_opens_on_it(taskdash: Command) -> None:
    text = taskdash.config.read_text()
    taskdash.config.write_text(text.replace(":42593", f":{closed_port()}"))
    with taskdash.dashboard() as screen:
        screen.wait_for("mugs, mat…")
        screen.wait_for("Tasks 1–")
        screen.quit()
