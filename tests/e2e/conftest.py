"""The real program and its gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import EAGER, KEY, Command
from tests.files_api import FilesApi


@pytest.fixture
def api() -> Iterator[FilesApi]:
    """A gateway that wants the right key, serves results as well, and knows no task yet."""
    with FilesApi(key=KEY) as running:
        yield running


@pytest.fixture
def taskdash(tmp_path: Path, api: FilesApi) -> Command:
    """The program with an empty list; what it waits between two checks of a task is a tenth."""
    return Command(tmp_path, api, first=EAGER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes most of a minute, and hardly a second of a processor: the others run beside it."""
    items.sort(key=lambda item: "in_under_a_minute" not in item.name)
