"""Two who change one list at a time: each writes what was typed there, and neither loses what the other wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import Command
from tests.pty_screen import PtyScreen
from tests.servers import FakeApi, success_body

TASK = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
OTHER = "5f6ff8ea-ae97-4bb8-af5e-752ef4e96c0d"


@pytest.fixture
def taskdash(tmp_path: Path) -> Iterator[Command]:
    with FakeApi({each: success_body(each) for each in (TASK, OTHER)}) as api:
        command = Command(tmp_path, api)
        command.ok("add", TASK, "--label", "old")
        command.ok("check", TASK)
        yield command


def edit(screen: PtyScreen) -> None:
    screen.send("e", shows="Tab next field")


def label_and_note(taskdash: Command) -> tuple[str | None, str | None]:
    task = taskdash.json("show", TASK, "--json")
    return task["label"], task["note"]


def test_of_two_edits_at_a_time_each_writes_what_was_typed_there(taskdash: Command) -> None:
    with taskdash.dashboard() as one, taskdash.dashboard() as two:
        for screen in (one, two):
            screen.wait_for("✓ success")
            edit(screen)
        two.send("\tmind the hand\r", shows="Saved")
        one.send("er\r", shows="Saved")
        assert label_and_note(taskdash) == ("older", "mind the hand")
        # What is taken back is what was done here.
        one.send("z", shows="Restored")
        assert label_and_note(taskdash) == ("old", "mind the hand")
        for screen in (one, two):
            screen.quit()


def test_what_was_added_again_meanwhile_gets_back_all_that_was_known_of_it(taskdash: Command) -> None:
    with taskdash.dashboard() as screen:
        screen.wait_for("✓ success")
        edit(screen)
        screen.send("\tmind the hand\r", shows="Saved")
        screen.send("x", shows="Remove this task")
        screen.send("y", shows="Removed 1 task")
        assert taskdash("add", TASK).stdout == f"{TASK}\n"
        screen.wait_for(TASK[:8])
        screen.send("z", shows="had been added again")
        screen.wait_for("✓ success")
        screen.quit()
    assert label_and_note(taskdash) == ("old", "mind the hand")
    taskdash.ok("open", TASK, "--print")
