"""The one run of the demo as text: it takes most of a minute, so it starts first and runs beside the other tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest


class PlainDemo:
    """`taskdash --demo` without a terminal, in surroundings that it has to ignore."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="plain-demo-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self.temporary, self._home = folder / "tmp", folder / "home"
        self.temporary.mkdir()
        (self._home / "config" / "taskdash").mkdir(parents=True)
        (self._home / "config" / "taskdash" / "config.toml").write_text("this is = not [ toml")
        self.home_before = self.home_after
        env = {name: value for name, value in os.environ.items() if not name.startswith("TASKDASH_")} | {
            **{
                f"XDG_{each.upper()}_HOME": str(self._home / each)
                for each in ("config", "data", "state", "cache")
            },
            "HOME": str(self._home),
            "TMPDIR": str(self.temporary),
            "AIGPTIMAGE_API_KEY": "sk-CANARY-0123456789",
            "TASKDASH_BASE_URL": "http://127.0.0.1:9",
            "TASKDASH_STORE": str(self._home / "mine.db"),
            "TASKDASH_CONFIG": str(self._home / "none.toml"),
            "TASKDASH_PROFILE": "no-such-profile",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
        }
        self._out, self._err = folder / "out", folder / "err"
        self._started_s = time.time()
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "taskdash", "--demo"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=env,
                cwd=folder,
            )

    @property
    def code(self) -> int:
        """Its exit code. It has a minute, and some for a busy machine."""
        return self._process.wait(75)

    @property
    def out(self) -> str:
        return self._out.read_text("utf-8")

    @property
    def err(self) -> str:
        return self._err.read_text("utf-8")

    @property
    def home_after(self) -> set[Path]:
        """What is in the home now."""
        return set(self._home.rglob("*"))

    @property
    def lasted_s(self) -> float:
        """From its start to its last line, which may be long before anybody waits for it."""
        return self._out.stat().st_mtime - self._started_s

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
