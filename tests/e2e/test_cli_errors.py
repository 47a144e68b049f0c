"""What an error says: a document with `--json`, beside the line for people on stderr, and what to do, word for word.

What it tells one to do is done here, in a shell; then it is no error any more.
"""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from tests.command import KEY, PROGRAM, Command, Done, listed
from tests.servers import FakeApi, success_body, waiting_body

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
    for words, helped in {
        "show --json --nonsense": "taskdash show",
        "list --json --fields": "taskdash",
    }.items():
        assert refused(taskdash, words, 2, "usage")["next"] == f"try: {helped} --help"


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


GOOD = "task_good_12345678"
UUID = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
LINE = re.compile(r"`([^`]+)`")
ACTED_ON = re.compile(r"[$`|&;<>*?~#!\n]")


class Reader:
    """Somebody who types what is said, where it was said: in a folder whose name has a blank and a quote."""

    def __init__(self, folder: Path, api: FakeApi) -> None:
        self.folder = folder / "it's a folder"
        self.folder.mkdir()
        self.taskdash = Command(self.folder, api)
        self.env = {
            "PATH": f"{PROGRAM.parent}:{self.taskdash.env['PATH']}",
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": None,
            "XDG_DATA_HOME": None,
            "XDG_STATE_HOME": None,
            # A line that forgets the config must not find the gateway of the default one.
            "TASKDASH_BASE_URL": api.url,
        }

    def types(self, line: str, env: Mapping[str, str | None] | None = None) -> Done:
        merged = {**self.env, **(env or {})}
        # What a shell would only take apart is taken apart as a shell does it.
        if line.startswith("taskdash ") and not ACTED_ON.search(line):
            return self.taskdash.warm([str(PROGRAM), *shlex.split(line)[1:]], env=merged)
        return self.taskdash.run(["sh", "-c", line], env=merged)

    def here(self, words: str) -> str:
        """Return the program with the options of this list."""
        return f"taskdash --store {shlex.quote(str(self.taskdash.store))} --config {self.config} {words}"

    @property
    def config(self) -> str:
        return shlex.quote(str(self.taskdash.config))


@pytest.fixture
def reader(tmp_path: Path, api: FakeApi) -> Reader:
    for task_id in (GOOD, UUID):
        api.set(task_id, success_body(task_id, ["https://cdn.example.com/1.png"]))
    return Reader(tmp_path, api)


def command_in(said: str) -> str:
    found = LINE.findall(said)
    assert len(found) == 1, said
    return str(found[0])


def test_a_dashboard_without_a_terminal(reader: Reader) -> None:
    for line in LINE.findall(reader.types("taskdash").stderr):
        assert reader.types(line).returncode == 0, line


def test_a_record_that_there_is_not_yet(reader: Reader, api: FakeApi) -> None:
    reader.types(reader.here(f"add {GOOD}"))
    done = reader.types(reader.here(f"show {GOOD} --raw"))
    assert done.returncode == 1
    assert reader.types(command_in(done.stderr)).returncode == 0
    assert api.count(GOOD) == 1
    assert json.loads(reader.types(reader.here(f"show {GOOD} --raw")).stdout)["data"]["taskId"] == GOOD


def test_a_link_that_is_not_opened(reader: Reader) -> None:
    link = "https://user:pass@cdn.example.com/1.png"
    reader.taskdash.import_tasks(listed(GOOD, resultUrls=[link]))
    done = reader.types(reader.here(f"open {GOOD}"))
    assert done.returncode == 1
    assert link in reader.types(command_in(done.stderr)).stdout


def test_a_config_that_is_not_there(reader: Reader) -> None:
    reader.taskdash.config.unlink()
    done = reader.types(reader.here("list"))
    assert done.returncode == 2
    assert reader.types(command_in(done.stderr)).returncode == 0
    assert reader.types(reader.here("list")).returncode == 0
    by_variable = {"TASKDASH_CONFIG": str(reader.folder / "other.toml")}
    done = reader.types("taskdash list", by_variable)
    assert reader.types(command_in(done.stderr), by_variable).returncode == 0
    assert reader.types("taskdash list", by_variable).returncode == 0


def test_a_first_config(reader: Reader) -> None:
    reader.taskdash.config.unlink()
    no_key = {"AIGPTIMAGE_API_KEY": None}
    done = reader.types(reader.here("config init --base-url https://a.example"), no_key)
    assert done.returncode == 0
    export, check = LINE.findall(done.stderr)
    assert "..." in export
    checked = reader.types(f"{export.replace('...', KEY)} && {check}", no_key)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert str(reader.taskdash.config) in checked.stdout
    again = reader.types(reader.here("config init"))
    assert "already exists; not overwritten" in again.stderr
    assert reader.types(f"mv {reader.config} away && {reader.here('config init')}").returncode == 0
    assert "..." not in reader.types(reader.here("config init --profile x")).stderr


def test_no_key(reader: Reader) -> None:
    no_key = {"AIGPTIMAGE_API_KEY": None}
    done = reader.types(reader.here(f"check {GOOD}"), no_key)
    assert done.returncode == 4
    export = re.search(r"export \w+=\.\.\.", done.stderr)
    assert export
    done = reader.types(f"{export[0].replace('...', KEY)}; {reader.here(f'check {GOOD}')}", no_key)
    assert done.returncode == 0, done.stderr


def test_a_profile_that_there_is_not(reader: Reader) -> None:
    done = reader.types(reader.here("--profile nobody list"))
    named = re.search(r"use one of ([\w, ]+)", done.stderr)
    assert named
    for name in named[1].split(", "):
        assert reader.types(reader.here(f"--profile {name} list")).returncode == 0
    told = reader.taskdash("import", "-", stdin=json.dumps([listed(GOOD, profile="gone")])).stderr
    assert reader.types(command_in(told)).stdout.splitlines()[1].split("\t")[1] == GOOD


def test_what_expires_needs_a_setting_or_the_word_of_the_links(reader: Reader, api: FakeApi) -> None:
    wanted = ("list", "--filter", "expires:past", "--ids")
    assert "set result_ttl for the profile in the config" in reader.taskdash(*wanted).stderr
    signed = "https://cdn.example.com/1.png?X-Amz-Date=20260101T000000Z&X-Amz-Expires=60"
    api.set(GOOD, success_body(GOOD, [signed]))
    reader.taskdash.ok("check", GOOD)
    assert reader.taskdash.ok(*wanted).stdout == f"{GOOD}\n"


def test_a_word_of_unknown_form(reader: Reader) -> None:
    told = reader.taskdash("add", stdin="job-10001").stderr
    assert "give it as an argument" in told
    assert reader.taskdash("add", "job-10001").stdout == "job-10001\n"
    told = reader.taskdash("show", "job-1000").stderr
    whole = re.search(r"did you mean (\S+)\?", told)
    assert whole
    assert reader.taskdash("show", whole[1]).returncode == 0


def test_more_that_was_ignored_than_is_told(reader: Reader) -> None:
    noise = "\n".join(f"https://x.test/{n:08d}-025a-490b-b28f-6a9fa12eb88a/y" for n in range(30))
    told = reader.taskdash("add", "-", stdin=noise).stderr
    assert "and 10 more (--json lists them)" in told
    assert len(json.loads(reader.taskdash("add", "-", "--json", stdin=noise).stdout)["ignored"]) == 30


def test_the_demo_api_tells_how_it_is_used_whatever_the_user_has_configured(reader: Reader) -> None:
    """A profile of another name, with a key of its own, is what most have who try their scripts."""
    home = reader.folder / ".config" / "taskdash"
    home.mkdir(parents=True)
    kie = 'profile = "kie"\n[profiles.kie]\nbase_url = "https://api.kie.ai"\napi_key_env = "KIE_API_KEY"\n'
    (home / "config.toml").write_text(kie)
    environ = {**reader.env, "TASKDASH_PROFILE": "kie", "TASKDASH_BASE_URL": None}
    server = reader.taskdash.begin([str(PROGRAM), "demo-api"], env=environ)
    try:
        assert server.stderr is not None
        advice: list[str] = []
        while not (advice and advice[-1].startswith("taskdash") and " wait " not in advice[-1]):
            advice.append(server.stderr.readline())
        *lines, dashboard = [line for line in "".join(advice).split("\n") if line]
        start = next(n for n, line in enumerate(lines) if line.startswith("export"))
        # The sample that is waited for takes half a minute to finish.
        assert " wait " in lines[-1]
        lines[-1] = lines[-1].replace(" wait ", " check ")
        script = "\n".join([*lines[start:], f"{dashboard} list --ids"])
        done = reader.taskdash.run(["sh", "-e", "-c", script], env=environ, timeout_s=60)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] in lines[-1]
    finally:
        server.terminate()
        server.communicate(timeout=20)
