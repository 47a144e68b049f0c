"""A time-out is a time-out, and Ctrl+C is the end: no lock, look-up, file host or program holds a command up.

Whatever hangs here hangs for minutes. The limits are wide, as the machine may be slow.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import Command, is_gone, wait_until
from tests.file_server import picture
from tests.files_api import FilesApi
from tests.servers import Peer, Request, http_reply, success_body, waiting_body
from tests.warm import Piped

ID, OTHER = "task_one_12345678", "task_two_12345678"
SOON_S = 20.0
"""What should take a second or two takes less than this on any machine, and what hangs takes more."""

HANGING_RESOLVER = """
import socket, sys, time
real = socket.getaddrinfo

def hanging(host, *args, **kwargs):
    if "slow" in str(host):
        print("looking up", file=sys.stderr, flush=True)
        time.sleep(120)
    return real(host, *args, **kwargs)

socket.getaddrinfo = hanging
"""


class Dripping(FilesApi):
    """Sends the beginning of a file at once, and the rest in pieces."""

    file = picture(800_000)
    at_once, piece, every_s = 100_000, 1, 0.1

    async def _reply(self, peer: Peer, request: Request) -> None:
        if not request.path.startswith("/files/"):
            await super()._reply(peer, request)
            return
        reply = http_reply(200, self.file, {"ETag": '"one"', "Accept-Ranges": "bytes"})
        at = len(reply) - len(self.file) + self.at_once
        await peer.send(reply[:at])
        while at < len(reply) and not peer.gone:
            await asyncio.sleep(self.every_s)
            await peer.send(reply[at : at + self.piece])
            at += self.piece


@pytest.fixture
def api() -> Iterator[Dripping]:
    with Dripping() as running:
        running.set(ID, success_body(ID, [f"{running.url}/files/1"]))
        running.set(OTHER, waiting_body(OTHER))
        yield running


def ended(process: Piped, within_s: float = SOON_S) -> tuple[int, str, str]:
    """Its exit code and what it printed; it is ended whatever it does."""
    try:
        out, err = process.communicate(timeout=within_s)
    finally:
        process.kill()
    return process.wait(0), out, err


def save_all(taskdash: Command, api: Dripping) -> None:
    taskdash.write_config(api.url, top=f'auto_download = true\ndownload_dir = "{taskdash.folder}/saved"')


# Time-outs


def test_a_dripping_host_does_not_hold_up_a_wait_whose_time_is_over(taskdash: Command, api: Dripping) -> None:
    save_all(taskdash, api)
    code, out, err = ended(taskdash.start("wait", ID, "--timeout", "3", "--json"))
    assert code == 0
    assert json.loads(out)[0]["state"] == "success"
    assert json.loads(out)[0]["saved"] == []
    assert "1 result not saved yet" in err
    # What has arrived is gone on with.
    [part] = (taskdash.folder / "saved").glob("*.part")
    assert part.stat().st_size >= 100_000
    code, _, err = ended(taskdash.start("check", ID), within_s=30)
    assert (code, "1 result not saved yet" in err) == (0, True)


def test_a_host_that_sends_at_some_speed_is_waited_for_by_a_check(taskdash: Command, api: Dripping) -> None:
    api.at_once, api.piece, api.every_s = 0, 65_536, 0.5
    save_all(taskdash, api)
    code, _, err = ended(taskdash.start("check", ID), within_s=60)
    assert (code, "not saved" in err) == (0, False)
    assert len(list((taskdash.folder / "saved").glob("*.png"))) == 1


def test_a_resolver_that_hangs_does_not_hold_up_a_wait_whose_time_is_over(taskdash: Command) -> None:
    taskdash.write_config("https://slow.test")
    code, out, err = ended(taskdash.start("wait", OTHER, "--timeout", "4", "--json", first=HANGING_RESOLVER))
    assert "looking up" in err
    assert code in (5, 124), err
    assert [task["taskId"] for task in json.loads(out)] == [OTHER]
    assert "timed out after" in err


@pytest.mark.parametrize("moment", ["before", "while"])
def test_a_list_that_is_locked_does_not_hold_up_a_wait_whose_time_is_over(
    taskdash: Command, api: Dripping, moment: str
) -> None:
    taskdash("add", OTHER)
    if moment == "before":
        with taskdash.locked():
            code, out, _ = ended(taskdash.start("wait", OTHER, "--timeout", "1", "--json"), within_s=9)
        assert code == 6
        assert json.loads(out) == []
        return
    process = taskdash.start("wait", OTHER, "--timeout", "3", "--json")
    api.wait_for(lambda: api.count(OTHER) > 0, timeout_s=30)
    with taskdash.locked():
        code, out, _ = ended(process)
    assert code in (6, 124)
    assert [task["taskId"] for task in json.loads(out)] == [OTHER]


def test_a_command_of_the_user_does_not_hold_up_a_wait_whose_time_is_over(
    taskdash: Command, api: Dripping
) -> None:
    pid = taskdash.folder / "pid"
    line = ["sh", "-c", f"trap '' TERM; echo $$ > {pid}; sleep 120"]
    taskdash.write_config(api.url, top=f"on_finish = {json.dumps(line)}")
    # What had ended before it was added is no news.
    api.set(ID, success_body(ID, completeTime=(int(time.time()) + 3600) * 1000))
    taskdash("add", ID, OTHER)
    process = taskdash.start("wait", ID, OTHER, "--timeout", "8")
    wait_until(lambda: pid.exists() and pid.read_text())
    code, _, err = ended(process, within_s=8 + SOON_S)
    assert code == 124, err
    # It is ended with the command, whatever it thinks of that.
    wait_until(lambda: is_gone(int(pid.read_text())))


# Ctrl+C


@pytest.mark.parametrize("command", ["check", "wait", "download"])
def test_ctrl_c_is_the_end_while_a_resolver_hangs(taskdash: Command, api: Dripping, command: str) -> None:
    if command == "download":
        api.set(OTHER, success_body(OTHER, ["https://slow.test/x.png"]))
        taskdash.ok("check", OTHER)
    else:
        taskdash.write_config("https://slow.test")
    process = taskdash.start(command, OTHER, first=HANGING_RESOLVER)
    for line in process.stderr:
        if "looking up" in line:
            break
    process.send_signal(signal.SIGINT)
    # Before the request's own time is over.
    assert ended(process, within_s=10)[0] == 128 + signal.SIGINT


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (("add", "task_new_12345678"), signal.SIGINT),
        (("check", OTHER), signal.SIGTERM),
        (("wait", OTHER), signal.SIGINT),
        (("wait", OTHER), signal.SIGTERM),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else each.name,
)
def test_a_signal_is_the_end_while_the_list_is_locked(
    taskdash: Command, api: Dripping, arguments: tuple[str, ...], number: signal.Signals
) -> None:
    taskdash("add", OTHER)
    if arguments[0] == "wait":
        process = taskdash.start(*arguments)
        api.wait_for(lambda: api.count() > 0, timeout_s=30)
    with taskdash.locked():
        if arguments[0] != "wait":
            process = taskdash.start(*arguments)
            wait_until(lambda: has_open(process.pid, taskdash.store))
        process.send_signal(number)
        # A lock is waited for longer than this.
        assert ended(process, within_s=8)[0] == 128 + number


def has_open(pid: int, path: Path) -> bool:
    """Whether a process has a file open; where the system does not tell, it is given a while."""
    if not Path("/proc/self/fd").is_dir():
        time.sleep(2)
        return True
    try:
        names = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - their numbers, not paths
        return str(path) in [os.readlink(f"/proc/{pid}/fd/{name}") for name in names]  # noqa: PTH115 - as above
    except OSError:
        return False


def test_ctrl_c_is_the_end_of_a_download_that_cannot_tell_the_list(taskdash: Command, api: Dripping) -> None:
    api.file, api.at_once, api.every_s = picture(10_000), 9_900, 0.02
    taskdash.ok("check", ID)
    process = taskdash.start("download", ID, "-o", "pictures")
    wait_until(lambda: list((taskdash.folder / "pictures").glob("*.part")))
    with taskdash.locked():
        wait_until(lambda: list((taskdash.folder / "pictures").glob("*.png")))
        process.send_signal(signal.SIGINT)
        assert ended(process, within_s=10)[0] == 128 + signal.SIGINT
