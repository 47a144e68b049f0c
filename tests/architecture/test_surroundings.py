"""No test sees the home, or what an earlier run left there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folders_of_the_module() -> list[Path]:
    """The folders that a fixture sees which is made before any test's own environment."""
    return [Path(os.environ[name]) for name in ("HOME", *(f"XDG_{each}_HOME" for each in XDG))]


XDG = ("CONFIG", "DATA", "STATE", "CACHE")


def test_what_serves_a_module_is_kept_from_the_home_as_well(
    folders_of_the_module: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert len(folders_of_the_module) == 1 + len(XDG)
    for folder in folders_of_the_module:
        assert folder.is_relative_to(tmp_path_factory.getbasetemp())
