"""Links and copies of the real program in a real terminal: the very bytes, and browsers that misbehave."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.pty_screen import PtyScreen
from tests.servers import closed_port, success_body
from tests.ui.driven_dashboard import add, answer

from taskdash.store.store import Store

KEY = "sk-test-0123456789abcdef"
TASKDASH = [sys.executable, "-m", "taskdash"]
TASK = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
DASHED = "https://-x/--flag=evil"
LINK = "https://cdn.example.com/ü/灯?sig=a+b%2Fc&n=1"
ENCODED = "https://cdn.example.com/%C3%BC/%E7%81%AF?sig=a+b%2Fc&n=1"
LONG = f"https://cdn.example.com/results/3.png?signature={'s' * 200}"
HYPERLINK = re.compile(rb"\x1b\]8;id=([\w-]+);([^\x1b\x07]+)\x1b\\(.*?)\x1b\]8;;\x1b\\", re.DOTALL)
CLIPBOARD = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")


class Home:
    """A user's machine in a temporary folder, with a list of one finished task."""

    def __init__(self, folder: Path, links: list[str]) -> None:
        self.folder = folder
        self.visited_file = folder / "visited"
        self.env = {
            **os.environ,
            "AIGPTIMAGE_API_KEY": KEY,
            # Nobody is asked about a task that has ended.
            "TASKDASH_BASE_URL": f"http://127.0.0.1:{closed_port()}",
            "TASKDASH_STORE": str(folder / "tasks.db"),
            "TZ": "UTC",
        }
        self.config()
        self.browser(f'printf "%s\\n" "$@" >> "{self.visited_file}"')
        with Store(folder / "tasks.db") as store:
            add(store, TASK)
            answer(store, TASK, success_body(TASK, links))

    def config(self, text: str = "") -> None:
        """Have a config, in which no picture is fetched to be shown."""
        path = self.folder / "config.toml"
        path.write_text(f"{text}\n[view]\npreview = false\n")
        path.chmod(0o600)
        self.env["TASKDASH_CONFIG"] = str(path)

    def browser(self, body: str) -> None:
        """Have the browser do something else."""
        path = self.folder / "browser"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        self.env["BROWSER"] = str(path)

    def screen(self, *arguments: str, columns: int = 120, **env: str) -> PtyScreen:
        command = [*TASKDASH, *arguments]
        return PtyScreen(command, env=self.env | env, columns=columns, rows=36, cwd=self.folder)

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TASKDASH, *arguments],
            env=self.env | env,
            input="",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    @property
    def visited(self) -> list[str]:
        return self.visited_file.read_text().splitlines() if self.visited_file.exists() else []


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, [LINK, DASHED, LONG])


def copies(screen: PtyScreen) -> list[str]:
    """What the terminal was asked to put into the clipboard."""
    return [base64.b64decode(found[1]).decode() for found in CLIPBOARD.finditer(screen.raw)]


def test_a_link_over_several_lines_is_well_formed_on_each(home: Home) -> None:
    with home.screen(columns=80) as screen:
        screen.wait_for("✓ success")
        screen.wait_for(lambda _: len(HYPERLINK.findall(screen.raw)) > 4)
        # One that looks like an option is an argument all the same.
        screen.send("2")
        screen.wait_for("opened in the browser")
        assert home.visited == [DASHED]
        screen.quit()
        written = screen.raw
    pieces = HYPERLINK.findall(written)
    assert {target for _, target, _ in pieces} == {ENCODED.encode(), DASHED.encode(), LONG.encode()}
    # Each that begins ends, and inside there is nothing but text and its colours.
    assert written.count(b"\x1b]8;") == 2 * len(pieces)
    for _, _, text in pieces:
        assert b"\x1b" not in re.sub(rb"\x1b\[[0-9;]*m", b"", text)


def test_a_browser_that_hangs_prints_and_reads_harms_nothing(home: Home) -> None:
    noise = "printf '\\033[2J\\033[?1049lNOISE'; echo NOISE >&2; read line < /dev/tty; stty sane < /dev/tty"
    home.browser(f'printf "%s\\n" "$@" >> "{home.visited_file}"\n{noise}\nexec sleep 20')
    with home.screen() as screen:
        screen.wait_for("✓ success")
        began_s = time.monotonic()
        screen.send("1")
        # The screen goes on meanwhile.
        screen.send("?")
        screen.wait_for("move up")
        screen.send("\x1b")
        screen.wait_for("opened in the browser")
        assert time.monotonic() - began_s < 5
        assert home.visited == [ENCODED]
        assert b"NOISE" not in screen.raw
        screen.quit()
        assert time.monotonic() - began_s < 15


def test_over_ssh_the_link_is_shown_and_copied(home: Home) -> None:
    with home.screen(SSH_CONNECTION="10.0.0.1 50000 10.0.0.2 22", DISPLAY=":10") as screen:
        screen.wait_for("✓ success")
        screen.send("1")
        words = f"no browser here (this is an SSH session): link copied (sent to the terminal). {ENCODED}"
        screen.wait_for(lambda _: words in toasts(screen))
        assert copies(screen) == [ENCODED]
        assert home.visited == []
        screen.quit()


def test_on_a_desktop_its_program_gets_the_copy_and_the_terminal_nothing(home: Home) -> None:
    program = home.folder / "bin" / "wl-copy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncat > "{home.folder}/copied"; env > "{home.folder}/environment"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    with home.screen(WAYLAND_DISPLAY="wayland-0", PATH=path) as screen:
        screen.wait_for("✓ success")
        screen.send("y")
        screen.wait_for("Copied 1 task ID with wl-copy.")
        assert (home.folder / "copied").read_text() == TASK
        assert KEY not in (home.folder / "environment").read_text()
        assert copies(screen) == []
        screen.quit()


def test_what_is_too_much_for_a_terminal_is_in_a_file_of_ones_own(tmp_path: Path) -> None:
    links = [f"https://cdn.example.com/{n:04d}{'x' * 4000}" for n in range(17)]
    home = Home(tmp_path, links)
    with home.screen() as screen:
        screen.wait_for("✓ success")
        screen.send("u")
        screen.wait_for("saved to")
        assert copies(screen) == []
        screen.quit()
    saved = Path(os.environ["XDG_STATE_HOME"]) / "taskdash" / "copied.txt"
    assert saved.read_text().splitlines() == links
    assert saved.stat().st_mode & 0o777 == 0o600


def toasts(screen: PtyScreen) -> str:
    """The lines of what was told, as one."""
    return " ".join(line.rpartition("▌")[2].strip() for line in screen.lines)


# On the command line


def test_open_on_the_command_line_without_a_browser_shows_the_link_and_exits_1(home: Home) -> None:
    del home.env["BROWSER"]
    done = home.run("open", TASK)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == f"taskdash: no browser here (no BROWSER is set, and there is no display): {ENCODED}\n"
    )


def test_open_on_the_command_line_over_ssh_copies_the_link(home: Home) -> None:
    with home.screen("open", TASK, columns=200, SSH_TTY="/dev/pts/3") as screen:
        assert screen.wait_exit() == 1
        assert (
            "no browser here (this is an SSH session): link copied (sent to the terminal): https"
            in screen.text
        )
        assert copies(screen) == [ENCODED]
    assert home.visited == []


def test_open_command_of_the_config_is_used_wherever_one_is(home: Home) -> None:
    home.config(f'open_command = ["{home.env["BROWSER"]}", "--private"]')
    done = home.run("open", TASK, SSH_CONNECTION="10.0.0.1 50000 10.0.0.2 22")
    assert done.returncode == 0, done.stderr
    assert home.visited == ["--private", ENCODED]


def test_a_browser_gets_no_key_of_any_profile(home: Home) -> None:
    home.config(
        '[profiles.aigptimage]\n[profiles.own]\nbase_url = "https://own.example"\napi_key_env = "OWN"'
    )
    home.browser(f'env > "{home.folder}/environment"')
    done = home.run("open", TASK, OWN="own-CANARY", COPY_OF_IT=f"x {KEY} y")
    assert done.returncode == 0, done.stderr
    environment = (home.folder / "environment").read_text()
    assert "CANARY" not in environment
    assert KEY not in environment
    assert "HOME=" in environment
