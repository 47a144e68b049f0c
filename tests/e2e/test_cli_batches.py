"""Many tasks at once: `add --wait`, `wait --compact`, and IDs that stand on standard input."""

from __future__ import annotations

import json
import signal

import pytest
from tests.bodies import saved_name
from tests.command import KEY, Command
from tests.files_api import FilesApi
from tests.servers import fail_body, success_body, waiting_body

OK, BAD, RUN = (f"task_{name}_12345678" for name in ("good", "bad", "run"))


@pytest.fixture
def taskdash(taskdash: Command, api: FilesApi) -> Command:
    api.set(OK, success_body(OK, [f"{api.url}/files/{OK}"]))
    api.set(BAD, fail_body(BAD))
    api.set(RUN, [waiting_body(RUN), success_body(RUN)])
    return taskdash


def test_add_can_wait_for_what_it_was_given(taskdash: Command, api: FilesApi) -> None:
    done = taskdash("add", "-", "--wait", "--label", "mugs", stdin=f"taskId: {RUN}\ntaskId: {OK}\n")
    assert (done.returncode, done.stdout.split()) == (0, [RUN, OK]), done.stderr
    assert f"{RUN}: waiting -> success" in done.stderr
    assert "2 tasks finished: 2 succeeded" in done.stderr

    # What was listed before is waited for as well, and what wait exits with counts.
    done = taskdash("add", OK, BAD, "two words", "--wait", "--json", "--timeout", "15m")
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert (document["added"], document["listed"]) == ([BAD], [OK])
    assert [each["text"] for each in document["ignored"]] == ["two words"]
    ended = [(task["taskId"], task["state"]) for task in document["tasks"]]
    assert ended == [(OK, "success"), (BAD, "fail")]
    api.set(RUN, waiting_body(RUN))
    taskdash.ok("remove", RUN)
    done = taskdash("add", RUN, "--wait", "--json", "--timeout", "1")
    assert (done.returncode, json.loads(done.stdout)["tasks"][0]["state"]) == (124, "waiting")


def test_an_interrupted_add_does_not_send_its_user_to_what_created_the_tasks(
    taskdash: Command, api: FilesApi
) -> None:
    """Run again, a program before the pipe creates them once more, and they are paid for."""
    api.set(RUN, waiting_body(RUN))
    api.set(BAD, waiting_body(BAD))
    for ids, wait in ([RUN], f"`taskdash wait {RUN}`"), ([RUN, BAD], "`taskdash wait` with these IDs"):
        checks = api.count(RUN)
        process = taskdash.start("add", *ids, "--wait")
        api.wait_for(lambda checks=checks: api.count(RUN) > checks, 10)  # type: ignore[misc] # the default binds it
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10)[1].endswith(f"interrupted; run {wait} to resume\n")
        assert process.returncode == 130


def test_add_waits_for_nothing_where_it_found_nothing(taskdash: Command) -> None:
    done = taskdash("add", "two words", "--wait", "--json")
    assert (done.returncode, json.loads(done.stdout)["added"]) == (1, [])
    for option in (("--timeout", "5"), ("--compact",)):
        done = taskdash("add", OK, *option)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{option[0]} needs --wait" in done.stderr


def test_a_compact_wait_has_one_line_with_a_bar(taskdash: Command, api: FilesApi) -> None:
    api.set(RUN, waiting_body(RUN))
    api.set(BAD, fail_body(BAD, failMsg="No."))
    taskdash.ok("add", OK, BAD, RUN)
    with taskdash.dashboard("wait", OK, BAD, RUN, "--compact", columns=80, rows=12) as screen:
        screen.wait_for("▰▰▰▰▰▱▱▱ 2/3 · 1 failed")
        failed, bar = (line for line in screen.text.splitlines() if line.strip())
        assert failed.startswith(f"{BAD}: new -> fail: No. (A cinematic")
        assert bar.startswith("▰▰▰▰▰▱▱▱ 2/3 · 1 failed")
        api.set(RUN, success_body(RUN))
        assert screen.wait_exit(60) == 1


def test_ids_on_standard_input_are_one_a_line_or_in_any_text(taskdash: Command, api: FilesApi) -> None:
    taskdash.ok("add", OK, "odd-form.1")
    api.set("odd-form.1", success_body("odd-form.1"))
    done = taskdash("wait", "-", stdin=f"{OK[:9]}\n\nodd-form.1\r\n")
    assert done.returncode == 0, done.stderr
    assert "2 tasks finished" in done.stderr
    done = taskdash("download", "-", stdin=f'12:00 INFO made {{"taskId": "{OK}"}}, and a cat\n')
    assert (done.returncode, done.stdout.strip().endswith(saved_name(OK))) == (0, True), done.stderr
    done = taskdash("check", RUN, "-", stdin=f"see task id {OK}")
    assert done.stdout == f"{RUN}\tnew -> waiting\n"
    assert api.count(OK) == 2


def test_without_an_id_on_standard_input_there_is_nothing_to_do(taskdash: Command) -> None:
    for command in ("wait", "download", "check"):
        for text in ("", "\n", "no such thing here", f"{KEY}\n"):
            done = taskdash(command, "-", stdin=text)
            assert (done.returncode, done.stdout) == (1, ""), (command, text)
            assert done.stderr == "taskdash: no task IDs on standard input\n"
    assert taskdash("wait", "-", "--json", stdin="").stdout == "[]\n"
    assert taskdash("wait", "-", stdin="nowhere\n").returncode == 3


def test_redo_prints_what_failed_for_a_script_to_send(taskdash: Command, api: FilesApi) -> None:
    prompt = "it's a \u202ecat \U0001f468\u200d\U0001f469 " + "x" * 5_000
    request = {"model": "m", "input": {"prompt": prompt, "size": "1:1"}}
    other = "task_other_12345678"
    api.set(BAD, fail_body(BAD, param=json.dumps(request)))
    api.set(other, fail_body(other, param=None))
    taskdash("add", OK, BAD, RUN, "--wait")
    sent = len(api.requests)

    done = taskdash.ok("redo")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [request]
    assert done.stdout.isascii()
    assert done.stderr == "1 request printed\n"
    assert taskdash.ok("redo", "--filter", "state:fail").stdout == done.stdout
    assert json.loads(taskdash.ok("redo", OK[:9]).stdout)["model"] == "gpt-image-2-text-to-image"
    nothing = taskdash.ok("redo", "--filter", f"id:{OK}")
    assert (nothing.stdout, nothing.stderr) == ("", "nothing to redo: no failed tasks\n")
    assert len(taskdash.ok("redo", "--state", "success").stdout.splitlines()) == 2

    taskdash("add", other, "--wait")
    done = taskdash("redo", "-q", "-", stdin=f"{other}\n{BAD}\n")
    assert (done.returncode, json.loads(done.stdout)) == (1, request)
    assert done.stderr == f"taskdash: {other}: no param in its record\n"
    assert taskdash("redo", "nowhere").returncode == 3

    curl = taskdash.ok("redo", BAD, "--format", "curl").stdout
    assert '-H "Authorization: Bearer $AIGPTIMAGE_API_KEY"' in curl
    assert curl.startswith(f"curl -sS {api.url}/api/v1/jobs/createTask")
    assert len(api.requests) == sent + 1, "it sends nothing"
