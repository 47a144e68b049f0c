"""Keys, files, addresses and programs: nothing from outside leads to a place where it does harm."""

from __future__ import annotations

import base64
import contextlib
import gzip
import itertools
import json
import os
import random
import re
import shlex
import signal
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from tests import pictures
from tests.bodies import saved_name
from tests.canary import AWKWARD_KEY, KEY, assert_not_in, files_with_key, found_in
from tests.command import Command, wait_until
from tests.faults import hostile, trees
from tests.file_server import PNG, FileServer
from tests.files_api import FilesApi
from tests.servers import (
    FakeApi,
    OnRequest,
    Peer,
    Reply,
    Request,
    fail_body,
    http_reply,
    success_body,
    waiting_body,
)

from taskdash.results.folder import Folder
from taskdash.results.wanted import plain_name

IDS: Final = [f"task_{number:032x}" for number in range(400)]
NAME: Final = saved_name(IDS[0])


def list_results(taskdash: Command, api: FakeApi, *links: str) -> None:
    """Put a finished task with a result on the list for each link."""
    for task_id, link in zip(IDS, links, strict=False):
        api.set(task_id, success_body(task_id, [link]))
    taskdash("add", *IDS[: len(links)])
    taskdash.ok("check")


def download(taskdash: Command, *arguments: str) -> tuple[int, str]:
    """Save into `pictures`; the exit code and all that was said, made sure that it is no traceback."""
    done = taskdash("download", *arguments, "-o", "pictures")
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


# Who may read what is written (Z1)


@pytest.mark.row("Z1")
def test_a_config_with_a_key_that_others_can_read_is_refused_with_what_to_do(
    taskdash: Command, api: FilesApi, long: bool
) -> None:
    taskdash.write_config(api.url, more=f'api_key = "{KEY}"\n')
    commands = (["list"], ["check"], ["config", "show"], ["add", IDS[0]]) if long else (["list"], ["check"])
    modes = (0o644, 0o640, 0o604, 0o620, 0o602, 0o660, 0o666, 0o777)
    every, short = itertools.product(modes, commands), [(0o640, ["list"]), (0o602, ["check"])]
    for mode, arguments in every if long else short:
        taskdash.config.chmod(mode)
        done = taskdash(*arguments, env={"AIGPTIMAGE_API_KEY": None})
        assert done.returncode == 2, (oct(mode), arguments)
        assert f"chmod 600 {taskdash.config}" in done.stderr
        assert taskdash.config.stat().st_mode & 0o777 == mode, "it is the user's own file"
    assert api.requests == []
    taskdash.config.chmod(0o600)
    assert taskdash("check", env={"AIGPTIMAGE_API_KEY": None}).returncode == 0


@pytest.mark.row("Z1")
def test_a_folder_that_others_can_read_is_closed_with_a_warning_and_a_list_too(taskdash: Command) -> None:
    folder = taskdash.folder / "data" / "taskdash"
    taskdash.store = folder / "tasks.db"
    taskdash.ok("add", IDS[0])
    for path in (folder, taskdash.store):
        path.chmod(0o755)
    assert taskdash.ok("list").stderr == f"taskdash: {folder} was open to other users: made 0700\n"
    assert [path.stat().st_mode & 0o077 for path in (folder, taskdash.store)] == [0, 0]


@pytest.mark.row("Z1")
def test_whatever_the_umask_all_that_is_written_is_the_users_own_alone(
    taskdash: Command, api: FilesApi, tmp_path: Path
) -> None:
    taskdash.store = tmp_path / "data" / "taskdash" / "tasks.db"
    # One that an older version, or somebody, left open.
    state = tmp_path / "state" / "taskdash"
    state.mkdir(parents=True)
    state.chmod(0o755)
    list_results(taskdash, api, f"{api.url}/files/1")
    script = "umask 000; exec " + shlex.join(taskdash.line("download", "-o", "pictures"))
    assert "pictures" in taskdash.run(["bash", "-c", script]).stdout
    taskdash.env["AIGPTIMAGE_API_KEY"] = KEY
    with taskdash.dashboard("--log-level", "debug") as screen:
        screen.wait_for("✓ success")
        # What it remembers of its look.
        screen.send("vv", hides="─ Detail")
        screen.quit()
    assert {path.name for path in state.iterdir()} >= {"taskdash.log", "view.toml"}
    ours = [tmp_path / "data", state, tmp_path / "pictures"]
    for path in [*ours, *(inner for folder in ours for inner in folder.rglob("*"))]:
        assert path.lstat().st_mode & 0o077 == 0, path


# Where a key may be (Z2, Z3)


@pytest.mark.row("Z2")
def test_no_command_takes_a_key_and_none_repeats_one(taskdash: Command, api: FilesApi, long: bool) -> None:
    options = ("--api-key", "--key", "--token", "--password") if long else ("--api-key",)
    commands = ("", "check", "add", "config init", "demo-api") if long else ("", "config init")
    for command, name in itertools.product(commands, options):
        done = taskdash(*command.split(), name, KEY, stdin="")
        assert done.returncode == 2, command
    for arguments in (["add", KEY], ["add", f"see {KEY} there"], ["show", KEY], ["check", KEY], [KEY]):
        done = taskdash(*arguments)
        assert done.returncode in (1, 2, 3), arguments
    assert api.requests == []
    assert taskdash("list", "--ids").stdout == ""


class Children:
    """Programs that put themselves in the place of those taskdash starts, and write down how they were started."""

    def __init__(self, taskdash: Command) -> None:
        self._taskdash = taskdash
        self.folder = taskdash.folder / "children"

    def program(self, name: str, then: str = "exit 0") -> str:
        note = self.folder / f"{name}.started"
        body = f"cat /proc/$$/cmdline /proc/$$/environ > {note}.$$; mv {note}.$$ {note}\n{then}"
        return self._taskdash.program(f"children/{name}", body)

    def started(self, name: str) -> bytes:
        """How it was started; empty where it never was."""
        path = self.folder / f"{name}.started"
        return path.read_bytes() if path.exists() else b""

    def wait_for(self, name: str) -> bytes:
        wait_until(lambda: self.started(name))
        return self.started(name)


@pytest.mark.row("Z2", "Z3")
def test_no_program_that_is_started_is_given_the_key(api: FilesApi, tmp_path: Path, long: bool) -> None:
    for source in ("environment", "file", "command") if long else ("environment",):
        assert_children_get_no_key(Command(tmp_path / source, api), api, source)
        api.requests.clear()


def assert_children_get_no_key(taskdash: Command, api: FilesApi, source: str) -> None:
    """Have the dashboard start all it ever starts, with the key from one of its sources."""
    tmp_path = taskdash.folder
    children = Children(taskdash)
    api.file = pictures.halves()
    said = 'printf "%s-%s\\n" sk canary-0123456789abcdef'
    origin = {
        "environment": "",
        "file": f'api_key = "{KEY}"',
        "command": f"api_key_command = {json.dumps([children.program('pass', said)])}",
    }[source]
    started = {
        name: json.dumps([children.program(name)]) for name in ("on_finish", "open_command", "upscale")
    }
    own = f'[commands.upscale]\nkey = "U"\ncommand = {started.pop("upscale")}'
    top = "\n".join(f"{name} = {line}" for name, line in started.items())
    taskdash.write_config(api.url, top=top, more=f"{origin}\nallow_private = true\n{own}\n")
    api.set(IDS[0], [waiting_body(IDS[0]), success_body(IDS[0], [f"{api.url}/files/1"])])
    children.program("wl-copy", "cat > /dev/null")
    env: dict[str, str | None] = {
        "PATH": f"{children.folder}:{os.environ['PATH']}",
        "WAYLAND_DISPLAY": "wayland-0",
        "COPY_OF_IT": f"Bearer {KEY}",
        "OTHER_TOKEN": "x",
        # Of its own: a picture that is kept is not decoded again.
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    if source != "environment":
        env |= {"AIGPTIMAGE_API_KEY": None}
    spoilt_by = _NOTES_CHILDREN.format(note=str(tmp_path / "popen"))
    with taskdash.dashboard(env=env, spoilt_by=spoilt_by) as screen:
        screen.wait_for("No tasks yet")
        # Long enough for a process of its own.
        paste = f"{IDS[0]}\n" + "nothing to see here\n" * 6000
        for start in range(0, len(paste), 4096):
            screen.send(("\x1b[200~" if start == 0 else "") + paste[start : start + 4096])
        screen.send("\x1b[201~", shows="1 new")
        screen.send("\r", shows="◐ waiting")
        screen.send("R", shows="✓ success")
        # One after the other: each message takes the place of the one before.
        screen.send("1", shows="opened in the browser")
        screen.send("y", shows="Copied")
        screen.send("U")
        for name in ("on_finish", "open_command", "wl-copy", "upscale"):
            assert_not_in(children.wait_for(name), f"what {name} was given")
            assert b"OTHER_TOKEN" not in children.started(name) or name in ("on_finish", "upscale")
        screen.wait_for("▀")
        assert_not_in(Path(f"/proc/{screen.pid}/cmdline").read_bytes(), "our own arguments")
        screen.quit()
    assert bool(children.started("pass")) == (source == "command")
    lines = (tmp_path / "popen").read_text().splitlines()
    # The command that prints the key may know it; nothing else in here may.
    (tmp_path / "popen").unlink()
    (children.folder / "pass.started").unlink(missing_ok=True)
    for name in ("paste_search", "preview_worker"):
        assert any(name in line for line in lines), name
    for line in lines:
        if "children/pass" not in line:
            assert_not_in(line, "what a child was given")
    assert sum(request.headers.get("authorization") == f"Bearer {KEY}" for request in api.requests) >= 2
    assert all("authorization" not in request.headers for request in api.file_requests())


_NOTES_CHILDREN: Final = """
import os, sys
def note(event, arguments):
    if event == "subprocess.Popen":
        program, line, _, environ = arguments
        with open({note!r}, "a") as file:
            print(repr((program, list(line), dict(os.environ if environ is None else environ))), file=file)
sys.addaudithook(note)
"""


@pytest.mark.row("Z3")
def test_a_gateway_that_repeats_the_key_gets_it_into_no_file_no_output_and_no_request(
    taskdash: Command, api: FilesApi, tmp_path: Path, long: bool
) -> None:
    key = AWKWARD_KEY
    api._key = key
    taskdash.env["AIGPTIMAGE_API_KEY"] = key
    forms = [key, quote(key, safe=""), repr(key)[1:-1], json.dumps(key)[1:-1], f"Bearer {key}"]
    texts = [f"told {form} so" for form in forms]
    for number, text in enumerate(texts):
        task_id = IDS[number]
        fields = dict.fromkeys(("model", "failMsg", "failCode"), text)
        fields["param"] = json.dumps({"input": {"prompt": text, text: text}})
        make = (fail_body, success_body, waiting_body)[number % 3]
        body = make(task_id, **fields)
        if make is success_body:
            links = [f"{api.url}/files/{quote(key, safe='')}", f"https://cdn.example.com/?k={quote(key)}"]
            body["data"]["resultJson"] = json.dumps({"resultUrls": links})
        body["msg"] = text
        api.set(task_id, body)
    refused = [Reply(status, {"code": status, "msg": text, "data": None}) for status in (400, 401, 422, 500)]
    refused.append(Reply(302, b"", {"Location": f"http://127.0.0.1:1/{quote(key, safe='')}"}))
    refused.append(Reply(200, f"<html>{key}".encode(), {"X-Key": key}))
    count = len(texts) + len(refused)
    for task_id, reply in zip(IDS[len(texts) : count], refused, strict=True):
        api.set(task_id, reply)
    top = 'sidecar = true\nembed = true\nfile_name = "{prompt:.40}-{id:.8}-{n}"\n'
    taskdash.config.write_text(top + taskdash.config.read_text())
    taskdash("add", *IDS[:count], "--label", "night")
    commands = [
        f"check {IDS[0]} {IDS[1]}", "--log-level debug check", "list --json", "export --format toml", "export",
        f"show --raw {IDS[0]}", f"show --json {IDS[1]}", "config show", "download -o pictures",
        "redo", "redo --format curl", "sheet -o page.html", "sheet -o -", "doctor --online", "failures --json",
    ]  # fmt: skip
    if long:
        commands += [f"show {option} {each}" for option in ("", "--raw") for each in IDS[:count]]
        commands += [
            "list", "list --csv", f"wait {' '.join(IDS[:count])} --timeout 2", f"open {IDS[1]} --print", "stats",
            "config check", "config path", "completion bash", f"add {shlex.quote(key)}", f"remove {IDS[4]}",
        ]  # fmt: skip
    for words in commands:
        assert "Traceback" not in taskdash(*shlex.split(words)).stderr
    with taskdash.dashboard("--log-level", "debug") as screen:
        screen.wait_for("× fail")
        # Whatever they open is closed again; how far each of them gets does not matter.
        for typed in ("J", "c", "u", "y", "R", "\x1b[B", "u", "J", "F", "t", "\r", "b", "B", "?"):
            screen.send(typed)
            time.sleep(0.03)
            screen.send("\x1b")
            time.sleep(0.07)
        screen.paste(f"{key}\n")
        time.sleep(0.3)
        screen.signal(signal.SIGTERM)
        assert screen.wait_exit() == 128 + signal.SIGTERM
        for text in hostile.copied(screen.raw):
            assert_not_in(text, "the clipboard")
    assert files_with_key(tmp_path) == []
    asked = [request.raw.replace(f"Bearer {key}".encode(), b"") for request in api.requests]
    assert asked
    assert_not_in(b"".join(asked), "a request")


_CRASH: Final = f"""
def crash(*_, **__):
    key = {KEY!r}
    bearer = {{"Authorization": f"Bearer {{key}}"}}
    raise ZeroDivisionError(f"about {{key}} in {{bearer}}")
"""
CRASHES: Final = {
    "command": ("list", "import taskdash.cli.listing as m; m.list_tasks.callback = crash"),
    "settings": ("list", "import taskdash.cli.process as m; m.load_settings = crash"),
    "store": ("list", "from taskdash.store.database import Database; Database.__init__ = crash"),
    "client": ("check", "from taskdash.api.client import Gateway; Gateway.__init__ = crash"),
    "watcher": ("check", "from taskdash.watch.watcher import Watcher; Watcher.run = crash"),
    "fetcher": ("download", "from taskdash.results.fetch import Fetcher; Fetcher.fetch = crash"),
    "folder": ("download", "from taskdash.results.folder import Folder; Folder.__init__ = crash"),
}


@pytest.mark.row("Z3")
def test_a_crash_in_any_layer_of_a_command_says_one_line_and_shows_no_value(
    taskdash: Command, api: FilesApi, tmp_path: Path, long: bool
) -> None:
    list_results(taskdash, api, f"{api.url}/files/1")
    for layer in CRASHES if long else ("command", "settings", "fetcher"):
        command, spoilt = CRASHES[layer]
        done = taskdash.after(f"{_CRASH}\n{spoilt}")(command, *([IDS[0]] if command != "list" else []))
        said = done.stderr
        assert done.returncode == 1, (layer, said)
        assert "ZeroDivisionError" in said, layer
        assert "Traceback" not in said
        assert len(said.splitlines()) <= 3, layer
    log = tmp_path / "state" / "taskdash" / "taskdash.log"
    assert "crash" in log.read_text()
    assert files_with_key(tmp_path) == []


# Z4, where a key may be sent:

REFUSED_URLS: Final = (
    "http://gateway.example", "http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example",
    f"https://user:{KEY}@gateway.example", "https://gateway.example@127.0.0.1:1", "ftp://127.0.0.1",
    "file:///etc/passwd", "javascript:alert(1)", "//gateway.example", "https://", "https://a b", "http://0x7f.1",
    "http://[::ffff:10.0.0.1]", "https://gateway.example:0", "https://gateway.example\\@127.0.0.1",
)  # fmt: skip


@pytest.mark.row("Z4")
def test_a_base_url_that_would_give_the_key_away_is_refused_wherever_it_is_written(
    taskdash: Command, api: FilesApi, long: bool
) -> None:
    taskdash("add", IDS[0])
    for url in REFUSED_URLS if long else REFUSED_URLS[::3]:
        done = taskdash("check", env={"TASKDASH_BASE_URL": url})
        assert done.returncode == 2, url
        assert done.stderr.startswith("taskdash: TASKDASH_BASE_URL: ")
    for url in REFUSED_URLS if long else REFUSED_URLS[1::5]:
        taskdash.write_config(url.replace("\\", "\\\\"))
        done = taskdash("check")
        assert done.returncode == 2, url
        assert "base_url" in done.stderr
    assert api.requests == []


# Z5, names:


def names(count: int) -> list[str]:
    """Names that would lead out of a folder, or mean something to a system, and any mixture of such."""
    known = [
        "../../etc/passwd", "..\\..\\x.png", "/etc/passwd", "C:\\x", "~root", "~/.ssh/id", ".bashrc", "-rf", "--help",
        "%2e%2e%2f%2e%2e%2fx", "..%2f", "a\0b", "con", "NUL.png", "com1", "lpt9.txt", "aux.", "x" * 300, "ü" * 300,
        "\U0001f600" * 100, "..", ".", "", " ", "a/b/c", "$(touch x)", "`id`", "a;b", "a\nb",
        "\x1b]0;x\x07", "\u202egnp.exe",
        "x.png.exe", ".taskdash-0123456789abcdef.part", "a:b", "file:///x", "\\\\host\\share",
        "\u2024\u2024/", "\uff0e\uff0e\uff0f",
        "e\u0301", "\ud800", "name.", "name ", "*?", "|ls", "a\tb", "NAME", "name", "Name.PNG",
    ]  # fmt: skip
    chance = random.Random(5)  # noqa: S311 - the same names in every run
    parts = [*known, *map(chr, range(0x20)), "/", "\\", ".", "-", "..", "a", "\u2215", "\u29f8"]
    while len(known) < count:
        known.append("".join(chance.choices(parts, k=chance.randint(1, 6))))
    return known[:count]


@pytest.mark.row("Z5")
def test_no_name_from_outside_leads_out_of_the_folder(
    taskdash: Command, api: FilesApi, tmp_path: Path, long: bool
) -> None:
    given = names(400 if long else 50)
    for task_id, name in zip(IDS, given, strict=False):
        link = f"{api.url}/files/{quote(name, errors='replace')}"
        api.set(task_id, success_body(task_id, [link]))
    taskdash.import_tasks(*({"taskId": each, "label": name} for each, name in zip(IDS, given, strict=False)))
    taskdash("check")
    (tmp_path / "pictures").mkdir()
    folders = ("home", "pictures")
    before = {
        name: entry for name, entry in trees.picture_of(tmp_path).items() if not name.startswith(folders)
    }
    code, said = download(taskdash)
    assert code == 0, said
    after = trees.picture_of(tmp_path)
    grown = {name for name, entry in after.items() if before.get(name) != entry}
    saved = {name for name in grown if name.startswith("pictures/")}
    assert len(saved) == len(given)
    places = {name.partition("/")[0] for name in grown if not name.startswith("tasks.db")}
    assert places <= {"pictures", "state", "data", "home"}
    for name in saved:
        assert_own_name(name.removeprefix("pictures/"))
    assert not hostile.leaks(said.replace("\n", "").encode())


@pytest.mark.row("Z5")
def test_a_hundred_thousand_names_stay_in_the_folder(
    tmp_path: Path, long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    given = names(100_000 if long else 1_500)
    with Folder(tmp_path / "inside" / "pictures") as folder:
        for number, name in enumerate(given):
            own = f".taskdash-{number:016x}.part"
            with os.fdopen(folder.open_own(own, os.O_RDWR | os.O_CREAT), "rb") as part:
                stem = f"{plain_name(name) or 'task'}-{number}"
                assert folder.name_for_good(own, part.fileno(), stem, "png").parent == folder.path
            folder.remove(own)
    inside = trees.picture_of(tmp_path / "inside" / "pictures")
    assert len(inside) == len(given)
    for name in inside:
        assert_own_name(name)
    assert {name for name in trees.picture_of(tmp_path) if not name.startswith("inside/pictures/")} <= {
        "inside", "inside/pictures",
    }  # fmt: skip


def assert_own_name(name: str) -> None:
    """It is a name that no system, shell or program takes for anything else."""
    assert name == Path(name).name
    assert name[0] not in ".-~ "
    assert name.endswith(".png")
    assert len(name.encode()) <= 255
    assert not set(name) & set("/\\:*?\"<>|$`;&%'\0 \n\t~!#(){}[]")
    assert name.isprintable()
    assert name.partition(".")[0].upper() not in ("CON", "NUL", "AUX", "COM1", "LPT9")


# What is in the way (Z6)


@pytest.mark.row("Z6")
def test_whatever_is_in_the_way_is_neither_overwritten_nor_followed(
    taskdash: Command, api: FilesApi, tmp_path: Path, long: bool
) -> None:
    list_results(taskdash, api, f"{api.url}/files/1")
    some = ("a file", "a link to a file", "a link to nothing", "a hard link", "a pipe", "a folder")
    for number, what in enumerate(trees.IN_THE_WAY if long else some):
        place = tmp_path / str(number)
        folder, outside = place / "pictures", place / "outside"
        folder.mkdir(parents=True)
        outside.mkdir()
        (outside / "mine").write_bytes(trees.MINE)
        trees.IN_THE_WAY[what](folder, NAME, outside)
        before = trees.picture_of(place)
        done = taskdash("download", IDS[0], "-o", str(folder))
        assert done.returncode == 0, (what, done.stderr)
        after = trees.picture_of(place)
        assert {name: after.get(name) for name in before} == before, what
        (new,) = set(after) - set(before)
        assert done.stdout == f"{place / new}\n"
        assert (place / new).read_bytes() == PNG
        assert (place / new).lstat().st_mode & 0o777 == 0o600
        (place / new).unlink()


@pytest.mark.row("Z6")
@pytest.mark.parametrize("kind", ["a link to a folder", "read-only", "a file", "a disk that is full"])
def test_a_folder_of_another_kind_is_taken_as_chosen_or_refused(
    taskdash: Command, api: FilesApi, tmp_path: Path, kind: str
) -> None:
    api.file = PNG[:-8] + b"\0" * 400_000 + PNG[-8:]
    list_results(taskdash, api, f"{api.url}/files/1")
    real, folder = tmp_path / "real", tmp_path / "pictures"
    limited = taskdash
    if kind == "a link to a folder":
        real.mkdir()
        folder.symlink_to(real)
    elif kind == "a file":
        folder.write_bytes(trees.MINE)
    elif kind == "read-only":
        # As root writes everywhere: a file system that takes nothing.
        folder.symlink_to("/proc/self")
    else:
        limited = taskdash.after("import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (204_800, 204_800))")
    done = limited("download", "-o", "pictures")
    assert "Traceback" not in done.stderr
    if kind == "a link to a folder":
        assert (done.returncode, done.stdout) == (0, f"{real / NAME}\n")
        assert folder.is_symlink()
        return
    assert done.returncode == (2 if kind == "a file" else 1), done.stderr
    assert "pictures" in done.stderr or "cannot be written" in done.stderr
    if kind == "a file":
        assert folder.read_bytes() == trees.MINE
    elif kind != "read-only":
        assert list(folder.iterdir()) == []


# Where a link may lead (Z7)


def private_links(port: int) -> list[str]:
    """Ways to write an address that is not everybody's."""
    hosts = [
        "127.0.0.1", "localhost", "0x7f.1", "2130706433", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]",
        "0", "[::]", "127.0.0.1.", "LOCALHOST", "[::ffff:7f00:1]", "\uff11\uff12\uff17.0.0.1", "127.0.0.1%2f",
        "[64:ff9b::7f00:1]",
        "user@127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "[fd00::8]", "[fe80::1]",
        "100.64.0.1", "[2002:7f00:1::]", "224.0.0.1", "255.255.255.255",
    ]  # fmt: skip
    return [f"http://{host}:{port}/1.png" for host in hosts]


@pytest.mark.row("Z7")
def test_a_link_to_this_machine_or_its_network_is_asked_for_by_nobody(
    taskdash: Command, api: FilesApi, long: bool
) -> None:
    with FileServer() as inside:
        inside.files["/1.png"] = http_reply(200, PNG)
        links = private_links(inside.port)
        links = links if long else links[:17:2] + links[-1:]
        list_results(taskdash, api, *links)
        code, said = download(taskdash)
        assert code == 1
        assert said.count("is a private address") >= len(links) * 2 // 3, said
        assert inside.connections == 0
        # Not for a preview either.
        with taskdash.dashboard() as screen:
            screen.wait_for("is a private")
            screen.quit()
        assert inside.connections == 0
        # It would have been seen.
        taskdash.write_config(api.url, more="allow_private = true")
        assert download(taskdash, IDS[0])[0] == 0
        assert inside.connections == 1


@pytest.mark.row("Z7")
def test_a_redirect_to_this_machine_is_not_followed(taskdash: Command, api: FilesApi, long: bool) -> None:
    with FileServer() as inside:
        targets = private_links(inside.port)
        targets = targets if long else targets[:6]

        async def answer(peer: Peer, request: Request) -> None:
            if request.path.startswith("/files/"):
                target = targets[int(request.path.rpartition("/")[2])].encode().decode("latin-1")
                await peer.send(http_reply(302, b"", {"Location": target}))
            else:
                await FilesApi._reply(api, peer, request)

        api._on_request = answer
        list_results(taskdash, api, *(f"{api.url}/files/{number}" for number in range(len(targets))))
        assert download(taskdash)[0] == 1
        asked = {request.path for request in api.file_requests()}
        assert asked == {f"/files/{n}" for n in range(len(targets))}
        assert inside.connections == 0


_REBINDING: Final = """
import asyncio.selector_events, socket, sys
real, asked = socket.getaddrinfo, []
def getaddrinfo(host, port, *rest, **more):
    if host != "cdn.example.com":
        return real(host, port, *rest, **more)
    asked.append(host)
    address = "93.184.215.14" if len(asked) % 2 else "127.0.0.1"
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
socket.getaddrinfo = getaddrinfo
def note(address):
    print("connects to", address, file=sys.stderr)
    if not str(address[0]).startswith("127."):
        raise ConnectionRefusedError(111, "Connection refused")
connect, loop = socket.socket.connect, asyncio.selector_events.BaseSelectorEventLoop
socket.socket.connect = lambda self, address: (note(address), connect(self, address))[1]
first = loop.sock_connect
async def sock_connect(self, sock, address):
    note(address)
    return await first(self, sock, address)
loop.sock_connect = sock_connect
"""


@pytest.mark.row("Z7")
def test_a_name_that_becomes_private_between_two_looks_gains_nothing(
    taskdash: Command, api: FilesApi
) -> None:
    with FileServer() as inside:
        inside.files["/1.png"] = http_reply(200, PNG)
        list_results(taskdash, api, f"http://cdn.example.com:{inside.port}/1.png")
        done = taskdash.after(_REBINDING)("download", "-o", "pictures")
        assert done.returncode == 1
        assert f"connects to ('93.184.215.14', {inside.port})" in done.stderr
        assert "is a private address" in done.stderr
        assert inside.connections == 0


# Z8, what arrives:


@pytest.mark.row("Z8")
def test_what_is_endless_mistyped_or_cut_short_is_refused_and_nothing_of_it_stays(
    taskdash: Command, api: FilesApi, tmp_path: Path, long: bool
) -> None:
    async def endless(peer: Peer, _: Request) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + PNG[:8])
        while not peer.gone:
            await peer.send(bytes(1_048_576))

    async def endless_chunks(peer: Peer, _: Request) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n" + PNG[:8] + b"\r\n")
        while not peer.gone:
            await peer.send(b"100000\r\n" + bytes(1_048_576) + b"\r\n")

    mib = 64 if long else 2
    zipped = gzip.compress(PNG + bytes((mib + 100) * 1_048_576))
    png = {"Content-Type": "image/png"}
    served: dict[str, bytes | OnRequest] = {
        "/endless": endless,
        "/chunks": endless_chunks,
        "/huge": http_reply(200, PNG, png | {"Content-Length": str((mib + 1) * 1_048_576)}),
        "/packed": http_reply(200, zipped, png | {"Content-Encoding": "gzip"}),
        "/html": http_reply(200, b"<!DOCTYPE html><p>sign in", png),
        "/exe": http_reply(200, b"MZ" + bytes(600), png),
        "/cut": http_reply(200, PNG, png)[:-300],
    }
    with FileServer() as files:
        files.files.update(served)
        taskdash.write_config(api.url, more="allow_private = true", top=f"max_result_mib = {mib}")
        list_results(taskdash, api, *(files.url + path for path in served))
        code, said = download(taskdash)
        assert code == 1
        limit = f"it is larger than {mib}.0 MiB, the limit that max_result_mib sets in the config"
        assert said.count(limit) >= 4
        reasons = ("a web page", "is a program", "peer closed connection")
        assert [reason for reason in reasons if reason not in said] == []
        assert said.count("result 1: ") == len(served)
        assert list((tmp_path / "pictures").iterdir()) == []
        assert taskdash.json("show", IDS[0], "--json")["saved"] == []


# Z9, pictures:


def family_mb(pid: int) -> float:
    """The memory of a process and its children, what they share counted once."""
    total_kb = 0
    family = [str(pid)]
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            family += listing.read_text().split()
    for process in family:
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            total_kb += int(rollup.partition("\nPss:")[2].split()[0])
    return total_kb / 1024


@pytest.mark.row("Z9")
def test_picture_bombs_show_no_preview_and_take_no_memory(
    taskdash: Command, api: FilesApi, long: bool
) -> None:
    png = pictures.halves()
    bad = {
        "/bomb": (pictures.bomb(), "25 million|too large|pixels|memory"),
        "/damaged": (png[:60] + b"\xff" * 40 + png[100:], "damaged|cut|decoded|no picture"),
        "/jpeg": (b"\xff\xd8\xff" + os.urandom(3000) + b"\xff\xd9", "damaged|decoded|no picture"),
    }
    if long:
        bad["/webp"] = (b"RIFF\x10\0\0\0WEBPVP8L\x04\0\0\0\x2f\xff\xff\xff", "damaged|decoded|cut|no picture")
        bad["/eps"] = (b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run\n", "no picture|TXT file")
        bad["/gif"] = (b"GIF89a\xff\xff\xff\xff\0\0\0;", "million|large|damaged|pixels")
    with FileServer() as files:
        files.files.update({path: http_reply(200, data) for path, (data, _) in bad.items()})
        taskdash.write_config(api.url, more="allow_private = true")
        for task_id, path in zip(IDS, bad, strict=False):
            api.set(task_id, success_body(task_id, [files.url + path]))
        taskdash("add", *IDS[: len(bad)])
        taskdash("check")
        with taskdash.dashboard() as screen:
            screen.wait_for("✓ success")
            idle_mb = family_mb(screen.pid)
            most_mb = idle_mb
            for _, words in bad.values():

                def refused(text: str, words: str = words) -> bool:
                    nonlocal most_mb
                    most_mb = max(most_mb, family_mb(screen.pid))
                    return any(word in text for word in ("no preview", "No preview", *words.split("|")))

                screen.wait_for(refused)
                screen.send("\x1b[B")
            # All of them at once, each on a card that says why.
            screen.send("b", shows=f"Undecided {len(bad)}")
            screen.wait_for(lambda text: re.search("pixels", text) and re.search("damaged|cut short", text))
            screen.wait_for_none("loading")
            most_mb = max(most_mb, family_mb(screen.pid))
            screen.send("p\x1b", shows="✓ success")
            assert most_mb - idle_mb < 150
            screen.quit()
        assert "▀" not in screen.text
        tasks = taskdash.json("list", "--json")
        assert [task["verdicts"] for task in tasks].count(["picked"]) == 1


# Z10, browsers:


@pytest.mark.row("Z10")
def test_no_browser_is_a_shell_and_none_stops_or_spoils_the_screen(
    taskdash: Command, api: FilesApi, tmp_path: Path
) -> None:
    visited = tmp_path / "visited"
    links = ["https://a.example/$(touch${IFS}pwned);touch${IFS}pwned&x=%60id%60", "https://-x/--flag"]
    api.set(IDS[0], success_body(IDS[0], links))
    taskdash("add", IDS[0])
    taskdash("check")
    for browser in ("sh -c 'echo opened %s >> visited'", f'sh -c \'printf "%s\\n" "$@" >> {visited}\' --'):
        done = taskdash("open", IDS[0], env={"BROWSER": browser})
        assert "Traceback" not in done.stderr
    assert visited.read_text().startswith("opened")
    assert "\nhttps://a.example/" in visited.read_text()
    noise = (
        "printf '\\033[2J\\033[?1049lNOISE'; echo NOISE >&2; printf NOISE > /dev/tty; stty sane < /dev/tty"
    )
    taskdash.browser(f"{noise}\nexec sleep 30")
    with taskdash.dashboard() as screen:
        screen.wait_for("✓ success")
        modes, opened = screen.modes_now, len(visited.read_text())
        # The best of some: what another program does to this machine is no fault of the browser's.
        answered_s = []
        for link in "212":
            began_s = time.monotonic()
            screen.send(link)
            screen.send("?", shows="move up")
            answered_s.append(time.monotonic() - began_s)
            screen.send("\x1b", hides="move up")
        screen.wait_for("opened in the browser")
        assert min(answered_s) < 1, answered_s
        wait_until(lambda: visited.read_text()[opened:].count("https://-x/--flag\n") >= 2)
        # By now each has done what it could to the terminal.
        assert screen.modes_now == modes
        assert b"NOISE" not in screen.raw
        assert screen.raw.count(b"\x1b[?1049l") == 0
        screen.quit()
    assert visited.read_text().splitlines()[-1] == "https://-x/--flag"
    assert not list(tmp_path.rglob("pwned"))


# Settings that are not ours (Z11)

HOSTILE_ENV: Final = {
    "TEXTUAL": "debug,devtools", "TEXTUAL_DEBUG": "1", "TEXTUAL_LOG": "textual.log", "TEXTUAL_DEVTOOLS": "1",
    "TEXTUAL_DEVTOOLS_HOST": "127.0.0.1", "TEXTUAL_DRIVER": "hijack:Driver", "TEXTUAL_PRESS": "q",
    "TEXTUAL_SCREENSHOT": "0.1", "TEXTUAL_SCREENSHOT_LOCATION": ".", "PYTHONSTARTUP": "hijack.py", "PYTHONINSPECT": "1",
    "PYTHONDEVMODE": "1", "PYTHONWARNINGS": "always", "PYTHONBREAKPOINT": "hijack.breakpoint", "NETRC": "netrc",
    **dict.fromkeys(("PAGER", "EDITOR", "SHELL"), "./hijack.sh"),
}  # fmt: skip
HIJACKED: Final = (
    "textual", "rich", "taskdash", "click", "httpx", "httpcore", "sqlite3", "json", "platformdirs", "filelock",
    "tomllib", "PIL", "textual_image", "hijack", "sitecustomize", "usercustomize", "asyncio", "_sqlite3",
)  # fmt: skip


@pytest.fixture
def hijacked(taskdash: Command, tmp_path: Path) -> Path:
    """A current folder full of what other programs would read or run; the file that tells whether one did."""
    ran = tmp_path / "ran"
    for name in HIJACKED:
        (tmp_path / f"{name}.py").write_text(f"open({str(ran)!r}, 'a').write({name!r} + '\\n')\n")
    for name in ("hijack.sh", "xdg-open", "wl-copy", "tmux", "python3", "sh", "stty"):
        taskdash.program(name, f"echo {name} >> {ran}")
    variables = "AIGPTIMAGE_API_KEY=sk-other\nTASKDASH_BASE_URL=http://127.0.0.1:1\nTASKDASH_PROFILE=other\n"
    for name in (".env", "taskdash.env"):
        (tmp_path / name).write_text(variables)
    for name in ("netrc", "home/.netrc"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("machine 127.0.0.1 login other password other\ndefault login other password other\n")
        path.chmod(0o600)
    for name in ("pyproject.toml", "setup.cfg", ".taskdash.toml", "taskdash.toml"):
        (tmp_path / name).write_text("[tool.taskdash]\nprofile = 'other'\n")
    return ran


@pytest.mark.row("Z11")
def test_nothing_in_the_current_folder_or_of_other_programs_settings_counts(
    taskdash: Command, api: FilesApi, tmp_path: Path, hijacked: Path
) -> None:
    api.file = pictures.halves()
    api.set(IDS[0], success_body(IDS[0], [f"{api.url}/files/1"]))
    before = set(trees.picture_of(tmp_path))
    # A browser that does nothing: one of the machine's own would keep its settings here.
    env: dict[str, str | None] = {**HOSTILE_ENV, "WAYLAND_DISPLAY": "wayland-0", "BROWSER": "true"}
    for arguments in (["add", IDS[0]], ["check"], ["download", "-o", "pictures"]):
        done = taskdash(*arguments, env=env, stdin="import hijack\n")
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        assert ">>>" not in done.stdout + done.stderr
    assert {request.headers.get("authorization") for request in api.requests} == {f"Bearer {KEY}", None}
    with taskdash.dashboard(env=env) as screen:
        screen.wait_for("▀")
        screen.paste("nothing to see here\n" * 200, shows="Add tasks")
        screen.send("\x1b", hides="Add tasks")
        screen.send("y", shows="Copied")
        screen.send("1", shows="browser")
        screen.quit()
        assert b"Warning" not in screen.raw
        assert b">>>" not in screen.raw
    assert not hijacked.exists(), hijacked.read_text()
    new = {name.partition("/")[0] for name in set(trees.picture_of(tmp_path)) - before}
    assert {name for name in new if not name.startswith("tasks.db")} <= {"pictures", "state", "data", "cache"}


def test_these_tests_would_see_a_key_in_every_form() -> None:
    for key in (KEY, AWKWARD_KEY):
        for before in range(4):
            assert found_in(base64.b64encode(b"x" * before + key.encode() + b"yyy"))
            assert found_in(base64.urlsafe_b64encode(b"x" * before + key.encode() + b"yyy"))
        for text in (key, quote(key, safe=""), repr(key), json.dumps(key), f"a{key}b"):
            assert found_in(text), text
    assert not found_in(KEY[:-8] + repr(b"sk-canary"))
