"""Tests gateways with other paths and another header, by the README's own config, and several in one view.

Each is watched with its own key, and one without a key is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import EAGER, KEY, Command, wait_until
from tests.servers import FakeApi, Reply, success_body, waiting_body

README = Path(__file__).parents[2] / "README.md"
JOBS, VEO, TASKS = "/api/v1/jobs/recordInfo", "/api/v1/veo/record-info", "/v1/tasks/{id}"
IS_NULL = Reply(200, {"code": 422, "msg": "recordInfo is null"})
KNOWN = "5064bd1a-3f6e-4d22-9a55-1f3f0c8a7b11"


@pytest.fixture
def api() -> Iterator[FakeApi]:
    body = success_body(KNOWN, creditsConsumed=42)
    gateway = FakeApi(
        {KNOWN: body}, key=KEY, default=IS_NULL, path=TASKS, elsewhere=IS_NULL, auth_header="x-key: {key}"
    )
    with gateway as api:
        yield api


@pytest.fixture
def taskdash(tmp_path: Path, api: FakeApi) -> Command:
    taskdash = Command(tmp_path, first=EAGER)
    section = README.read_text("utf-8").partition("### Other gateways")[2]
    found = re.search(r"```toml\n(.*?)```", section, re.DOTALL)
    assert found is not None
    taskdash.config.write_text(found[1].replace("https://api.example.com", api.url), "utf-8")
    taskdash.env["OTHER_API_KEY"] = KEY
    return taskdash


def asked(api: FakeApi, task_id: str) -> list[str]:
    """Return the paths under which a task was asked for, in their order."""
    targets = [request.target for request in api.requests if task_id in request.target]
    return [
        target.replace(task_id, "{id}") if "/v1/tasks/" in target else target.partition("?")[0]
        for target in targets
    ]


def test_a_task_is_found_under_the_third_path_which_is_asked_alone_from_then_on(
    taskdash: Command, api: FakeApi
) -> None:
    (task,) = taskdash.json("wait", KNOWN, "--json")
    assert (task["state"], task["recordPath"], task["credits"]) == ("success", TASKS, 42)
    assert asked(api, KNOWN) == [JOBS, VEO, TASKS]
    taskdash.ok("check", KNOWN)
    assert asked(api, KNOWN) == [JOBS, VEO, TASKS, TASKS]
    assert re.search(rf"^path +{re.escape(TASKS)}$", taskdash.ok("show", KNOWN).stdout, re.MULTILINE)
    rows = taskdash.ok("list", "--csv").stdout.splitlines()
    assert rows[0].endswith(",saved,credits,recordPath,verdicts,overdue")
    assert rows[1].endswith(f",42,{TASKS},[null],false")
    other = Command(taskdash.folder / "other")
    other.ok("import", "-", stdin=taskdash.ok("export").stdout)
    (moved,) = other.json("list", "--all-profiles", "--json")
    assert (moved["recordPath"], moved["credits"]) == (TASKS, 42)


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
def both(tmp_path: Path, ours: FakeApi, theirs: FakeApi) -> Command:
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
    both: Command, ours: FakeApi, theirs: FakeApi
) -> None:
    with both.dashboard() as screen:
        screen.wait_for("everything 2")
        wait_until(lambda: theirs.count(THEIRS) and ours.count(OURS))
        screen.send("[", shows="[everything 2]")
        screen.wait_for("◐ waiting     aigptimage")
        screen.send("g", shows="▌ ◐ waiting     kie")
        theirs.set(THEIRS, success_body(THEIRS))
        screen.send("r", shows="Checking now.")
        screen.wait_for("✓ success", 30)
        screen.wait_for(lambda _: screen.title == "1 waiting")
        wait_until((both.folder / "ended").exists)
        assert (both.folder / "ended").read_text() == "kie\n"
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
