"""A file host, and a folder to save in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.file_server import FileServer


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "results"
