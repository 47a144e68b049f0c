"""Links and copies of the real program in a real terminal: the very bytes, and browsers that misbehave."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from tests.command import Command, listed
from tests.pty_screen import PtyScreen
from tests.servers import closed_port

SSH = "10.0.0.1 50000 10.0.0.2 22"
TASK = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
DASHED = "https://-x/--flag=evil"
LINK = "https://cdn.example.com/ü/灯?sig=a+b%2Fc&n=1"
ENCODED = "https://cdn.example.com/%C3%BC/%E7%81%AF?sig=a+b%2Fc&n=1"
LONG = f"https://cdn.example.com/results/3.png?signature={'s' * 200}"
HYPERLINK = re.compile(rb"\x1b\]8;id=([\w-]+);([^\x1b\x07]+)\x1b\\(.*?)\x1b\]8;;\x1b\\", re.DOTALL)
CLIPBOARD = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")


def machine(folder: Path, links: list[str]) -> Command:
    """A list of one finished task, of which nobody is asked any more, and a browser."""
    taskdash = Command(folder)
    configure(taskdash)
    taskdash.browser()
    taskdash.import_tasks(listed(TASK, resultUrls=links))
    return taskdash


def configure(taskdash: Command, top: str = "", more: str = "") -> None:
    """No picture is fetched to be shown."""
    url = f"http://127.0.0.1:{closed_port()}"
    taskdash.write_config(url, top=f"{top}\n[view]\npreview = false", more=more)


@pytest.fixture
def taskdash(tmp_path: Path) -> Command:
    return machine(tmp_path, [LINK, DASHED, LONG])


def copies(screen: PtyScreen) -> list[str]:
    """What the terminal was asked to put into the clipboard."""
    return [base64.b64decode(found[1]).decode() for found in CLIPBOARD.finditer(screen.raw)]


def test_a_link_over_several_lines_is_well_formed_on_each(taskdash: Command) -> None:
    with taskdash.dashboard(columns=80) as screen:
        screen.wait_for("✓ success")
        screen.wait_for(lambda _: len(HYPERLINK.findall(screen.raw)) > 4)
        # One that looks like an option is an argument all the same.
        screen.send("2", shows="opened in the browser")
        assert taskdash.visited == [DASHED]
        screen.quit()
        written = screen.raw
    pieces = HYPERLINK.findall(written)
    assert {target for _, target, _ in pieces} == {ENCODED.encode(), DASHED.encode(), LONG.encode()}
    # Each that begins ends, and inside there is nothing but text and its colours.
    assert written.count(b"\x1b]8;") == 2 * len(pieces)
    for _, _, text in pieces:
        assert b"\x1b" not in re.sub(rb"\x1b\[[0-9;]*m", b"", text)


def test_over_ssh_the_link_is_shown_and_copied(taskdash: Command) -> None:
    with taskdash.dashboard(env={"SSH_CONNECTION": SSH, "DISPLAY": ":10"}) as screen:
        screen.wait_for("✓ success")
        screen.send("1")
        words = f"no browser here (this is an SSH session): link copied (sent to the terminal). {ENCODED}"
        screen.wait_for(lambda _: words in toasts(screen))
        assert copies(screen) == [ENCODED]
        assert taskdash.visited == []
        screen.quit()


def toasts(screen: PtyScreen) -> str:
    """The lines of what was told, as one."""
    return " ".join(line.rpartition("▌")[2].strip() for line in screen.lines)


# On the command line


def test_open_on_the_command_line_without_a_browser_shows_the_link_and_exits_1(taskdash: Command) -> None:
    del taskdash.env["BROWSER"]
    done = taskdash("open", TASK)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == f"taskdash: no browser here (no BROWSER is set, and there is no display): {ENCODED}\n"
    )


def test_open_on_the_command_line_over_ssh_copies_the_link(taskdash: Command) -> None:
    with taskdash.dashboard("open", TASK, columns=200, env={"SSH_TTY": "/dev/pts/3"}) as screen:
        assert screen.wait_exit() == 1
        assert (
            "no browser here (this is an SSH session): link copied (sent to the terminal): https"
            in screen.text
        )
        assert copies(screen) == [ENCODED]
    assert taskdash.visited == []


def test_open_command_of_the_config_is_used_wherever_one_is(taskdash: Command) -> None:
    configure(taskdash, f'open_command = ["{taskdash.env["BROWSER"]}", "--private"]')
    done = taskdash("open", TASK, env={"SSH_CONNECTION": SSH})
    assert done.returncode == 0, done.stderr
    assert taskdash.visited == ["--private", ENCODED]
