"""Stores that are made in no time: where a test opens a new one, it is a copy of an empty one made before."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taskdash.store import database
from taskdash.store.database import Database
from taskdash.store.schema import bring_up_to_date
from taskdash.store.store_file import PRIVATE_FILE, create_private

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def ready_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each new store its fifty statements, and each commit the wait for the disk."""
    monkeypatch.setattr(database, "create_private", _create_ready)
    monkeypatch.setattr(database, "bring_up_to_date", _bring_up_to_date)


def _create_ready(path: Path, tell: Callable[[str], None]) -> int | None:
    if not os.path.lexists(path) and path.parent.is_dir():
        draft = path.with_name(f"{path.name}.draft-{next(_numbers)}")
        draft.touch(PRIVATE_FILE)
        draft.write_bytes(_empty_store())
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return create_private(path, tell)


def _bring_up_to_date(execute: Callable[..., object], file: Path, *, is_emptied: bool) -> None:
    bring_up_to_date(execute, file, is_emptied=is_emptied)  # type: ignore[arg-type] # handed on
    execute("PRAGMA synchronous = OFF")


@cache
def _empty_store() -> bytes:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as unready:
        unready.setattr(database, "create_private", create_private)
        path = Path(folder, "tasks.db")
        Database(path).close()
        return path.read_bytes()
