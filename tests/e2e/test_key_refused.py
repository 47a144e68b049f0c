"""When a refusal of the key is believed, what goes on in spite of it, and when it is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.command import Command
from tests.servers import FakeApi, Reply, success_body

if TYPE_CHECKING:
    from pathlib import Path

FIREWALL = Reply(403, b"<html><title>Just a moment...</title></html>", {"Content-Type": "text/html"})
FIRST, LATER = "task_first_12345678", "task_later_12345678"


def test_one_page_of_a_firewall_stops_neither_a_dashboard_nor_a_wait(
    tmp_path: Path, fake_api: FakeApi
) -> None:
    taskdash = Command(tmp_path, fake_api)
    fake_api.set(FIRST, [FIREWALL, success_body(FIRST)])
    fake_api.set(LATER, [FIREWALL, success_body(LATER)])
    taskdash("add", FIRST)
    with taskdash.dashboard() as screen:
        screen.wait_for("✓ success", 60)
        assert "Unauthorized" not in screen.text
    done = taskdash.ok("wait", LATER, timeout_s=60)
    assert "refused" in done.stderr


def test_a_dashboard_with_one_refused_id_asks_for_those_that_are_added_later_and_says_when_it_tries_again(
    tmp_path: Path, fake_api: FakeApi
) -> None:
    taskdash = Command(tmp_path, fake_api)
    fake_api.set(FIRST, Reply(403))
    fake_api.set(LATER, success_body(LATER))
    taskdash("add", FIRST)
    with taskdash.dashboard() as screen:
        screen.wait_for("Unauthorized", 60)
        screen.wait_for("trying again in 4m", 30)
        assert fake_api.count(FIRST) == 2
        refused = taskdash("wait", FIRST, timeout_s=60)
        assert refused.returncode == 4
        assert "again in" in refused.stderr
        taskdash("add", LATER)
        screen.wait_for("✓ success", 60)
        screen.wait_for(lambda text: "Unauthorized" not in text, 30)


def test_a_check_goes_on_after_one_refused_id_and_stops_when_another_says_so(
    tmp_path: Path, fake_api: FakeApi
) -> None:
    ids = [f"task_many_{n}_12345678" for n in range(12)]
    for task_id in ids:
        fake_api.set(task_id, success_body(task_id))
    fake_api.set(ids[0], Reply(403))
    taskdash = Command(tmp_path, fake_api, per_second=2)
    done = taskdash("check", *ids, timeout_s=60)
    assert done.returncode == 4
    assert len(done.stdout.splitlines()) == len(ids) - 1
    fake_api.override = Reply(401)
    before = fake_api.count()
    done = taskdash("check", *ids, timeout_s=60)
    assert done.returncode == 4
    assert "not checked: the gateway refuses the key" in done.stderr
    assert fake_api.count() - before < len(ids)
