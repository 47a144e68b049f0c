"""What arrives from the keyboard's side: pastes of any size and kind, and bytes that are no keys."""

from __future__ import annotations

import random
import signal
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from tests.command import Command
from tests.faults.sweep import memory_mb
from tests.input_noise import keys, sequence
from tests.pty_screen import PtyScreen
from tests.servers import FakeApi, fail_body, success_body, waiting_body

from taskdash.ui.terminal import TerminalInput

UUID = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"


def send_large(screen: PtyScreen, data: bytes) -> None:
    """Write more than a terminal holds, as fast as the program takes it."""
    for start in range(0, len(data), 4096):
        screen.send(data[start : start + 4096])


def ids(count: int) -> str:
    return "\n".join(f"{number:08x}-025a-490b-b28f-6a9fa12eb88a" for number in range(count))


@pytest.mark.row("I1")
def test_a_paste_of_a_hundred_thousand_ids_is_taken(taskdash: Command, long: bool) -> None:
    count = 100_000 if long else 20_000
    with taskdash.dashboard() as screen:
        screen.wait_for("No tasks yet")
        before_mb = memory_mb(screen.pid)
        send_large(screen, b"\x1b[200~" + ids(count).encode() + b"\x1b[201~")
        screen.wait_for(f"{count:,} new", 60)
        assert memory_mb(screen.pid) - before_mb < 150
        screen.send("\r")
        screen.wait_for(f"Added {count:,} tasks", 60)
        screen.quit()
    assert len(taskdash.ids()) == count


@pytest.mark.row("I1")
def test_a_paste_of_10_mb_is_searched_and_a_longer_one_refused_in_bounded_memory(
    taskdash: Command, long: bool
) -> None:
    line = "2026-04-29 10:52:47 INFO some line of a log that has nothing to do with any task of anybody's\n"
    sizes = (10_000_000, 12_000_000) if long else (10_400_000,)
    for size in sizes:
        text = (line * (size // len(line) + 1))[: size - 40] + f"\n{UUID}\n"
        with taskdash.dashboard() as screen:
            screen.wait_for("No tasks yet")
            before_mb = memory_mb(screen.pid)
            with screen.unseen():
                send_large(screen, b"\x1b[200~" + text.encode() + b"\x1b[201~")
            if size > 10_000_000:
                screen.wait_for("Too long to paste (over 10,000,000 characters)", 60)
                screen.wait_for("taskdash add - < file")
            else:
                screen.wait_for("Found 1 new ID", 60)
            assert memory_mb(screen.pid) - before_mb < 150
            screen.send("\x1b", hides="Add tasks")
            screen.quit()


@pytest.mark.row("I2")
def test_a_paste_of_any_bytes_is_a_paste(taskdash: Command, long: bool) -> None:
    chance = random.Random(6)  # noqa: S311 - the same bytes in every run
    with taskdash.dashboard() as screen:
        screen.wait_for("No tasks yet")
        for size in (64, 4096, *([100_000] * 20 if long else [30_000])):
            noise = chance.randbytes(size).replace(b"\x1b[20", b"")
            send_large(screen, b"\x1b[200~" + noise + b"\xff\xfe\n" + UUID.encode() + b"\n\x1b[201~")
            screen.wait_for("1 new")
            screen.send("\x1b", hides="Add tasks")
        screen.send(b"\xff\xc3\x28\xed\xa0\x80")
        screen.quit()


@pytest.mark.row("I3")
def test_keys_behind_the_end_of_a_paste_inside_a_paste_do_nothing(taskdash: Command) -> None:
    taskdash("add", "task_" + "1" * 32)
    with taskdash.dashboard() as screen:
        screen.wait_for("○ new")
        for keys in ("q", "\x11", "\x03", "xy", "\x1a", "A x y", "\r"):
            screen.send(f"\x1b[200~{UUID}\x1b[201~{keys}\x1b[201~", shows="1 new")
            screen.wait_for("Add tasks")
            screen.send("\x1b", hides="Add tasks")
        screen.quit()
    assert taskdash.ids() == ["task_" + "1" * 32]


@pytest.mark.row("I4")
def test_keys_are_back_within_two_seconds_of_a_paste_without_an_end(taskdash: Command) -> None:
    with taskdash.dashboard() as screen:
        screen.wait_for("No tasks yet")
        screen.send(f"\x1b[200~{UUID}\n and more that never ends".encode())
        began_s = time.monotonic()
        screen.wait_for("1 new", 4)
        assert 1.0 < time.monotonic() - began_s < 3.0
        screen.send("\x1b", hides="Add tasks")
        screen.quit()


@pytest.mark.row("I5")
def test_the_same_id_from_everywhere_is_added_once_and_counted(taskdash: Command, long: bool) -> None:
    many = [f"task_{number:032x}" for number in range(1000 if long else 50)]
    with taskdash.dashboard() as screen, ThreadPoolExecutor(8) as pool:
        screen.wait_for("No tasks yet")
        runs = list(
            pool.map(lambda _: taskdash("add", "-", stdin="\n".join(many * 2)), range(8 if long else 4))
        )
        assert all(run.returncode == 0 for run in runs)
        assert sorted(added for run in runs for added in run.stdout.split()) == sorted(many)
        screen.wait_for(f"All {len(many):,}")
        screen.paste(f"{many[0]} {many[1]} {UUID} {UUID}", shows="Found 1 new ID")
        screen.send("\r", shows="Added 1 task, 2 already listed")
        screen.quit()
    assert sorted(taskdash.ids()) == sorted([*many, UUID])


@pytest.mark.row("I6")
def test_odd_sequences_raise_nothing_in_what_reads_them(long: bool) -> None:
    chance = random.Random(8)  # noqa: S311 - the same noise in every run
    now_s = 0.0
    reader = TerminalInput(lambda: now_s)
    for _ in range(1_000_000 if long else 10_000):
        deque(reader.feed(sequence(chance)), 0)
        now_s += 0.02
        deque(reader.tick(), 0)


# Noise has keys in it, clicks on the footer and choices in the palette: whoever asks to quit so may.
UNQUITTABLE: Final = (
    "from taskdash.ui.app import Dashboard as D;"
    "D.action_quit = D.action_copy_or_quit = D.action_suspend_process = lambda self: None"
)


@pytest.mark.row("I6")
def test_no_keys_but_those_that_quit_end_the_program(taskdash: Command, api: FakeApi, long: bool) -> None:
    bodies = (success_body, fail_body, waiting_body, success_body)
    ids = [f"task_{number:032x}" for number in range(40)]
    for number, task_id in enumerate(ids):
        api.set(task_id, bodies[number % len(bodies)](task_id))
    taskdash("add", *ids)
    chance = random.Random(80)  # noqa: S311 - the same keys in every run
    sent: deque[bytes] = deque(maxlen=8)
    count = 9_000 if long else 60
    sizes = {0: (80, 24), count // 3: (120, 36), 2 * count // 3: (200, 60)}
    with taskdash.dashboard(spoilt_by=UNQUITTABLE) as screen:
        screen.wait_for(lambda text: "✓ success" in text and "× fail" in text, 30)
        with screen.unseen():
            for turn in range(count):
                if turn in sizes:
                    screen.resize(*sizes[turn])
                sent.append(keys(chance))
                screen.send(sent[-1])
                time.sleep(chance.choice((0, 0.02, 0.1)))
                assert screen._process is not None
                assert screen._process.poll() is None, f"ended after {list(sent)}"
        screen.signal(signal.SIGTERM)
        assert screen.wait_exit(30) == 128 + signal.SIGTERM
        assert screen.left_behind == []


@pytest.mark.row("I6")
def test_odd_sequences_do_not_end_the_program(taskdash: Command, long: bool) -> None:
    taskdash.write_config("https://127.0.0.1:9")
    chance = random.Random(9)  # noqa: S311 - the same noise in every run
    with taskdash.dashboard(spoilt_by=UNQUITTABLE) as screen:
        screen.wait_for("No tasks yet")
        with screen.unseen():
            for _ in range(500 if long else 12):
                screen.send(b"".join(sequence(chance) for _ in range(40)))
                time.sleep(0.02)
        time.sleep(2.2)
        screen.resize(100, 30)
        # Noise may have opened several dialogs, and on a busy machine it is still being read.
        deadline_s = time.monotonic() + 60
        while "taskdash aigptimage" not in screen.text:
            assert time.monotonic() < deadline_s, screen.text
            screen.send("\x1b")
            time.sleep(0.25)
        assert screen._process is not None
        assert screen._process.poll() is None
