"""Keys that are refused, by a gateway or a firewall, and what goes on in spite of it; and several keys at a time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.command import KEY, Command
from tests.servers import FakeApi, Reply, closed_port, success_body, waiting_body

OLD_KEY = "sk-OLD-KEY-0123456789-of-last-year"
OPEN, FIRST, SECOND = "task_open_12345678", "task_first_12345678", "task_second_12345678"
FIREWALL = Reply(403, b"<html><title>Just a moment...</title></html>", {"Content-Type": "text/html"})
LATER = "task_later_12345678"

NO_NETWORK = """
import errno, socket
def connect(*_):
    raise OSError(errno.ENETUNREACH, "Network is unreachable")
socket.socket.connect = socket.socket.connect_ex = connect
"""


@pytest.fixture
def api(api: FakeApi) -> FakeApi:
    """It wants the key that commands have; that of the dashboard is refused."""
    api.set(OPEN, waiting_body(OPEN))
    for task_id in (FIRST, SECOND):
        api.set(task_id, success_body(task_id))
    return api


def test_who_has_a_good_key_takes_over_from_a_dashboard_whose_is_refused(
    taskdash: Command, tmp_path: Path
) -> None:
    taskdash("add", OPEN)
    with taskdash.dashboard(env={"AIGPTIMAGE_API_KEY": OLD_KEY}) as screen:
        screen.wait_for("API key rejected", 60)
        done = taskdash.ok("wait", FIRST, timeout_s=60)
        assert f"the watcher (pid {screen.pid}) uses a different API key" in done.stderr
        checked = taskdash("check", SECOND, timeout_s=60)
        assert checked.returncode == 0, checked.stderr
        assert SECOND in checked.stdout
        screen.quit()
    written = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    for key in (KEY.encode(), OLD_KEY.encode()):
        assert key not in written
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s"):
            digest = hashlib.new(name, key)
            assert digest.digest()[:8] not in written
            assert digest.hexdigest()[:16].encode() not in written


def test_a_check_is_not_answered_with_the_refusal_of_a_key_that_nobody_knew_to_be_bad(
    taskdash: Command,
) -> None:
    taskdash("add", FIRST)
    taskdash("check", FIRST)
    with taskdash.dashboard(env={"AIGPTIMAGE_API_KEY": OLD_KEY}) as screen:
        taskdash.wait_until_watched(screen)
        checked = taskdash("check", SECOND, timeout_s=60)
        assert checked.returncode == 0, checked.stderr
        assert "a different API key" in checked.stderr


def test_who_asks_another_gateway_takes_over_from_a_dashboard_that_reaches_none(
    tmp_path: Path, api: FakeApi
) -> None:
    taskdash = Command(tmp_path)
    taskdash.write_config(f"http://127.0.0.1:{closed_port()}")
    taskdash("add", OPEN)
    with taskdash.dashboard() as screen:
        screen.wait_for("Offline", 60)
        done = taskdash("wait", FIRST, "--timeout", "30", env={"TASKDASH_BASE_URL": api.url}, timeout_s=60)
        assert done.returncode == 0, done.stderr
        assert "uses a different base URL" in done.stderr


def test_a_command_with_another_bad_key_says_so_and_ends(taskdash: Command, api: FakeApi) -> None:
    taskdash("add", OPEN)
    with taskdash.dashboard(env={"AIGPTIMAGE_API_KEY": OLD_KEY}) as screen:
        screen.wait_for("API key rejected", 60)
        done = taskdash("wait", FIRST, env={"AIGPTIMAGE_API_KEY": f"{OLD_KEY}-too"}, timeout_s=60)
        assert done.returncode == 4, done.stderr
        screen.wait_for(lambda text: "watched by" not in text and "key rejected" in text.split("\n")[0], 30)
        assert api.count() < 20


def test_one_page_of_a_firewall_stops_neither_a_dashboard_nor_a_wait(taskdash: Command, api: FakeApi) -> None:
    api.set(FIRST, [FIREWALL, success_body(FIRST)])
    api.set(LATER, [FIREWALL, success_body(LATER)])
    taskdash("add", FIRST)
    with taskdash.dashboard() as screen:
        screen.wait_for("✓ success", 60)
        assert "API key rejected" not in screen.text
    done = taskdash.ok("wait", LATER, timeout_s=60)
    assert "refused" in done.stderr


@pytest.mark.parametrize("command", ["wait", "check"])
def test_who_has_a_network_takes_over_from_a_dashboard_that_has_none(taskdash: Command, command: str) -> None:
    taskdash("add", OPEN)
    with taskdash.dashboard(spoilt_by=NO_NETWORK) as screen:
        screen.wait_for("Offline", 60)
        done = taskdash(command, FIRST, timeout_s=60)
        assert done.returncode == 0, done.stderr
        assert f"the watcher (pid {screen.pid}) cannot reach the gateway" in done.stderr
        screen.send("q")
        screen.wait_exit()
