"""The one run of the demo as text: it takes most of a minute, so it starts first and runs beside the other tests."""

from __future__ import annotations

import contextlib
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
        self._folder = tempfile.TemporaryDirectory(prefix="plain-demo-")
        self.folder = Path(self._folder.name)
        self.temporary, self.home = self.folder / "tmp", self.folder / "home"
        self.temporary.mkdir()
        (self.home / "config" / "taskdash").mkdir(parents=True)
        (self.home / "config" / "taskdash" / "config.toml").write_text("this is = not [ toml")
        self.home_before = self._home_files()
        xdg = {
            f"XDG_{name.upper()}_HOME": str(self.home / name) for name in ("config", "data", "state", "cache")
        }
        env = {name: value for name, value in os.environ.items() if not name.startswith("TASKDASH_")} | {
            **xdg,
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "AIGPTIMAGE_API_KEY": "sk-CANARY-0123456789",
            "TASKDASH_BASE_URL": "http://127.0.0.1:9",
            "TASKDASH_STORE": str(self.home / "mine.db"),
            "TASKDASH_CONFIG": str(self.home / "none.toml"),
            "TASKDASH_PROFILE": "no-such-profile",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
        }
        self._out = (self.folder / "out").open("w+b")
        self._err = (self.folder / "err").open("w+b")
        self._started_s = time.time()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "taskdash", "--demo"],
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            env=env,
            cwd=self.folder,
        )

    def wait(self) -> int:
        """Wait for its end; return the exit code. It has a minute, and some for a busy machine."""
        return self._process.wait(75)

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text("utf-8")

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text("utf-8")

    @property
    def home_after(self) -> set[str]:
        """What is in the home now."""
        return self._home_files()

    def lasted_s(self) -> float:
        """From its start to its last line, which may be long before anybody waits for it."""
        return (self.folder / "out").stat().st_mtime - self._started_s

    def _home_files(self) -> set[str]:
        return {str(path.relative_to(self.home)) for path in self.home.rglob("*")}

    def close(self) -> None:
        """End it whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        self._out.close()
        self._err.close()
        with contextlib.suppress(OSError):
            self._folder.cleanup()


_RUN = pytest.StashKey[PlainDemo]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start it as soon as it is known that a test wants it."""
    wanted = any("plain_demo" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        session.config.stash[_RUN] = PlainDemo()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """No test run leaves it behind."""
    run = session.config.stash.get(_RUN, None)
    if run is not None:
        run.close()


@pytest.fixture(scope="session")
def plain_demo(request: pytest.FixtureRequest) -> PlainDemo:
    """The run, at its end."""
    run = request.config.stash[_RUN]
    run.wait()
    return run
