"""The real program and its gateway; and the one run of the demo as text, which takes most of a minute.

That one starts first and runs beside the other tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import EAGER, KEY, Command
from tests.files_api import FilesApi


@pytest.fixture
def api() -> Iterator[FilesApi]:
    """A gateway that serves results as well, and knows no task yet."""
    with FilesApi() as running:
        yield running


@pytest.fixture
def taskdash(tmp_path: Path, api: FilesApi) -> Command:
    """The program with an empty list; what it waits between two checks of a task is a tenth."""
    return Command(tmp_path, api, first=EAGER)


class PlainDemo:
    """`taskdash --demo` without a terminal, in surroundings that it has to ignore."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="plain-demo-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self.temporary, self.home, self._out, self._err = (
            folder / each for each in ("tmp", "home", "out", "err")
        )
        self.temporary.mkdir()
        config = self.home / "config" / "taskdash" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text("this is = not [ toml")
        self.home_before = set(self.home.rglob("*"))
        env = {name: value for name, value in os.environ.items() if not name.startswith("TASKDASH_")}
        env |= {
            f"XDG_{each.upper()}_HOME": str(self.home / each) for each in ("config", "data", "state", "cache")
        }
        env |= dict.fromkeys(("TASKDASH_BASE_URL", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
        env |= {"HOME": str(self.home), "TMPDIR": str(self.temporary), "AIGPTIMAGE_API_KEY": KEY}
        env |= {"TASKDASH_STORE": str(self.home / "mine.db"), "TASKDASH_CONFIG": str(self.home / "none.toml")}
        env["TASKDASH_PROFILE"] = "no-such-profile"
        self._started_s = time.time()
        line = [sys.executable, "-m", "taskdash", "--demo"]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=folder
            )

    def ended(self) -> tuple[int, str, str, float]:
        """Its exit code, what it printed on stdout and on stderr, and how long it took until its last line.

        It has a minute, and some for a busy machine.
        """
        code = self._process.wait(75)
        lasted_s = self._out.stat().st_mtime - self._started_s
        return code, self._out.read_text("utf-8"), self._err.read_text("utf-8"), lasted_s

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._folder.cleanup()


_RUN = pytest.StashKey[PlainDemo]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start it as soon as it is known that a test wants it."""
    wanted = any("plain_demo" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        session.config.stash[_RUN] = PlainDemo()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """No test run leaves it behind."""
    if (run := session.config.stash.get(_RUN, None)) is not None:
        run.close()


@pytest.fixture
def plain_demo(request: pytest.FixtureRequest) -> PlainDemo:
    """The run, begun long ago."""
    return request.config.stash[_RUN]
