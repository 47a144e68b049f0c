"""The short way to our folders says what platformdirs says."""

from __future__ import annotations

import itertools
from pathlib import Path

import platformdirs
import pytest

from taskdash.config.files import config_path, log_path, store_path

PLACES = ("/home/somebody", "/home/some body", "relative", "", None)


@pytest.mark.parametrize(("home", "xdg"), list(itertools.product(("/home/somebody", "/root"), PLACES)))
def test_folders_are_where_platformdirs_says(
    monkeypatch: pytest.MonkeyPatch, home: str, xdg: str | None
) -> None:
    monkeypatch.setenv("HOME", home)
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.delenv(f"XDG_{name}_HOME", raising=False)
        if xdg is not None:
            monkeypatch.setenv(f"XDG_{name}_HOME", xdg)
    dirs = platformdirs.PlatformDirs("taskdash", appauthor=False)
    assert config_path(None, {})[0] == Path(dirs.user_config_dir) / "config.toml"
    assert store_path(None, {}) == Path(dirs.user_data_dir) / "tasks.db"
    assert log_path() == Path(dirs.user_state_dir) / "taskdash.log"
