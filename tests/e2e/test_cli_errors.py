"""With `--json` an error is a JSON document on stdout, beside the line for people on stderr."""

from __future__ import annotations

import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.command import KEY, Command
from tests.servers import FakeApi, waiting_body

from taskdash.cli import process

RUN = "task_run_12345678"


@pytest.fixture
def taskdash(taskdash: Command, api: FakeApi) -> Command:
    api.set(RUN, waiting_body(RUN))
    taskdash.ok("add", RUN)
    return taskdash


def refused(taskdash: Command, words: str, exit_code: int, code: str) -> dict[str, str]:
    """Return what a command says of why it did not do anything."""
    done = taskdash(*shlex.split(words))
    document = json.loads(done.stdout)
    assert done.returncode == exit_code, words
    assert done.stdout.isascii()
    assert list(document) == ["error"]
    error = document["error"]
    assert list(error) == ["code", "message", "next"], words
    assert error["code"] == code, words
    assert all(error.values())
    assert done.stderr.startswith(f"taskdash: {error['message'].splitlines()[0]}"), done.stderr
    return dict(error)


def test_wrong_usage(taskdash: Command) -> None:
    for words in (
        "list --json --nonsense", "--json", "lst --json", "remove --json", "show --json", "--json list",
        "stats --json --profile nobody", "status --json --format {new}", "list --json --state done",
        "add x --json --timeout soon", "wait --json", "config show --json extra", "failures --json --filter '\"'",
    ):  # fmt: skip
        refused(taskdash, words, 2, "usage")
    for words, command in {"show --json --nonsense": "show", "list --json --fields": "list"}.items():
        assert refused(taskdash, words, 2, "usage")["next"] == f"try: taskdash {command} --help"


def test_an_id_or_a_selection_that_finds_nothing(taskdash: Command) -> None:
    unknown = refused(taskdash, "show nowhere --json", 3, "unknown_id")
    assert "nowhere is not on the list" in unknown["message"]
    nothing = refused(taskdash, "show --label no --json", 1, "no_match")
    assert nothing["message"] == "no tasks match --label no"


def test_a_config_that_is_wrong_names_each_fault(taskdash: Command) -> None:
    taskdash.config.write_text(f'odd = 1\napi_key = "{KEY}"\n[profiles.p]\nbase_url = "https://p.example"\n')
    error = refused(taskdash, "list --json", 2, "config")
    assert len(error["message"].splitlines()) == 3
    assert KEY not in str(error)


def test_a_list_that_cannot_be_used(taskdash: Command, tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    refused(taskdash, f"list --json --store {tmp_path / 'folder.db'}", 6, "store_unusable")
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (a)")
    refused(taskdash, f"stats --json --store {other}", 6, "store_unusable")
    with closing(sqlite3.connect(taskdash.store)) as connection:
        connection.execute("PRAGMA user_version = 999")
    refused(taskdash, "list --json", 6, "store_newer")
    refused(taskdash, "status --json", 6, "store_newer")
    with taskdash.locked():
        error = refused(taskdash, "status --json", 6, "store_locked")
    assert error["next"] == "Another program holds it; try again when that has ended."


def test_a_document_that_is_printed_whatever_happens_stays_alone(taskdash: Command) -> None:
    for words, env in (("wait --json --timeout 0.1", {}), ("wait --json", {"AIGPTIMAGE_API_KEY": None})):
        done = taskdash(*words.split(), RUN, env=env)
        assert done.returncode in (124, 4)
        assert json.loads(done.stdout)[0]["taskId"] == RUN
    assert json.loads(taskdash("wait", "--json", "--label", "no").stdout) == []
    assert json.loads(taskdash("add", "two words", "--json").stdout)["added"] == []


def test_without_json_nothing_is_added_to_stdout(taskdash: Command) -> None:
    for words in ("list --nonsense", "show nowhere", "lst", "add -- --json"):
        assert "{" not in taskdash(*words.split()).stdout


def test_json_that_is_an_argument_or_comes_from_a_crash(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> int:
        raise RuntimeError(f"no {KEY}")

    monkeypatch.setenv("AIGPTIMAGE_API_KEY", KEY)
    monkeypatch.setattr(process, "_exit_code_of", crash)
    for arguments, is_document in ((["list", "--json"], True), (["show", "--", "--json"], False)):
        assert process.exit_code_of(arguments) == 1
        out, err = capsys.readouterr()
        assert bool(out) == is_document
        assert KEY not in out + err
    assert "RuntimeError" in err
