"""How it ends, and how it goes on: signals, terminals of all kinds, errors in any layer."""

from __future__ import annotations

import os
import random
import re
import shlex
import signal
import termios
import time
from typing import Final

import pytest
from tests.command import KEY, Command
from tests.fake_clock import most_within
from tests.faults.sweep import cpu_s
from tests.pty_screen import PtyScreen
from tests.servers import FakeApi, waiting_body

IDS: Final = [f"task_{number:032x}" for number in range(40)]


def add(taskdash: Command, api: FakeApi, count: int) -> None:
    """Put unfinished tasks on the list."""
    for task_id in IDS[:count]:
        api.set(task_id, waiting_body(task_id, createTime=time.time_ns() // 1_000_000))
    taskdash("add", *IDS[:count])


def busiest_second(api: FakeApi) -> int:
    """The most requests in any second."""
    return most_within([request.at_s for request in api.requests], 1.0)


# R1, signals:


@pytest.mark.row("R1")
def test_every_signal_that_ends_a_program_leaves_a_good_terminal_and_its_code(
    taskdash: Command, long: bool
) -> None:
    chance = random.Random(3)  # noqa: S311 - the same moments in every run, more or less
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        for turn in range(15 if long else 1):
            with taskdash.dashboard() as screen:
                if turn == 0:
                    screen.wait_for("No tasks yet")
                    screen.send("a", shows="Add tasks")
                else:
                    # At any moment from its first frame on.
                    screen.wait_for(lambda _: b"\x1b[?1049h" in screen.raw)
                    time.sleep(chance.uniform(0, 0.4))
                screen.signal(number)
                assert screen.wait_exit() == 128 + number
                assert screen.left_behind == []
                assert "Traceback" not in screen.text


@pytest.mark.row("R1")
def test_a_signal_ends_it_and_restores_the_terminal_even_while_that_is_stalled(
    taskdash: Command, api: FakeApi
) -> None:
    add(taskdash, api, 20)
    with taskdash.dashboard() as screen:
        screen.wait_for("All 20")
        with screen.stalled():
            # More frames than the terminal and Textual's queue hold.
            for columns in range(100, 140):
                screen.resize(columns, 30)
                screen.send("\x1b[B")
                time.sleep(0.01)
            screen.signal(signal.SIGTERM)
            screen.signal(signal.SIGTERM)
            assert screen._process is not None
            assert screen._process.wait(8) == 128 + signal.SIGTERM
        assert termios.tcgetattr(screen._slave) == screen.modes_before


@pytest.mark.row("R1")
def test_a_signal_ends_it_in_time_and_restores_a_terminal_that_is_too_slow_for_a_frame(
    taskdash: Command, api: FakeApi
) -> None:
    add(taskdash, api, 20)
    with taskdash.dashboard() as screen, screen.unseen():
        wait_until_drawn(screen, 0, "cinematic")
        screen.read_slowly(0.04)
        mark = len(screen.raw)
        # More than the terminal takes before patience is over.
        set_size(screen, 500, 1000)
        screen.wait_for(lambda _: len(screen.raw) - mark > 60_000)
        screen.signal(signal.SIGTERM)
        assert screen.wait_exit(5) == 128 + signal.SIGTERM
        assert screen.left_behind == []


# The terminal is gone (R2)


UNHEARD: Final = """
import signal
real = signal.signal
signal.signal = lambda number, handler: number != signal.SIGHUP and real(number, handler)
real(signal.SIGHUP, signal.SIG_IGN)
"""
"""Has the signal ignored for good: nothing tells the program but its own reading."""
HEARD: Final = {
    "the signal": "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)",
    "nohup": "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)",
    "reading alone": UNHEARD,
}


@pytest.mark.row("R2")
@pytest.mark.parametrize("told_by", HEARD)
def test_a_closed_terminal_ends_it_within_a_second(taskdash: Command, told_by: str) -> None:
    # Our own child, so that what it took can be read when it has ended.
    with taskdash.dashboard(spoilt_by=HEARD[told_by], within=["env"]) as screen:
        screen.wait_for("No tasks yet")
        busy_s = cpu_s(screen.pid)
        closed_at_s = time.monotonic()
        screen.hang_up()
        waiting = os.waitid(os.P_PID, screen.pid, os.WEXITED | os.WNOWAIT)
        assert waiting is not None
        assert time.monotonic() - closed_at_s < 1.5
        assert cpu_s(screen.pid) - busy_s < 0.8
        assert screen.wait_exit() == 128 + signal.SIGHUP


# Stopped and going on (R3)


LAST_BYTES: Final = 1 << 18
"""More than any screen that is looked at here takes, and less than is worth searching after each piece that arrives."""


def drawn_since(screen: PtyScreen, mark: int) -> str:
    """What was drawn since so many bytes, the last of it if it is very much, without colours."""
    drawn = screen.raw[max(mark, len(screen.raw) - LAST_BYTES) :]
    return re.sub(rb"\x1b\[[\d;]*m", b"", drawn).decode("utf-8", "replace")


def wait_until_drawn(screen: PtyScreen, mark: int, wanted: str) -> None:
    screen.wait_for(lambda _: wanted in drawn_since(screen, mark))


@pytest.mark.row("R3")
def test_a_long_stop_is_followed_by_no_burst_of_requests(taskdash: Command, api: FakeApi, long: bool) -> None:
    taskdash.write_config(api.url, per_second=5)
    add(taskdash, api, 40)
    with taskdash.dashboard() as screen:
        api.wait_for(lambda: api.count() >= 6)
        screen.signal(signal.SIGSTOP)
        time.sleep(70 if long else 1.5)
        mark = len(screen.raw)
        screen.signal(signal.SIGCONT)
        wait_until_drawn(screen, mark, "q quit")
        asked = api.count()
        api.wait_for(lambda: api.count() >= asked + 6, 10)
        assert busiest_second(api) <= 5
        screen.quit()


@pytest.mark.row("R3")
def test_a_stopped_watcher_of_several_gateways_is_said_of_each_and_goes_on_or_is_followed(
    taskdash: Command, api: FakeApi
) -> None:
    theirs = "task_theirs_0123456789"
    with FakeApi({theirs: waiting_body(theirs)}, key=KEY) as other:
        key = 'api_key_env = "AIGPTIMAGE_API_KEY"\nper_second = 5\nper_minute = 300\nshare = 1.0'
        view = '[[views]]\nname = "everything"\nprofiles = "all"'
        more = f'[profiles.kie]\nbase_url = "{other.url}"\n{key}\n{view}\n'
        taskdash.write_config(api.url, per_second=5, more=more)
        add(taskdash, api, 10)
        taskdash.ok("--profile", "kie", "add", theirs)
        with taskdash.dashboard() as first:
            taskdash.wait_until_watched(first)
            other.wait_for(lambda: other.count() >= 1)
            with taskdash.dashboard() as second:
                second.wait_for("everything 11")
                first.signal(signal.SIGSTOP)
                second.wait_for("kie: watcher stopped")
                second.wait_for("is stopped: no checks")
                second.send("[", shows="[everything 11]")
                first.signal(signal.SIGCONT)
                second.wait_for_none("watcher stopped")
                api.wait_for(lambda: api.count() >= 10, 20)
                first.signal(signal.SIGKILL)
                taskdash.wait_until_watched(second)
                asked, of_theirs = api.count(), other.count()
                second.send("R", shows="Checking 11 unfinished tasks now.")
                api.wait_for(lambda: api.count() >= asked + 10, 20)
                other.wait_for(lambda: other.count() > of_theirs, 20)
                second.quit()
        assert busiest_second(api) <= 5
        assert busiest_second(other) <= 5


# R4, sizes:


@pytest.mark.row("R4")
def test_no_size_of_the_terminal_ends_it(taskdash: Command, api: FakeApi, long: bool) -> None:
    add(taskdash, api, 10)
    chance = random.Random(4)  # noqa: S311 - the same sizes in every run
    sizes = [(1, 1), (0, 0), (1, 500), (500, 1), (2, 2), (1000, 1000), (3, 1), (80, 24)]
    storm = [(chance.randint(0, 300), chance.randint(0, 90)) for _ in range(2000 if long else 40)]
    with taskdash.dashboard() as screen, screen.unseen():
        wait_until_drawn(screen, 0, "cinematic")
        for key, shown, sent in (("", "cinematic", storm), ("a", "Add tasks", sizes)):
            mark = len(screen.raw)
            screen.send(key)
            if key:
                wait_until_drawn(screen, mark, shown)
            for columns, rows in sent:
                set_size(screen, columns, rows)
                time.sleep(0.01)
            mark = len(screen.raw)
            set_size(screen, 120, 36)
            wait_until_drawn(screen, mark, shown)
        screen.signal(signal.SIGTERM)
        assert screen.wait_exit() == 128 + signal.SIGTERM
        assert screen.left_behind == []


def set_size(screen: PtyScreen, columns: int, rows: int) -> None:
    """A size that the screen of the test need not follow."""
    termios.tcsetwinsize(screen._master, (rows, columns))


# Terminals that are none, or not of the usual kind (R5)


@pytest.mark.row("R5")
def test_without_a_terminal_or_on_a_dumb_one_it_says_so_and_exits_2(taskdash: Command) -> None:
    done = taskdash()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "needs a terminal" in done.stderr
    with taskdash.dashboard(env={"TERM": "dumb"}) as screen:
        assert screen.wait_exit() == 2
        assert b"\x1b" not in screen.raw
        assert "TERM is dumb" in screen.text


@pytest.mark.row("R5")
def test_with_no_color_it_sends_no_colour_at_all(taskdash: Command, api: FakeApi) -> None:
    add(taskdash, api, 3)
    with taskdash.dashboard(env={"NO_COLOR": "1"}) as screen:
        screen.wait_for(lambda text: text.count("◐ waiting") >= 3)
        for key, shown in (("a", "Add tasks"), ("s", "Sort by"), ("?", "Help"), ("\x10", "Search for")):
            screen.send(key, shows=shown)
            screen.send("\x1b", hides=shown)
        screen.quit()
        assert colours(screen.raw) == set()
        assert re.search(rb"\x1b\[[\d;]*\b1\b[\d;]*m", screen.raw), "bold is no colour"


def colours(raw: bytes) -> set[int]:
    """The colours that were set, by their numbers."""
    parameters = b";".join(re.findall(rb"\x1b\[([\d;]*)m", raw)).split(b";")
    numbers = {int(number or 0) for number in parameters}
    return numbers & {*range(30, 39), *range(40, 49), *range(90, 98), *range(100, 108)}


@pytest.mark.row("R5")
def test_a_terminal_that_has_no_unicode_gets_question_marks(taskdash: Command, api: FakeApi) -> None:
    taskdash("add", IDS[0], "--label", "画像 é")
    add(taskdash, api, 2)
    taskdash.write_config(api.url, more='[view]\ncolumns = ["state", "label", "id"]\n')
    env = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with taskdash.dashboard(env=env) as screen:
        screen.wait_for(lambda text: text.count("? waiting") >= 2)
        assert screen.raw.isascii()
        assert "\\u" not in screen.text
        assert "?? ?" in screen.text
        screen.quit()


@pytest.mark.row("R5")
def test_its_size_is_that_of_the_terminal_it_draws_on_also_where_stdout_is_a_file(taskdash: Command) -> None:
    with taskdash.dashboard(within=("sh", "-c", 'exec "$0" "$@" >/dev/null'), columns=100, rows=30) as screen:
        screen.wait_for_line(29, "q quit")
        screen.resize(90, 20)
        screen.wait_for_line(19, "q quit")
        screen.quit()


# Errors of its own (R6)

_CRASH: Final = f"""
import asyncio, threading
def crash(*_, **__):
    key = {KEY!r}
    raise ZeroDivisionError(f"about {{len(key)}}")
from taskdash.ui.app import Dashboard
mount = Dashboard.on_mount
"""
CRASHES: Final = {
    "handler": "from taskdash.ui.screens.main import MainScreen; MainScreen.action_pause = crash",
    "timer": "Dashboard.on_mount = lambda app: (mount(app), app.set_timer(0.3, crash))[0]",
    "callback of the loop": (
        "Dashboard.on_mount = lambda app: (mount(app), asyncio.get_running_loop().call_later(0.3, crash))[0]"
    ),
    "thread": "Dashboard.on_mount = lambda app: (mount(app), threading.Timer(0.3, crash).start())[0]",
    "worker": "from taskdash.ui.context import Context; Context.read_history = crash",
    "store's thread": "from taskdash.store.checks import Checks; Checks.finished_since = crash",
    "terminal's thread": "from taskdash.ui.terminal import TerminalInput; TerminalInput.feed = crash",
    "drawing": "from taskdash.ui.widgets.task_table import TaskTable; TaskTable.render_line = crash",
}


@pytest.mark.row("R6")
@pytest.mark.parametrize("layer", CRASHES)
def test_an_error_in_any_layer_ends_with_a_good_terminal_one_line_and_code_1(
    taskdash: Command, api: FakeApi, layer: str
) -> None:
    add(taskdash, api, 1)
    with taskdash.dashboard(spoilt_by=f"{_CRASH}\n{CRASHES[layer]}") as screen:
        screen.wait_for(lambda _: b"\x1b[?1049h" in screen.raw)
        if layer in ("handler", "terminal's thread"):
            screen.send("p")
        assert screen.wait_exit() == 1
        assert screen.left_behind == []
        said = " ".join(screen.text.split())
        assert "an error of taskdash itself (ZeroDivisionError: about 26)" in said
        assert said.count("taskdash.log") == 1
        assert "Traceback" not in said
        assert KEY.encode() not in screen.raw
    log = next((taskdash.folder / "state").rglob("taskdash.log")).read_text("utf-8")
    assert "ZeroDivisionError" in log
    assert KEY not in log


@pytest.mark.row("R6")
def test_an_error_in_the_watcher_is_said_and_the_list_stays(taskdash: Command, api: FakeApi) -> None:
    add(taskdash, api, 1)
    spoilt_by = f"{_CRASH}\nfrom taskdash.watch.watcher import Watcher; Watcher.run = crash"
    with taskdash.dashboard(spoilt_by=spoilt_by) as screen:
        screen.wait_for("The watcher has stopped: ZeroDivisionError in taskdash")
        screen.wait_for("○ new")
        screen.quit()


# A stalled terminal (R7)


@pytest.mark.row("R7")
def test_a_stalled_terminal_stops_no_check_and_leaves_no_burst(
    taskdash: Command, api: FakeApi, long: bool
) -> None:
    taskdash.write_config(api.url, per_second=5)
    add(taskdash, api, 40)
    with taskdash.dashboard() as screen:
        api.wait_for(lambda: api.count() >= 5)
        with screen.stalled():
            for columns in range(100, 140):
                screen.resize(columns, 30)
                screen.send("\x1b[B")
                time.sleep(0.01)
            asked = api.count()
            api.wait_for(lambda: api.count() >= asked + 10, 8)
            time.sleep(60 if long else 0)
        screen.resize(120, 36)
        screen.wait_for(lambda text: "All 40" in text and "q quit" in text)
        asked = api.count()
        api.wait_for(lambda: api.count() >= asked + 5, 10)
        assert busiest_second(api) <= 5
        screen.quit()


# Nobody reads (R8)


@pytest.fixture
def large(taskdash: Command) -> Command:
    """A list of 3,000 IDs: more than fits into a pipe."""
    taskdash.ok("add", "-", stdin="\n".join(f"task_model_{n:013d}" for n in range(3_000)))
    return taskdash


@pytest.mark.row("R8")
def test_a_reader_that_leaves_early_ends_a_command_quietly(large: Command) -> None:
    for words in ("list", "list --json", "list --ids", "list --csv", "export"):
        with large.start(*words.split()) as process:
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(10) in (0, 141)
            assert process.stderr.read() == ""
    for words in ("list --ids", "--help", "--spec", "list --help", "completion bash"):
        with large.start(*words.split()) as process:
            process.stdout.close()
            assert process.wait(10) == 141, words
            assert process.stderr.read() == ""


@pytest.mark.row("R8")
def test_a_closed_stream_ends_a_command_quietly(large: Command) -> None:
    def shell(words: str) -> tuple[int, str, str]:
        done = large.run(["sh", "-c", f"{shlex.join(large.line())} {words}"])
        return done.returncode, done.stdout, done.stderr

    for closed in (">&-", "<&- >&-", "<&- >&- 2>&-"):
        assert shell(f"list {closed}") in ((0, "", ""), (1, "", ""), (141, "", ""))
    assert shell("add task_new_12345678 2>&-") == (0, "task_new_12345678\n", "")
    assert shell("add <&-")[:2] == (2, "")
    assert shell("show nowhere-to-be-found >&- 2>&- <&-") == (3, "", "")
    assert len(large.ids()) == 3_001
