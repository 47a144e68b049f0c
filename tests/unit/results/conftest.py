"""A file host, and a folder to save in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.file_server import FileServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "results"
