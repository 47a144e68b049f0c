"""Commands whose task another process removes, adds again or finishes between any two of their reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.servers import FakeApi

from taskdash.cli.process import exit_code_of
from taskdash.store.database import Database
from taskdash.store.store import Store

GOOD = "task_good_12345678"
LINK = "https://10.0.0.1/1.png"
"""Nothing is looked up for it: a private address is refused."""
COMMANDS: dict[str, tuple[str, ...]] = {
    "show": ("show", GOOD),
    "show --json": ("show", GOOD, "--json"),
    "show --raw": ("show", GOOD, "--raw"),
    "open": ("open", GOOD, "--print"),
    "download": ("download", GOOD),
    "download --all": ("download", "--all"),
    "pick": ("pick", f"{GOOD}:1"),
    "remove": ("remove", GOOD),
    "list": ("list",),
    "list --json": ("list", "--json"),
    "list --csv": ("list", "--csv"),
    "export": ("export",),
    "stats": ("stats",),
    "wait": ("wait", GOOD, "--json"),
}


class Meanwhile:
    """Removes the task once a command has read the store so many times."""

    def __init__(self, path: Path, reads: int) -> None:
        self.path = path
        self.left = reads
        self.done = False

    def see_read(self) -> None:
        if self.done or self.left > 0:
            self.left -= 1
            return
        self.done = True
        with Store(self.path) as store:
            store.edits.remove([store.tasks.find("aigptimage", GOOD).seq], 0)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.db"
    file = tmp_path / "list.json"
    task = {
        "taskId": GOOD,
        "addedAt": 1,
        "state": "success",
        "resultUrls": [LINK],
        "costTime": 1,
        "createTime": 1,
    }
    file.write_text(json.dumps([task]))
    assert exit_code_of(["--store", str(path), "import", str(file)]) == 0
    return path


@pytest.mark.parametrize("name", COMMANDS)
def test_a_task_that_is_removed_meanwhile_is_unknown_and_nothing_else(
    name: str,
    store_path: Path,
    tmp_path: Path,
    fake_api: FakeApi,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    read = Database.rows
    happened: Meanwhile | None = None

    def rows(self: Database, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        found = read(self, sql, values)
        # Within a change of the list nobody else comes between: it would wait for the end of that.
        if happened is not None and not sql.startswith("PRAGMA") and not self.connection.in_transaction:
            happened.see_read()
        return found

    monkeypatch.setattr(Database, "rows", rows)
    monkeypatch.setenv("TASKDASH_BASE_URL", fake_api.url)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("AIGPTIMAGE_API_KEY", "key-of-the-test")
    whole = store_path.read_bytes()
    for reads in range(20):
        store_path.write_bytes(whole)
        capsys.readouterr()
        happened = Meanwhile(store_path, reads)
        options = ["--store", str(store_path)]
        arguments = [*COMMANDS[name], "-o", str(tmp_path / "saved")] if "download" in name else COMMANDS[name]
        code = exit_code_of([*options, *arguments])
        was_done, happened = happened.done, None
        printed = capsys.readouterr()
        assert "itself" not in printed.err, (reads, printed.err)
        if not was_done:
            return
        if code == 3:
            assert "not on the list" in printed.err or "removed" in printed.err
            assert LINK not in printed.out or name == "wait"
        elif name in ("show", "open") and "added to the list" not in printed.err:
            # It was all read before: then all of it is shown.
            assert (code, LINK in printed.out) == (0, True), (reads, printed)
    pytest.fail("the command reads without an end")
