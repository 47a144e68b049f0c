"""Absolute times are those of the user's time zone."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from taskdash.domain.words import moment

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["America/St_Johns"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(
    ("utc", "shown"),
    [
        ("2026-07-01T12:00:00", "2026-07-01 09:30:00"),
        # The clock goes from 2:00 back to 1:00: in that hour a time alone says nothing.
        ("2026-11-01T03:29:59", "2026-11-01 00:59:59"),
        ("2026-11-01T03:45:00", "2026-11-01 01:15:00 -0230"),
        ("2026-11-01T04:45:00", "2026-11-01 01:15:00 -0330"),
        ("2026-11-01T05:30:00", "2026-11-01 02:00:00"),
        # And from 2:00 forward to 3:00.
        ("2026-03-08T05:29:00", "2026-03-08 01:59:00"),
        ("2026-03-08T05:31:00", "2026-03-08 03:01:00"),
    ],
)
def test_a_moment_is_local_and_not_to_be_mistaken(utc: str, shown: str) -> None:
    assert moment(round(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp() * 1000)) == shown
