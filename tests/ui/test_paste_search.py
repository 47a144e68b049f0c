"""A large paste is searched beside the dashboard's own process, with the same outcome."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from taskdash.domain.secret import Secret
from taskdash.domain.task_ids import find_task_ids
from taskdash.ui.paste_search import SMALL_CHARS, PasteSearch

KEY = Secret("task_5064bd1a025a490bb28f6a9fa12eb88a")
TEXT = "".join(
    f'INFO created {{"veoTaskId": "{number:08x}-025a-490b-b28f-6a9fa12eb88a"}} grün 😀 \ud800\x00\n'
    f"key {KEY.reveal()} request id {number:08x}-1111-490b-b28f-6a9fa12eb88a\n"
    for number in range(3000)
)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    processes: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            processes.append(self)
            self.environ = kwargs["env"]

    monkeypatch.setattr("subprocess.Popen", Noted)
    return processes


def test_a_process_finds_what_a_search_here_finds(started: list[subprocess.Popen[bytes]]) -> None:
    assert len(TEXT) > SMALL_CHARS
    assert PasteSearch(TEXT, (KEY,)).run() == find_task_ids(TEXT, keys=(KEY,))
    assert len(started) == 1
    assert started[0].returncode is not None
    text = TEXT[: SMALL_CHARS // 10]
    assert PasteSearch(text, (KEY,)).run() == find_task_ids(text, keys=(KEY,))
    assert len(started) == 1, "a small text needs no process"


def test_the_process_is_told_no_key_but_through_its_pipe(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGPTIMAGE_API_KEY", KEY.reveal())
    monkeypatch.setenv("MY_TOKEN", KEY.reveal())
    PasteSearch(TEXT, (KEY,)).run()
    (process,) = started
    assert KEY.reveal() not in str(process.args)
    assert KEY.reveal() not in str(process.environ)  # type: ignore[attr-defined] # noted above


def test_a_search_that_nobody_waits_for_ends_with_its_process(started: list[subprocess.Popen[bytes]]) -> None:
    search = PasteSearch(TEXT * 20, (KEY,))
    found = []
    thread = threading.Thread(target=lambda: found.append(search.run()))
    thread.start()
    while not started:
        thread.join(0.001)
    search.drop()
    thread.join(10)
    assert not thread.is_alive()
    assert found[0].found == ()
    assert started[0].returncode is not None
    assert not Path(f"/proc/{started[0].pid}/fd").exists()


def test_where_a_process_cannot_be_had_or_dies_the_search_goes_on_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for where, value in (
        ("sys.executable", os.devnull),
        ("taskdash.ui.paste_search._CHILD", "raise SystemExit(3)"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(where, value)
            assert len(PasteSearch(TEXT, (KEY,)).run().found) == 3000
