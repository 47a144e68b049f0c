"""`taskdash --demo`: the first thing anybody sees, with a terminal and without one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import KEY, PROGRAM
from tests.pty_screen import PtyScreen

# With a terminal.


@pytest.fixture
def screen(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PtyScreen]:
    """The demo, started as a user does, or forked where its end is what counts."""
    (tmp_path / "tmp").mkdir()
    env = {
        **os.environ,
        "TMPDIR": str(tmp_path / "tmp"),
        "TASKDASH_STORE": str(tmp_path / "mine.db"),
        "AIGPTIMAGE_API_KEY": KEY,
    }
    is_warm = "signal" in request.node.name
    with PtyScreen([PROGRAM, "--demo"], env=env, cwd=tmp_path, is_warm=is_warm) as terminal:
        yield terminal


def count(screen: PtyScreen, word: str) -> int:
    """The number that the tab of a state shows."""
    found = re.search(rf"{word} (\d+)", screen.text)
    return int(found[1]) if found else 0


def test_in_a_terminal_it_shows_every_state_and_a_task_finishes(screen: PtyScreen, tmp_path: Path) -> None:
    started_s = time.monotonic()
    screen.wait_for(lambda _: count(screen, "Success") and count(screen, "Fail") and count(screen, "Waiting"))
    screen.wait_for(lambda text: "◐ waiting" in text and "✓ success" in text)
    assert time.monotonic() - started_s < 10
    screen.wait_for(lambda _: count(screen, "New") == 1)
    success, waiting = count(screen, "Success"), count(screen, "Waiting")
    screen.wait_for(lambda _: count(screen, "Success") > success and count(screen, "Waiting") < waiting, 60)
    screen.wait_for("✓ success: ")
    # As many as its fail tab says are there, with a reason.
    screen.send("[", shows="[× Fail")
    screen.wait_for(lambda text: "× fail · " in text)
    screen.quit()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "mine.db").exists()


def test_a_signal_leaves_no_temporary_folder_behind(screen: PtyScreen, tmp_path: Path) -> None:
    screen.wait_for("✓ success")
    screen.signal(signal.SIGTERM)
    assert screen.wait_exit() == 128 + signal.SIGTERM
    assert screen.left_behind == []
    assert list((tmp_path / "tmp").iterdir()) == []


# Without one.


def test_without_a_terminal_it_prints_the_table_each_change_and_the_final_table_in_under_a_minute(
    tmp_path: Path,
) -> None:
    temporary, home = tmp_path / "tmp", tmp_path / "home"
    temporary.mkdir()
    (home / "config" / "taskdash").mkdir(parents=True)
    (home / "config" / "taskdash" / "config.toml").write_text("this is = not [ toml")
    before = set(home.rglob("*"))
    # Surroundings that it has to ignore.
    env = os.environ | {
        f"XDG_{each.upper()}_HOME": f"{home}/{each}" for each in ("config", "data", "state", "cache")
    }
    env |= dict.fromkeys(("TASKDASH_BASE_URL", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
    env |= {
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "AIGPTIMAGE_API_KEY": KEY,
        "TASKDASH_PROFILE": "no-such-profile",
    }
    env |= {"TASKDASH_STORE": str(home / "mine.db"), "TASKDASH_CONFIG": str(home / "none.toml")}
    line, began_s = [str(PROGRAM), "--demo"], time.monotonic()
    # It has a minute, and some for a busy machine.
    done = subprocess.run(
        line, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env, timeout=75, check=True
    )
    out, lasted_s = done.stdout, time.monotonic() - began_s
    assert done.stderr == ""
    assert 20 < lasted_s < 60
    first, _, rest = out.partition("\n\n")
    table, _, rest = rest.partition("\n\n")
    changes, _, after = rest.rpartition("\n\n")[0].rpartition("\n\n")
    changes, _, last = changes.rpartition("\n")
    assert first.startswith("The list: ")
    assert last.startswith("All finished: ")
    rows, final_rows = table.splitlines()[1:], after.splitlines()[1:]
    assert len(rows) == len(final_rows) >= 25
    running = [row for row in rows if row.startswith("◐ waiting")]
    assert len(running) >= 5
    assert {row.split()[1] for row in final_rows} == {"new", "success", "fail"}
    ended = [line for line in changes.splitlines() if ": waiting -> " in line]
    assert sorted(line[:8] for line in ended) == sorted(row.split()[-1] for row in running)
    assert "\x1b" not in out
    # It ignores config, keys and environment, and writes only in a temporary folder.
    assert set(home.rglob("*")) == before
    assert list(temporary.iterdir()) == []
    assert KEY not in out
