"""The user's own commands with real programs: what they get, what is said of them, and how they are ended."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.bodies import success_body, waiting_body
from tests.command import wait_until
from tests.store_lists import replied
from tests.unit.results.fakes import KEY, programs

from taskdash.config.own import OwnCommand
from taskdash.domain.task import TaskDetail
from taskdash.results.own_commands import Ended, OwnCommands
from taskdash.store.store import Store

PROFILE = "aigptimage"
NOW_MS = 1_777_475_100_000
IDS = ["task_own_0000000001", "task_own_0000000002", "task_own_0000000003"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "tasks.db") as opened:
        opened.additions.add(PROFILE, IDS, NOW_MS, label="fox")
        for task_id in IDS:
            replied(opened, waiting_body(task_id), PROFILE, NOW_MS)
        replied(opened, success_body(IDS[0], ["https://cdn.example/a.png"]), PROFILE, NOW_MS)
        yield opened


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[OwnCommands]:
    secrets = {"AIGPTIMAGE_API_KEY": "x", "SOME": f"a {KEY}"}
    environ = {"PATH": os.environ["PATH"], "TASKDASH_CONFIG": "c", **secrets}
    made = OwnCommands(programs(tmp_path / "tasks.db", environ))
    yield made
    made.close()


def own(*arguments: str, runs_for: str = "each") -> OwnCommand:
    return OwnCommand(name="mine", command=arguments, runs_for=runs_for)


def run(commands: OwnCommands, store: Store, command: OwnCommand, count: int = 3) -> Ended:
    """Run a command for the first tasks, and wait for it."""
    ended: list[Ended] = []
    commands.run(command, seqs_of(store)[:count], reader(store), ended.append)
    wait_until(lambda: ended, 20)
    return ended[0]


def seqs_of(store: Store) -> list[int]:
    return [store.tasks.find(PROFILE, task_id).seq for task_id in IDS]


def reader(store: Store) -> Callable[[Sequence[int]], list[TaskDetail]]:
    """Return what reads tasks in another thread, to which the store does not belong."""
    found = {detail.task.seq: detail for detail in store.tasks.details(seqs_of(store), raw=False)}
    return lambda seqs: [found[seq] for seq in seqs]


def test_for_each_it_gets_the_task_as_on_finish_does_and_no_key(store: Store, commands: OwnCommands) -> None:
    ended = run(commands, store, own("sh", "-c", "cat; env | sort; echo $0", "$HOME `id`"), count=1)
    first, *environment, argument = ended.output.splitlines()
    task = json.loads(first)
    assert (task["taskId"], task["state"], task["resultUrls"]) == (
        IDS[0],
        "success",
        ["https://cdn.example/a.png"],
    )
    assert {"TASKDASH_STATE=success", "TASKDASH_LABEL=fox", "TASKDASH_CONFIG=c"} <= set(environment)
    assert any(line.startswith("TASKDASH_STORE=/") for line in environment)
    assert not any("KEY" in line or line.startswith("SOME") for line in environment)
    assert argument == "$HOME `id`"
    assert (ended.text, ended.is_bad) == ("mine: ended (exit 0)", False)


def test_for_each_it_is_run_once_a_task_and_what_each_printed_is_told_apart(
    store: Store, commands: OwnCommands
) -> None:
    command = own("sh", "-c", '[ "$TASKDASH_STATE" = success ] && echo good; [ "$TASKDASH_STATE" = success ]')
    ended = run(commands, store, command)
    assert ended.text == "mine ended for 3 tasks, 2 of which failed: failed (exit 1)"
    assert (ended.output, ended.is_bad) == (f"{IDS[0]}:\ngood", True)


def test_for_all_it_gets_one_array(store: Store, commands: OwnCommands) -> None:
    ended = run(commands, store, own("sh", "-c", "cat; env", runs_for="all"))
    array, *environment = ended.output.splitlines()
    assert [task["taskId"] for task in json.loads(array)] == IDS
    assert not any(line.startswith("TASKDASH_STATE") for line in environment)
    assert ended.text == "mine: ended (exit 0)"


def test_what_it_prints_is_inert_and_without_a_key(store: Store, commands: OwnCommands) -> None:
    ended = run(commands, store, own("printf", f"\\033[31mred\\007 {KEY}\\n\\tb"), count=1)
    assert "\x1b" not in ended.output
    assert "red" in ended.output
    assert KEY not in ended.output
    assert ended.output.endswith("***\n\tb")


def test_one_that_cannot_be_run_is_tried_for_the_first_alone(store: Store, commands: OwnCommands) -> None:
    ended = run(commands, store, own("no-such-program"))
    assert ended == ("mine: no-such-program was not found", "", True)


def test_one_that_fails_is_said(store: Store, commands: OwnCommands) -> None:
    ended = run(commands, store, own("sh", "-c", "exit 3"), count=1)
    assert ended == ("mine: failed (exit 3)", "", True)


def test_one_that_hangs_is_not_run_for_the_rest(tmp_path: Path, store: Store) -> None:
    slow = programs(tmp_path / "tasks.db", {"PATH": os.environ["PATH"]}, limit_s=0.3)
    ended = run(OwnCommands(slow), store, own("sh", "-c", "echo once; exec sleep 60"))
    assert ended.text == "mine: took too long and was ended; not run for the rest"
    assert ended.output == "once"


def test_the_end_of_the_dashboard_ends_it(store: Store, commands: OwnCommands, tmp_path: Path) -> None:
    ended: list[Ended] = []
    slow = own("sh", "-c", f"touch {tmp_path}/began; exec sleep 60")
    commands.run(slow, seqs_of(store), reader(store), ended.append)
    wait_until((tmp_path / "began").exists, 5)
    assert commands.running == ["mine"]
    commands.close()
    assert [each.text for each in ended] == ["mine: was ended together with taskdash"]
    assert commands.running == []


def test_tasks_that_were_removed_meanwhile_are_left_out(commands: OwnCommands) -> None:
    ended: list[Ended] = []
    commands.run(own("true"), [1, 2], lambda _: [], ended.append)
    wait_until(lambda: ended, 5)
    assert ended[0].text == "mine: these tasks are no longer on the list"
