"""Every row of the command table, run as a real process against a real server; and every exit code, provoked."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.command import KEY, PROGRAM, Command, listed
from tests.servers import FakeApi, Reply, fail_body, rate_limit_reply, success_body, waiting_body

from taskdash.cli.main import COMMANDS
from taskdash.domain.task_json import FIELDS

OK, BAD, RUN = "task_good_12345678", "task_bad_12345678", "task_run_12345678"
LOST = "task_lost_12345678"
LINKS = ["https://cdn.example.com/1.png", "https://cdn.example.com/2.png"]


def teach(api: FakeApi) -> None:
    """Make the API know three tasks."""
    api.set(OK, success_body(OK, LINKS))
    api.set(BAD, fail_body(BAD))
    api.set(RUN, waiting_body(RUN))


@pytest.fixture
def taskdash(taskdash: Command, api: FakeApi) -> Command:
    """A command line on an empty list; the API knows three tasks."""
    teach(api)
    return taskdash


@pytest.fixture(scope="module")
def filled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the three on the list and checked, made once."""
    with FakeApi() as api:
        teach(api)
        taskdash = Command(tmp_path_factory.mktemp("filled"), api)
        taskdash.ok("add", OK, BAD, RUN, "--label", "hero")
        taskdash.ok("check")
    return taskdash.store


@pytest.fixture
def filled(taskdash: Command, filled_store: Path) -> Command:
    """The command line with a copy of that store."""
    shutil.copy(filled_store, taskdash.store)
    return taskdash


# The rows


def test_add_prints_the_ids_added_in_order_of_first_sight(taskdash: Command) -> None:
    done = taskdash("add", OK, "https://x.test/?taskId=5064bd1a-025a-490b-b28f-6a9fa12eb88a", OK, "task_xxx")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [OK, "5064bd1a-025a-490b-b28f-6a9fa12eb88a", "task_xxx"]
    assert "3 added" in done.stderr


def test_add_as_json_tells_added_listed_and_ignored(taskdash: Command) -> None:
    taskdash("add", OK)
    done = taskdash("add", OK, BAD, "nothing to see here", "--json")
    document = json.loads(done.stdout)
    assert document["added"] == [BAD]
    assert document["listed"] == [OK]
    assert [set(item) for item in document["ignored"]] == [{"text", "why"}]


def test_add_reads_standard_input_without_text_and_for_a_dash(taskdash: Command) -> None:
    assert taskdash("add", stdin=f"created task: {OK}\n").stdout == f"{OK}\n"
    assert taskdash("add", BAD, "-", stdin=f'{{"taskId": "{RUN}"}}').stdout == f"{BAD}\n{RUN}\n"
    assert taskdash("add", LOST, stdin=f"{OK}x").stdout == f"{LOST}\n"


@pytest.mark.parametrize("argument", ["sk-0123456789", KEY])
def test_add_refuses_a_key_without_repeating_it(taskdash: Command, argument: str) -> None:
    for arguments in ((argument,), (argument, "--json"), (OK, "--label", argument)):
        done = taskdash("add", *arguments)
        assert done.returncode in (1, 2) or argument != KEY
        assert argument not in done.stdout + done.stderr
    assert argument.encode() not in taskdash.store.read_bytes() or argument != KEY


def test_list_as_json_is_an_array_of_tasks_with_the_contracts_fields(filled: Command) -> None:
    done = filled("list", "--json")
    tasks = json.loads(done.stdout)
    assert done.stdout.isascii()
    assert [task["taskId"] for task in tasks] == [OK, BAD, RUN]
    assert all(tuple(task) == FIELDS for task in tasks)
    known = (
        {"state": "success", "costTime": 32241, "resultUrls": LINKS},
        {"state": "fail", "failCode": "400", "costTime": None, "completeTime": None},
        {"state": "waiting", "rawState": "waiting", "label": "hero", "problem": None},
    )
    assert [task | fields for task, fields in zip(tasks, known, strict=True)] == tasks
    assert tasks[2]["param"]["input"]["prompt"].startswith("A cinematic portrait")


def test_list_chooses_and_sorts(filled: Command) -> None:
    for words, ids in {
        "--state success": [OK],
        "--state fail": [BAD],
        "--state unfinished": [RUN],
        "--state new": [],
        "--filter 'state:fail policies'": [BAD],
        "--filter '!state:fail' --sort id": [OK, RUN],
        "--filter 'cost:>30s'": [OK],
        "--filter 'duration:<=32241ms'": [OK],
        "--sort duration": [OK, BAD, RUN],
        "--sort -added": [RUN, BAD, OK],
        "--sort state": [RUN, OK, BAD],
        "--sort -id": [RUN, OK, BAD],
        "--limit 2": [OK, BAD],
        "--limit 0": [],
    }.items():
        assert filled.ids(*shlex.split(words)) == ids, words


def test_list_is_separated_by_tabs_without_a_terminal_or_by_commas_with_a_header(filled: Command) -> None:
    lines = filled("list").stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines] == [
        ["STATE", "TASK ID"],
        ["success", OK],
        ["fail", BAD],
        ["waiting", RUN],
    ]
    assert "\x1b" not in "".join(lines)
    assert filled("list", "--no-header").stdout.splitlines() == lines[1:]
    assert filled("list", "--wide").stdout.splitlines() == lines
    rows = list(csv.DictReader(filled("list", "--csv").stdout.splitlines()))
    assert tuple(rows[0]) == FIELDS
    assert json.loads(rows[0]["resultUrls"]) == LINKS
    assert rows[0]["problem"] == ""


def test_show_prints_one_task_and_its_body(filled: Command) -> None:
    assert "policies" in filled("show", BAD).stdout
    task = json.loads(filled("show", OK[:10], "--json").stdout)
    assert tuple(task) == FIELDS
    assert json.loads(filled("show", OK, "--raw").stdout)["data"]["taskId"] == OK


def test_check_prints_what_changed(taskdash: Command, api: FakeApi) -> None:
    taskdash("add", OK, RUN)
    done = taskdash.ok("check")
    assert sorted(done.stdout.splitlines()) == [f"{OK}\tnew -> success", f"{RUN}\tnew -> waiting"]
    assert taskdash("check").stdout == ""
    assert (api.count(OK), api.count(RUN)) == (1, 2)
    api.set(RUN, success_body(RUN))
    assert taskdash("check", RUN[:9]).stdout == f"{RUN}\twaiting -> success\n"
    taskdash.ok("check", OK)
    assert api.count(OK) == 2


def test_check_as_json_has_the_tasks_whatever_the_exit_code(taskdash: Command, api: FakeApi) -> None:
    assert taskdash.json("check", "--json") == []
    done = taskdash("check", OK, LOST, "--json")
    assert done.returncode == 3
    found, lost = json.loads(done.stdout)
    assert (found["taskId"], found["state"], tuple(found)) == (OK, "success", FIELDS)
    assert (lost["taskId"], lost["problem"]["kind"]) == (LOST, "not found")
    api.override = Reply(401)
    done = taskdash("check", RUN, "--json")
    assert (done.returncode, json.loads(done.stdout)[0]["problem"]["kind"]) == (4, "unauthorized")


def test_wait_follows_tasks_to_their_end(taskdash: Command, api: FakeApi) -> None:
    api.set(RUN, [waiting_body(RUN), success_body(RUN)])
    done = taskdash.ok("wait", OK, RUN, "--json")
    ended = [(task["taskId"], task["state"]) for task in json.loads(done.stdout)]
    assert ended == [(OK, "success"), (RUN, "success")]
    assert f"{RUN}: new -> waiting" in done.stderr
    assert f"{RUN}: waiting -> success" in done.stderr
    assert "(A cinematic portrait" in done.stderr
    assert re.fullmatch(r"2 tasks finished: 2 succeeded in [0-9.]+s", done.stderr.splitlines()[-1])


def test_open_prints_or_opens_a_result(filled: Command) -> None:
    assert filled("open", OK, "2", "--print").stdout == f"{LINKS[1]}\n"
    filled.browser()
    filled.ok("open", OK[:8])
    assert filled.visited == LINKS[:1]
    assert filled("open", OK, "3", "--print").returncode == 1
    assert filled("open", RUN, "--print").returncode == 1
    assert filled("open", OK, "0").returncode == 2


def test_remove_takes_all_that_are_named_or_none(filled: Command) -> None:
    refused = filled("remove", OK, LOST)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert filled.ids() == [OK, BAD, RUN]
    done = filled("remove", OK[:8], RUN)
    assert (done.returncode, done.stdout.splitlines()) == (0, [OK, RUN])
    assert filled.ids() == [BAD]


def test_export_and_import_move_a_list(filled: Command, tmp_path: Path) -> None:
    before = filled("list", "--json").stdout
    exported = {form: filled("export", "--format", form).stdout for form in ("json", "csv", "toml")}
    for form, text in exported.items():
        (tmp_path / f"list.{form}").write_text(text, "utf-8")
        filled.store = tmp_path / f"{form}.db"
        filled.ok("import", f"list.{form}")
        assert filled("list", "--json").stdout == before
        assert filled("open", OK, "--print").stdout == f"{LINKS[0]}\n"


def test_config_path_show_init_and_check(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
    path = taskdash("config", "path").stdout.strip()
    assert path.endswith("taskdash/config.toml")
    assert taskdash("config", "init", "--tier", "basic").stdout.strip() == path
    again = taskdash("config", "init")
    assert (again.returncode, "already exists; not overwritten" in again.stderr) == (1, True)
    taskdash.ok("config", "check")
    shown = {each["key"]: each for each in taskdash.json("config", "show", "--json")["settings"]}
    assert shown["profiles.aigptimage.tier"]["value"] == "basic"
    assert shown["max_result_mib"]["value"] is None
    assert shown["profiles.aigptimage.tier"]["origin"] == f"file {path}"
    assert shown["profiles.aigptimage.api_key"]["value"] == f"***{KEY[-4:]}"
    assert set(taskdash.json("config", "schema")["properties"]) >= {"profile", "profiles"}
    text = taskdash("config", "show").stdout
    assert KEY not in text
    assert "environment AIGPTIMAGE_API_KEY" in text
    Path(path).write_text('[profiles.aigptimage]\ntear = "basic"\n')
    wrong = taskdash("config", "check")
    assert wrong.returncode == 2
    assert all(word in wrong.stderr for word in (path, "tear", "tier"))


def test_demo_api_serves_what_it_prints(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
    server = taskdash.start("demo-api")
    base_url = server.stdout.readline().split()[-1]
    key = server.stdout.readline().split()[-1]
    assert server.stdout.readline() == "task IDs\n"
    task_id = server.stdout.readline().strip()
    env = {"TASKDASH_BASE_URL": base_url, "AIGPTIMAGE_API_KEY": key}
    assert taskdash("check", task_id, env=env).returncode == 0
    taken = taskdash("demo-api", "--port", base_url.rpartition(":")[2])
    assert (taken.returncode, "cannot listen on 127.0.0.1:" in taken.stderr) == (1, True)
    server.send_signal(signal.SIGINT)
    _, talk = server.communicate(timeout=5)
    assert (server.returncode, "Traceback" in talk, "curl" in talk) == (130, False, True)
    server = taskdash.start("demo-api", "--quiet")
    assert server.stdout.readline().startswith("base URL  http://127.0.0.1:")
    server.send_signal(signal.SIGINT)
    assert server.communicate(timeout=5)[1] == ""


def test_stats_counts_and_times(filled: Command) -> None:
    document = filled.json("stats", "--json")
    assert (document["tasks"], document["success"], document["fail"], document["waiting"]) == (3, 1, 1, 1)
    assert document["successRate"] == 0.5
    assert document["models"][0]["costTimeP50"] == document["models"][0]["costTimeP90"] == 32241
    assert "50.0%" in filled("stats").stdout


def tasks(state: str, count: int, **more: object) -> list[dict[str, object]]:
    return [listed(f"task_{state}_{n:08}", state=state, **more) for n in range(count)]


def test_status_says_what_there_is_in_one_line(taskdash: Command) -> None:
    nothing = taskdash.ok("status")
    assert (nothing.stdout, nothing.stderr) == ("no tasks\n", "")
    assert not taskdash.store.exists()
    taskdash.import_tasks(*tasks("waiting", 12), *tasks("fail", 3, credits=4), *tasks("success", 1_188))
    assert taskdash.ok("status").stdout == "12 waiting · 3 failed · 1,188 done · 12 credits today\n"
    assert taskdash.json("status", "--json") == {
        "profile": "aigptimage", "tasks": 1_203, "new": 0, "waiting": 12, "success": 1_188, "fail": 3,
        "creditsToday": 12,
    }  # fmt: skip
    taskdash.ok("add", "task_new_12345678")
    assert taskdash.ok("status").stdout.startswith("1 new · 12 waiting · ")


def test_a_format_of_status_names_what_it_wants(taskdash: Command) -> None:
    taskdash.import_tasks(*tasks("waiting", 2))
    taskdash.ok("add", "task_new_12345678")
    form = "#[fg=red]{failed}/{total} {new}+{waiting}={unfinished} {done} {credits_today} {profile} {"
    assert taskdash.ok("status", "--format", form).stdout == "#[fg=red]0/3 1+2=3 0 – aigptimage {\n"
    assert taskdash.ok("status", "--format", "{profile}", "--all-profiles").stdout == "all profiles\n"
    for wrong in ("{faild}", "{}", "{new.__class__}", "{0}"):
        done = taskdash("status", "--format", wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.search(r"use \{new\}, .*\{profile\}$", done.stderr), done.stderr
    assert taskdash("status", "--format", "{new}", "--json").returncode == 2


def test_completion_prints_a_script_that_knows_commands_and_ids(filled: Command) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_TASKDASH_COMPLETE" in filled.ok("completion", shell).stdout

    def completed(words: str) -> str:
        count = str(len(words.split()) - 1)
        env = {"_TASKDASH_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": count}
        return filled.warm([str(PROGRAM)], env=env | {"TASKDASH_STORE": str(filled.store)}).stdout

    for words, whole in {
        "hel": "help", "failu": "failures", "ls --no-h": "--no-header", "add --qui": "--quiet",
        "list --pro": "--profile", "show task_g": OK, "label task_g": OK, "list --state unf": "unfinished",
        "wait --state unf": "unfinished", "list --sort crea": "created", "list --sort dura": "duration",
        "export --format to": "toml", "list --log-level war": "warning", "config init --tier stan": "standard",
        "list --all-pro": "--all-profiles", f"--store {filled.store} show task_b": BAD,
        "wait --label h": "hero",
    }.items():  # fmt: skip
        assert f"plain,{whole}" in completed(f"taskdash {words}").splitlines(), words


def test_options_of_all_commands_stand_before_and_after_the_command(filled: Command) -> None:
    options = ["--store", str(filled.store), "--config", str(filled.config), "--profile", "aigptimage"]
    for words in ([*options, "list", "--ids"], ["list", "--ids", *options]):
        assert filled.warm([str(PROGRAM), *words]).stdout.splitlines() == [OK, BAD, RUN]


def test_the_help_of_every_command_has_an_example_and_not_what_all_of_them_take(taskdash: Command) -> None:
    help_of_all = taskdash("--help").stdout
    common = ("--profile", "--config", "--store", "--log-level", "-q, --quiet")
    assert all(f"\n  {option} " in help_of_all for option in common)
    for words in (*COMMANDS, "ls", "config init"):
        helped = taskdash.ok(*words.split(), "--help").stdout
        assert not any(f"\n  {option} " in helped for option in common), words
        example, _, last = helped.splitlines()[-3:]
        assert last == "Global options: see taskdash --help"
        if words in COMMANDS:
            assert example.startswith("  Example: "), "on one line, to be copied"
            line = next(line for line in help_of_all.splitlines() if line.startswith(f"  {words} "))
            assert re.search(r"[^.]\.$", line), line


def test_help_of_a_command_is_what_its_help_option_prints(taskdash: Command) -> None:
    for words in ("", "list", "ls", "config", "config init", "help"):
        assert taskdash("help", *words.split()).stdout == taskdash(*words.split(), "--help").stdout
    for words in ("lsit", "list nothing", "config nothing"):
        done = taskdash("help", *words.split())
        assert (done.returncode, done.stdout) == (2, "")
        assert "no such command" in done.stderr


def test_aliases_do_what_they_are_short_for(filled: Command) -> None:
    assert filled("ls", "--json").stdout == filled("list", "--json").stdout
    assert filled("rm", OK).stdout == f"{OK}\n"
    assert filled.ids() == [BAD, RUN]
    assert filled("-V").stdout == filled("--version").stdout
    assert filled("--version").stdout.startswith("taskdash ")


def test_quiet_leaves_only_errors_on_stderr(taskdash: Command) -> None:
    for words in (
        f"-q add {OK}",
        f"add -q {BAD} {OK}",
        f"remove {OK} --quiet",
        f"--quiet wait {OK}",
        "check -q",
    ):
        assert taskdash(*shlex.split(words)).stderr == "", words
    assert taskdash("add", "-q", LOST).stdout == f"{LOST}\n"
    failed = taskdash("wait", "-q", OK, BAD)
    assert (failed.returncode, len(failed.stderr.splitlines()), "1 failed" in failed.stderr) == (1, 1, True)
    for words in ("show -q nowhere", "-q list --state done", "-q nonsense"):
        done = taskdash(*shlex.split(words))
        assert done.returncode in (2, 3)
        (line,) = done.stderr.splitlines()
        assert line.startswith("taskdash: ")
    with taskdash.config.open("a") as config:
        config.write('tier = "gold"\nodd = 1\n')
    assert len(taskdash("-q", "list").stderr.splitlines()) == 3
    assert taskdash("add", RUN, "-q").stderr == taskdash("add", RUN).stderr


# Exit codes


def test_1_and_4_wait_and_check_end_with_the_code_of_the_problem(taskdash: Command, api: FakeApi) -> None:
    for reply, code in (
        (Reply(402), 1),
        (Reply(400), 1),
        (Reply(200, b"<html>captive</html>"), 1),
        (Reply(401), 4),
    ):
        api.set(LOST, reply)
        for command in ("wait", "check"):
            done = taskdash(command, LOST)
            assert done.returncode == code, done.stderr
            assert (
                len([line for line in done.stderr.splitlines() if LOST in line and "added" not in line]) == 1
            )
        taskdash.ok("remove", LOST)


@pytest.mark.parametrize("reply", [Reply(503), rate_limit_reply(30)])
def test_5_check_does_not_retry_and_wait_rides_it_out_to_its_timeout(
    taskdash: Command, api: FakeApi, reply: Reply
) -> None:
    api.set(LOST, reply)
    assert taskdash("wait", LOST, "--timeout", "1.2").returncode == 5
    asked = api.count(LOST)
    assert taskdash("check", LOST).returncode == 5
    assert api.count(LOST) <= asked + 1


def test_124_wait_is_out_of_time(taskdash: Command) -> None:
    started = time.monotonic()
    assert taskdash("wait", RUN, "--timeout", "0.7").returncode == 124
    assert time.monotonic() - started < 4
    assert taskdash("wait", RUN, "--timeout", "0").returncode == 124


def test_2_wrong_usage_is_one_or_two_lines(taskdash: Command) -> None:
    wrong = (
        "nonsense", "list --nonsense", "list --state done", "list --sort size", "list --filter '\"open'",
        "list --limit -1", "wait", f"wait {OK} --timeout soon", "open", "remove", "completion powershell",
        "export --format xml", "import no-such-file", "import", "demo-api --port 70000", "--profile nobody list",
        "--config /no/such/file list", "--demo list", "config nonsense", f"download {OK} --all",
    )  # fmt: skip
    lines = [taskdash.line(*shlex.split(words))[1:] for words in wrong]
    for words, done in zip(wrong, taskdash.in_a_row(lines), strict=True):
        assert (done.returncode, done.stdout) == (2, ""), (words, done.stderr)
        first, *more = done.stderr.splitlines()
        assert first.startswith("taskdash: ")
        assert not more or (len(more), more[0][:14]) == (1, "try: taskdash "), done.stderr
    assert taskdash("wait", "--nonsense").stderr.splitlines()[1:] == ["try: taskdash wait --help"]


def test_3_an_id_that_the_list_does_not_know(filled: Command) -> None:
    for words in (
        "show nowhere", "show good", "show sk-secret-0123456789", "open nowhere", "remove nowhere", "check nowhere",
        "wait sk-secret-0123456789", "download nowhere",
    ):  # fmt: skip
        done = filled(*words.split())
        assert (done.returncode, done.stdout) == (3, ""), (words, done.stderr)
        assert len(done.stderr.splitlines()) <= 2
        assert "secret" not in done.stderr


def test_3_check_exits_at_the_first_not_found(taskdash: Command, api: FakeApi) -> None:
    done = taskdash("check", LOST, OK)
    assert done.returncode == 3
    assert done.stdout == f"{OK}\tnew -> success\n"
    assert api.count(LOST) == 1


def test_4_no_key(taskdash: Command) -> None:
    for words in ("check", "wait", "wait --json"):
        done = taskdash(*words.split(), RUN, env={"AIGPTIMAGE_API_KEY": None})
        assert (done.returncode, "AIGPTIMAGE_API_KEY" in done.stderr) == (4, True)
    assert json.loads(done.stdout)[0]["taskId"] == RUN


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_128_plus_n_wait_ends_quietly_with_a_signal(
    taskdash: Command, api: FakeApi, number: signal.Signals
) -> None:
    taskdash("add", RUN)
    waiting = taskdash.start("wait", RUN, "--json")
    api.wait_for(lambda: api.count(RUN) >= 1, 10)
    waiting.send_signal(number)
    out, talk = waiting.communicate(timeout=10)
    assert waiting.returncode == 128 + number
    assert json.loads(out)[0]["taskId"] == RUN
    assert "Traceback" not in talk


def test_128_plus_n_check_ends_quietly_with_a_signal(taskdash: Command, api: FakeApi) -> None:
    api.set(RUN, Reply(delay_s=30))
    checking = taskdash.start("check", RUN)
    api.wait_for(lambda: api.count(RUN) == 1, 10)
    checking.send_signal(signal.SIGTERM)
    talk = checking.communicate(timeout=10)[1]
    assert checking.returncode == 143
    assert "Traceback" not in talk
    with closing(sqlite3.connect(taskdash.store)) as connection:
        assert connection.execute("SELECT asked_at_ms FROM tasks").fetchall() == [(None,)]


def test_no_command_loads_textual_and_only_those_that_send_load_a_client(filled: Command) -> None:
    quiet = (
        f"add {OK}", f"add 'taskId: {OK}'", "list --json", "list", f"show {OK}", f"remove {BAD}", "export", "stats",
        f"open {OK} --print", "config show", "completion bash", f"wait {OK}",
    )  # fmt: skip
    code = (
        "import sys; from taskdash.cli.process import exit_code_of\n"
        f"for line in {[filled.line(*shlex.split(words))[1:] for words in (*quiet, 'check')]!r}:\n"
        "    exit_code_of(line)\n"
        "    loaded = {'textual', 'rich', 'httpx', 'httpcore'} & set(sys.modules)\n"
        "    print('loaded:', ','.join(sorted(loaded)), file=sys.stderr)"
    )
    told = filled.run([sys.executable, "-c", code]).stderr.splitlines()
    loaded = [line.partition(": ")[2] for line in told if line.startswith("loaded:")]
    assert loaded[:-1] == [""] * len(quiet)
    assert "httpcore" in loaded[-1]
