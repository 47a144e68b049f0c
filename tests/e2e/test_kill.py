"""kill -9 at any moment loses no ID that was acknowledged, and leaves a list that is whole.

`KILLS=200 pytest tests/e2e/test_kill.py` does more of them than the suite.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.kills import assert_whole, killed_writers

KILLS = int(os.environ.get("KILLS", "12"))


def test_no_acknowledged_id_is_lost_to_kills_at_random_moments(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    acknowledged = killed_writers(path, KILLS)
    assert_whole(path, acknowledged)
    assert len(acknowledged) > KILLS
