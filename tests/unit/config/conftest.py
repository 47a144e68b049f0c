"""Every test of the config has a home directory of its own, and loads texts as files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.config_files import Load, write

from taskdash.config.load import load_settings
from taskdash.config.settings import Settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory of the test's own."""
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a text as the file `my.toml`, named by --config."""

    def load_text(text: str | bytes, *, profile: str | None = None, **environ: str) -> Settings:
        return load_settings(write(tmp_path / "my.toml", text), environ, profile=profile)

    return load_text
