"""A view of several gateways in the real dashboard: each is watched with its own key, and one without a key is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.canary import KEY
from tests.command import Command, wait_until
from tests.servers import FakeApi, success_body, waiting_body

OURS, THEIRS = "task_ours_0123456789abcdef", "task_kie_0123456789abcdef"
NOT_OURS = f"{KEY}-of-kie"
VIEWS = """
[[views]]
name = "everything"
profiles = "all"
"""


@pytest.fixture
def ours() -> Iterator[FakeApi]:
    with FakeApi({OURS: waiting_body(OURS)}, key=KEY) as api:
        yield api


@pytest.fixture
def theirs() -> Iterator[FakeApi]:
    with FakeApi({THEIRS: waiting_body(THEIRS)}, key=NOT_OURS) as api:
        yield api


@pytest.fixture
def taskdash(tmp_path: Path, ours: FakeApi, theirs: FakeApi) -> Command:
    command = Command(tmp_path)
    command.write_config(
        ours.url,
        top=f'on_finish = ["sh", "-c", "echo $TASKDASH_PROFILE >> {tmp_path}/ended"]\n[view]\npreview = false\n',
        more=f'[profiles.kie]\nbase_url = "{theirs.url}"\napi_key_env = "KIE_API_KEY"\n'
        f"per_second = 50\nper_minute = 3000\nshare = 1.0\n{VIEWS}",
    )
    command.env["KIE_API_KEY"] = NOT_OURS
    command.ok("add", OURS)
    command.ok("--profile", "kie", "add", THEIRS)
    return command


def test_each_gateway_is_watched_with_its_own_key_in_one_table(
    taskdash: Command, ours: FakeApi, theirs: FakeApi
) -> None:
    with taskdash.dashboard() as screen:
        screen.wait_for("everything 2")
        wait_until(lambda: theirs.count(THEIRS) and ours.count(OURS))
        screen.send("[", shows="[everything 2]")
        screen.wait_for("◐ waiting     aigptimage")
        screen.send("g", shows="▌ ◐ waiting     kie")
        theirs.set(THEIRS, success_body(THEIRS))
        screen.send("r", shows="Checking now.")
        screen.wait_for("✓ success", 30)
        screen.wait_for(lambda _: screen.title == "1 waiting")
        wait_until((taskdash.folder / "ended").exists)
        assert (taskdash.folder / "ended").read_text() == "kie\n"
        # Who goes over to the other profile goes on watching both.
        screen.send(":", shows="Search")
        screen.send("profile kie", shows="Profile kie")
        screen.send("\r", shows="taskdash kie")
        ours.set(OURS, success_body(OURS))
        screen.send("[", shows="[everything 2]")
        screen.send("R", shows="Checking")
        screen.wait_for(lambda text: text.count("✓ success") >= 2, 30)
        screen.quit()
    assert {request.headers["authorization"] for request in ours.requests} == {f"Bearer {KEY}"}
    assert {request.headers["authorization"] for request in theirs.requests} == {f"Bearer {NOT_OURS}"}
    assert (ours.count(THEIRS), theirs.count(OURS)) == (0, 0)


def test_a_gateway_without_a_key_is_shown_and_said(taskdash: Command, ours: FakeApi, theirs: FakeApi) -> None:
    with taskdash.dashboard(env={"KIE_API_KEY": None}) as screen:
        screen.wait_for("kie: no API key")
        screen.send("[", shows="[everything 2]")
        screen.send("g", shows="▌ ○ new")
        screen.send("r", shows="Nothing can be checked: no API key for the profile kie")
        wait_until(lambda: ours.count(OURS))
        screen.quit()
    assert theirs.requests == []
