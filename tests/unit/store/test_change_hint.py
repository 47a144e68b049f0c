"""A hint tells when it is worth asking the file for news, and never that there is none when there may be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from taskdash.store.store import UNSETTLED_NS, ChangeHint

NOW_NS = 1_780_000_000_000_000_000
OLD_NS = NOW_NS - 10 * UNSETTLED_NS


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("taskdash.store.store.time.time_ns", lambda: NOW_NS)
    path = tmp_path / "tasks.db"
    path.write_bytes(b"1")
    os.utime(path, ns=(OLD_NS, OLD_NS))
    return path


def test_a_file_that_rests_is_asked_once(file: Path) -> None:
    hint = ChangeHint(file)
    assert [hint.may_have_changed() for _ in range(3)] == [True, False, False]


def test_another_time_or_size_or_file_is_a_change(file: Path) -> None:
    hint = ChangeHint(file)
    hint.may_have_changed()
    os.utime(file, ns=(OLD_NS, OLD_NS + 1))
    assert hint.may_have_changed()
    file.write_bytes(b"22")
    os.utime(file, ns=(OLD_NS, OLD_NS + 1))
    assert hint.may_have_changed()
    other = file.with_name("other.db")
    other.write_bytes(b"33")
    os.utime(other, ns=(OLD_NS, OLD_NS + 1))
    other.replace(file)
    assert hint.may_have_changed()
    assert not hint.may_have_changed()


@pytest.mark.parametrize("age_ns", [0, UNSETTLED_NS - 1, -UNSETTLED_NS])
def test_a_file_written_just_now_or_in_the_future_is_asked_again_and_again(file: Path, age_ns: int) -> None:
    os.utime(file, ns=(OLD_NS, NOW_NS - age_ns))
    hint = ChangeHint(file)
    assert all(hint.may_have_changed() for _ in range(3))


def test_a_file_that_cannot_be_looked_at_may_have_changed(file: Path) -> None:
    hint = ChangeHint(file)
    hint.may_have_changed()
    file.unlink()
    assert hint.may_have_changed()
    assert hint.may_have_changed()
