"""The matrix itself: every row has a test, or says why it cannot have one."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.rows import ROWS


def test_every_row_has_a_test_or_a_reason() -> None:
    texts = [path.read_text("utf-8") for path in Path(__file__).parent.glob("test_faults_*.py")]
    marks = re.findall(r"mark\.row\(([^)]*)\)", "".join(texts))
    tested = {row for arguments in marks for row in re.findall(r"\w+", arguments)}
    assert {row.id for row in ROWS if not row.not_provoked} == tested
