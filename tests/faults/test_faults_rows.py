"""The matrix itself: every row has a test, or says why it cannot have one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.faults.rows import FAMILIES, ROWS

_MARK = re.compile(r"mark\.row\(([^)]*)\)")


def rows_with_tests(word: str) -> set[str]:
    path = Path(__file__).with_name(f"test_faults_{word}.py")
    if not path.exists():
        return set()
    return {
        row for arguments in _MARK.findall(path.read_text("utf-8")) for row in re.findall(r"\w+", arguments)
    }


@pytest.mark.parametrize(("letter", "word"), FAMILIES.items())
def test_every_row_has_a_test_or_a_reason(letter: str, word: str) -> None:
    rows = [row for row in ROWS if row.id.startswith(letter)]
    tested = rows_with_tests(word)
    missing = {row.id for row in rows if row.id not in tested and not row.not_provoked}
    assert not missing
    assert not tested - {row.id for row in rows}, "a row is tested in the file of its own letter"
    assert not [row.id for row in rows if row.not_provoked and row.id in tested]
