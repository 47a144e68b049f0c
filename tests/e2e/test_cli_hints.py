"""What an error tells one to do is done here, word for word, in a shell; then it is no error any more."""

from __future__ import annotations

import json
import re
import shlex
import socket
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.command import KEY, PROGRAM, Command, Done
from tests.e2e.test_cli_options import Runner
from tests.servers import FakeApi, success_body

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
        """The program with the options of this list."""
        return f"taskdash --store {shlex.quote(str(self.taskdash.store))} --config {self.config} {words}"

    @property
    def config(self) -> str:
        return shlex.quote(str(self.taskdash.config))


@pytest.fixture
def reader(tmp_path: Path, fake_api: FakeApi) -> Reader:
    for task_id in (GOOD, UUID):
        fake_api.set(task_id, success_body(task_id, ["https://cdn.example.com/1.png"]))
    return Reader(tmp_path, fake_api)


def command_in(said: str) -> str:
    found = LINE.findall(said)
    assert len(found) == 1, said
    return str(found[0])


def test_an_unknown_command(reader: Reader) -> None:
    done = reader.types(reader.here(UUID))
    assert reader.types(command_in(done.stderr)).stdout == f"{UUID}\n"
    assert reader.types(reader.here("list --ids")).stdout == f"{UUID}\n"
    named = re.search(r"did you mean (\w+)\?", reader.types("taskdash lst").stderr)
    assert named
    assert reader.types(f"taskdash {named[1]}").returncode == 0


def test_wrong_usage(reader: Reader) -> None:
    for words in (
        "list --nonsense",
        "config nonsense",
        "nonsense",
        "wait",
        "open x y z",
        "export --format x",
    ):
        line = reader.taskdash(*words.split()).stderr.splitlines()[-1]
        assert line.startswith("try: ")
        helped = reader.types(line.removeprefix("try: "))
        assert (helped.returncode, helped.stdout.startswith("Usage: ")) == (0, True)


def test_a_dashboard_without_a_terminal(reader: Reader) -> None:
    for line in LINE.findall(reader.types("taskdash").stderr):
        assert reader.types(line).returncode == 0, line


def test_a_record_that_there_is_not_yet(reader: Reader, fake_api: FakeApi) -> None:
    reader.types(reader.here(f"add {GOOD}"))
    done = reader.types(reader.here(f"show {GOOD} --raw"))
    assert done.returncode == 1
    assert reader.types(command_in(done.stderr)).returncode == 0
    assert fake_api.count(GOOD) == 1
    assert json.loads(reader.types(reader.here(f"show {GOOD} --raw")).stdout)["data"]["taskId"] == GOOD


def test_a_link_that_is_not_opened(reader: Reader) -> None:
    link = "https://user:pass@cdn.example.com/1.png"
    task = {"taskId": GOOD, "addedAt": 1, "state": "success", "resultUrls": [link]}
    reader.taskdash("import", "-", stdin=json.dumps([task]))
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
    assert [
        line
        for line in LINE.findall(reader.types(reader.here("config init --profile x")).stderr)
        if "..." in line
    ] == []


def test_a_first_config_of_a_known_gateway(reader: Reader) -> None:
    reader.taskdash.config.unlink()
    environ = {"KIE_API_KEY": KEY, "TASKDASH_BASE_URL": None}
    done = reader.types(reader.here("config init --preset kie"), environ)
    assert done.returncode == 0
    assert 'profile = "kie"' in reader.taskdash.config.read_text()
    shown = reader.types(reader.here("config show"), environ).stdout
    assert "https://api.kie.ai  (preset kie)" in shown


def test_a_config_with_a_key_that_others_can_read(reader: Reader) -> None:
    reader.taskdash.config.write_text(f'[profiles.aigptimage]\napi_key = "{KEY}"\n')
    reader.taskdash.config.chmod(0o644)
    done = reader.types(reader.here("list"))
    assert done.returncode == 2
    assert reader.types(done.stderr.partition("Run: ")[2]).returncode == 0
    assert reader.types(reader.here("list")).returncode == 0


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
    moved = json.dumps([{"taskId": GOOD, "addedAt": 1, "profile": "gone"}])
    told = reader.taskdash("import", "-", stdin=moved).stderr
    assert reader.types(command_in(told)).stdout.splitlines()[1].split("\t")[1] == GOOD


def test_a_filter_that_cannot_be_read(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    wrong = [
        '"open', "foo:bar", 'foo:"two words"', "!", "a ! b", '""', "cost:>soon", "state:done", "problem:x", "reason:x",
        "saved:x", "label:",
    ]  # fmt: skip
    right = []
    told = runner.run([["list", "--filter", words] for words in wrong])
    for words, (code, said) in zip(wrong, told, strict=True):
        assert code == 2, words
        right += corrections(words, said.splitlines()[0])
    for each, (code, said) in zip(
        right, runner.run([["list", "--filter", each] for each in right]), strict=True
    ):
        assert code == 0, (each, said)


def corrections(words: str, said: str) -> list[str]:
    """The filters that are named as right ones."""
    if "unknown field" not in said and (found := re.search(r"use one of ([\w, -]+)", said)):
        return [f"{words.partition(':')[0]}:{each}" for each in found[1].split(", ")]
    if found := re.search(r"saved:x: use (\S+) or (\S+)", said):
        return [found[1], found[2]]
    found = re.search(r"(?:write|such as|put) (.+?)(?: \(units.*)?$", said)
    assert found, said
    return [found[1] if found[1] != "a word between the quotes" else '"word"']


def test_an_order_and_a_state_that_there_are_not(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    for option, wrong in (("--sort", "size"), ("--state", "done")):
        ((_, said),) = runner.run([["list", option, wrong]])
        found = re.search(r"use one of ([a-z, ]+?)(?:, or -KEY)?$", said.splitlines()[0])
        assert found, said
        signs = ("", "-") if option == "--sort" else ("",)
        lines = [["list", option, sign + each] for each in found[1].split(", ") for sign in signs]
        assert {code for code, _ in runner.run(lines)} == {0}


def test_what_expires_where_nothing_is_known_to(reader: Reader) -> None:
    assert (
        "set result_ttl for the profile in the config"
        in reader.taskdash("list", "--filter", "expires:<2h").stderr
    )
    with reader.taskdash.config.open("a") as config:
        config.write('result_ttl = "24h"\n')
    assert reader.taskdash("list", "--filter", "expires:<2h").returncode == 0


def test_what_expires_by_the_word_of_its_own_links_needs_no_setting(
    reader: Reader, fake_api: FakeApi
) -> None:
    signed = "https://cdn.example.com/1.png?X-Amz-Date=20260101T000000Z&X-Amz-Expires=60"
    fake_api.set(GOOD, success_body(GOOD, [signed]))
    reader.taskdash.ok("check", GOOD)
    assert reader.taskdash.ok("list", "--filter", "expires:past", "--ids").stdout == f"{GOOD}\n"


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


def test_a_store_that_is_none(reader: Reader) -> None:
    with sqlite3.connect(reader.taskdash.store) as other:
        other.execute("PRAGMA application_id = 1")
        other.execute("CREATE TABLE notes (text)")
    other.close()
    said = reader.taskdash("list").stderr
    assert "name another store with --store, or move it away" in said
    assert reader.types(f"taskdash --store other.db --config {reader.config} list").returncode == 0
    reader.taskdash.store.rename(reader.folder / "away")
    assert reader.taskdash("list").returncode == 0


def test_without_a_home(reader: Reader) -> None:
    nobody = {"HOME": "relative"}
    done = reader.types("taskdash config path", nobody)
    assert "set HOME" not in done.stderr or reader.types("taskdash config path").returncode == 0


def test_a_port_that_is_taken(reader: Reader) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = reader.taskdash("demo-api", "--port", str(taken.getsockname()[1]))
        assert done.returncode == 1
        assert "cannot listen on 127.0.0.1:" in done.stderr


def test_the_demo_api_tells_how_it_is_used_whatever_the_user_has_configured(reader: Reader) -> None:
    """A profile of another name, with a key of its own, is what most have who try their scripts."""
    home = reader.folder / ".config" / "taskdash"
    home.mkdir(parents=True)
    (home / "config.toml").write_text(
        'profile = "kie"\n[profiles.kie]\nbase_url = "https://api.kie.ai"\napi_key_env = "KIE_API_KEY"\n'
    )
    environ = {**reader.env, "TASKDASH_PROFILE": "kie", "TASKDASH_BASE_URL": None}
    server = reader.taskdash.begin([str(PROGRAM), "demo-api"], env=environ)
    try:
        assert server.stdout is not None
        assert server.stderr is not None
        for line in iter(server.stdout.readline, ""):
            if line.startswith("task IDs"):
                break
        advice = []
        for line in iter(server.stderr.readline, ""):
            advice.append(line)
            if line.startswith("taskdash") and "wait" not in line:
                break
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
