"""The copy menu, and what becomes of a copy: on the way to a desktop, to the terminal, or into a file."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.servers import success_body
from tests.ui.driven_dashboard import (
    PAGE_FAIL,
    PAGE_LINK,
    PAGE_SUCCESS,
    PAGE_WAITING,
    PROFILE,
    add,
    answer,
    configure_profile,
    driven,
    fill_with_the_page,
    page,
    uuid,
)

from taskdash.domain.secret import Secret
from taskdash.results.desktop import MAX_TERMINAL_BYTES, ClipboardError, ClipboardProgram
from taskdash.ui import copying

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bodies import Body
    from tests.ui.driven_dashboard import DrivenDashboard

    from taskdash.domain.task import Json
    from taskdash.store.store import Store
    from taskdash.ui.context import Context

REQUEST_ID = "0b54b1b0-8f4f-4b0e-9c53-2f1f6d6ad6a4"
AUTHORIZATION = '-H "Authorization: Bearer $KIE_API_KEY"'
BASE = "https://api.kie.ai/api/v1/jobs"
MODEL = "gpt-image-2-text-to-image"


@pytest.fixture
def desk(desk: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    configure_profile(desk, base_url="https://api.kie.ai", api_key_env="KIE_API_KEY")
    desk.copy_path = tmp_path / "copied.txt"
    monkeypatch.setattr(copying, "uuid4", lambda: REQUEST_ID)
    return desk


async def open_menu(dash: DrivenDashboard, *keys: str) -> None:
    await dash.press(*keys, "c")
    await dash.until_dialog("CopyMenu")


def with_param(task_id: str, param: Json) -> Body:
    """The body of a task that was asked for with `param`."""
    return success_body(task_id, param=param if isinstance(param, str) else json.dumps(param))


def run_in_shell(script: Path, folder: Path) -> bytes:
    """What a script prints, where a program of its own stands first on the PATH."""
    environ = {"PATH": f"{folder}/bin:{os.environ['PATH']}"}
    return subprocess.run(["sh", script], env=environ, cwd=folder, capture_output=True, check=True).stdout


def create_command(body: str) -> str:
    return (
        f"curl -sS {BASE}/createTask \\\n  {AUTHORIZATION} \\\n  -H 'Content-Type: application/json' \\\n"
        f"  -H 'X-Request-ID: {REQUEST_ID}' \\\n  --data-raw '{body}'"
    )


PARAM: dict[str, Json] = {"model": MODEL, "input": {"prompt": "A cat"}}


@pytest.mark.parametrize(
    ("letter", "text", "said"),
    [
        ("i", PAGE_SUCCESS, "Copied 1 task ID (sent to the terminal)."),
        ("l", PAGE_LINK, "Copied 1 link (sent to the terminal)."),
        ("p", "A cat", "Copied the prompt (sent to the terminal)."),
        ("a", json.dumps(PARAM, indent=2), "Copied the param (sent to the terminal)."),
        ("r", page("success").decode(), "Copied the record (sent to the terminal)."),
        (
            "c",
            f"curl -sS '{BASE}/recordInfo?taskId=task_xxx' {AUTHORIZATION}",
            "Copied the recordInfo command (sent to the terminal). $KIE_API_KEY stands for the key.",
        ),
        (
            "n",
            create_command('{"model":"gpt-image-2-text-to-image","input":{"prompt":"A cat"}}'),
            "Copied the createTask command (sent to the terminal). Running it asks for a new task",
        ),
    ],
)
async def test_a_letter_copies_what_it_stands_for(
    desk: Context, other: Store, letter: str, text: str, said: str
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await open_menu(dash, "j")
        await dash.press(letter)
        await dash.until_dialog(None)
        await dash.until_said(said)
        assert dash.app.clipboard == text


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (["enter"], PAGE_SUCCESS),
        (["j", "j", "enter"], "A cat"),
        (["down", "enter"], PAGE_LINK),
        (["j", "k", "enter"], PAGE_SUCCESS),
    ],
)
async def test_arrows_and_enter_copy_too(desk: Context, other: Store, keys: Sequence[str], text: str) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await open_menu(dash, "j")
        await dash.press(*keys)
        await dash.until_dialog(None)
        await dash.until(lambda: dash.app.clipboard == text, f"{text!r} copied")


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_leaving_the_menu_copies_nothing(desk: Context, other: Store, key: str) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await open_menu(dash)
        await dash.press(key)
        await dash.until_dialog(None)
        assert (dash.said, dash.app.clipboard, dash.app._exit) == ([], "", False)


async def test_keys_typed_ahead_reach_the_menu(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("j", "c", "p")
        await dash.until(lambda: dash.app.clipboard == "A cat", "the prompt copied")


async def test_the_menu_is_honest_about_what_a_command_does(desk: Context, other: Store) -> None:
    add(other, uuid(1))
    answer(other, uuid(1), with_param(uuid(1), {**PARAM, "callBackUrl": "https://me.example/hook"}))
    async with driven(desk, total=1, size=(120, 36)) as dash:
        await open_menu(dash)
        await dash.until_shown("a new task that costs credits")
        await dash.press("k")
        await dash.until_shown("Its callBackUrl")
        shown = " ".join(dash.screen.replace("│", " ").split())
        assert "Running it asks" in shown
        assert "which costs credits. Run twice it is still one task." in shown
        assert "Its callBackUrl goes with it: https://me.example/hook" in shown
        await dash.press("k")
        await dash.until_shown("as taskdash does")


@pytest.mark.parametrize(
    ("letter", "reason"),
    [
        ("l", "it is not finished"),
        ("p", "no answer with a record yet"),
        ("a", "no answer with a record yet"),
        ("r", "no answer with a record yet"),
        ("n", "no answer with a record yet"),
    ],
)
async def test_what_a_task_lacks_cannot_be_chosen_and_says_why(
    desk: Context, other: Store, letter: str, reason: str
) -> None:
    add(other, uuid(1))
    async with driven(desk, total=1) as dash:
        await open_menu(dash)
        await dash.until_shown(f"– {reason}")
        await dash.press(letter)
        await dash.until_shown("Nothing to copy: ")
        assert (dash.dialog, dash.app.clipboard) == ("CopyMenu", "")
        # The cursor goes over it.
        await dash.press("down", "enter")
        await dash.until(lambda: "recordInfo" in dash.app.clipboard, "the next that there is")


async def test_a_task_of_an_imported_list_has_no_body_but_can_be_asked_for_again(
    desk: Context, other: Store
) -> None:
    fill_with_the_page(other)
    detail = other.tasks.detail(other.tasks.find(PROFILE, PAGE_FAIL).seq)
    assert detail is not None
    with other.database.writing() as connection:
        connection.execute("UPDATE bodies SET raw = x'' WHERE seq = ?", (detail.task.seq,))
    async with driven(desk, total=3) as dash:
        await open_menu(dash, "G")
        await dash.press("n")
        await dash.until(lambda: "--data-raw" in dash.app.clipboard, "the command copied")
        assert "360 equirectangular panorama" in dash.app.clipboard


async def test_the_same_prompt_is_asked_for_letter_for_letter(
    desk: Context, other: Store, tmp_path: Path
) -> None:
    """What is shown is made inert: joined emoji fall apart, controls are replaced, long texts are cut."""
    prompt = "👨‍👩‍👧 it's \x1b[31m $(touch pwned) \\ '; touch pwned; ' @x\r\n" + "long " * 15_000
    param: Json = {"model": MODEL, "input": {"prompt": prompt}}
    add(other, uuid(1))
    answer(other, uuid(1), with_param(uuid(1), param))
    saved = tmp_path / "copied.txt"
    async with driven(desk, total=1) as dash:
        await open_menu(dash)
        await dash.press("n")
        await dash.until(saved.exists, "the command saved: it is longer than terminals take")
    curl = tmp_path / "bin" / "curl"
    curl.parent.mkdir()
    curl.write_text('#!/bin/sh\nfor last in "$@"; do :; done\nprintf "%s" "$last"\n')
    curl.chmod(0o755)
    assert json.loads(run_in_shell(saved, tmp_path)) == param
    assert not (tmp_path / "pwned").exists()


# On marks


async def marked(dash: DrivenDashboard) -> None:
    await dash.press("A")
    await dash.until(lambda: "3 tasks marked" in dash.lines[-1], "all marked")


@pytest.mark.parametrize(
    ("letter", "said", "lines"),
    [
        ("i", "Copied 3 task IDs", [PAGE_WAITING, PAGE_SUCCESS, PAGE_FAIL]),
        ("l", "Copied 1 link", [PAGE_LINK]),
        (
            "p",
            "Copied 3 prompts",
            ["A cinematic portrait of a robot painter", "A cat", "360 equirectangular"],
        ),
        ("a", "Copied 3 params", ['{"model": ', '{"model": ', '{"model": ']),
        ("c", "Copied 3 recordInfo commands", [f"curl -sS '{BASE}/recordInfo?taskId="] * 3),
    ],
)
async def test_of_marked_tasks_each_is_a_line(
    desk: Context, other: Store, letter: str, said: str, lines: list[str]
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await marked(dash)
        await open_menu(dash)
        await dash.until_shown("Copy of 3 tasks")
        await dash.press(letter)
        await dash.until_said(said)
        copied = dash.app.clipboard.split("\n")
        assert len(copied) == len(lines)
        assert all(line.startswith(start) for line, start in zip(copied, lines, strict=True))


async def test_create_commands_of_marked_tasks_stand_apart_and_say_who_lacks_one(
    desk: Context, other: Store
) -> None:
    fill_with_the_page(other)
    answer(other, PAGE_WAITING, with_param(PAGE_WAITING, "no JSON"))
    async with driven(desk, total=3) as dash:
        await marked(dash)
        await open_menu(dash)
        await dash.press("n")
        await dash.until_said(
            "Copied 2 createTask commands (sent to the terminal). Running it asks for a new task"
        )
        await dash.until_said("1 task had none: its param is no JSON object.")
        assert dash.app.clipboard.count("curl -sS") == 2
        assert " &&\ncurl -sS" in dash.app.clipboard


async def test_a_record_is_copied_of_one_task_at_a_time(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await marked(dash)
        await open_menu(dash)
        await dash.until_shown("– of one task at a time")
        await dash.press("r")
        await dash.until_shown("Nothing to copy: record: of one task at a time")
        assert dash.app.clipboard == ""


# What becomes of a copy


class Desktop:
    """A clipboard program that takes what it is given, or fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts: list[str] = []
        self.failure: str | None = None
        monkeypatch.setattr(ClipboardProgram, "copy", lambda _, text: self.copy(text))
        program = ClipboardProgram("/usr/bin/wl-copy", (), {})
        monkeypatch.setattr(copying, "find_clipboard", lambda _: program)

    def copy(self, text: str) -> None:
        if self.failure is not None:
            raise ClipboardError(self.failure)
        self.texts.append(text)


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> Desktop:
    return Desktop(monkeypatch)


def sequences(dash: DrivenDashboard, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the terminal is sent from now on, of the kind that fills a clipboard."""
    sent: list[str] = []
    driver = dash.app._driver
    assert driver is not None
    monkeypatch.setattr(driver, "write", lambda data: sent.append(data) if "\x1b]52" in data else None)
    return sent


async def test_the_desktops_program_comes_first_and_is_named(
    desk: Context, other: Store, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        sent = sequences(dash, monkeypatch)
        await dash.press("y")
        await dash.until_said("Copied 1 task ID with wl-copy.")
        assert (desktop.texts, sent) == ([PAGE_WAITING], [])
        # Text boxes paste what was copied last.
        assert dash.app.clipboard == PAGE_WAITING


async def test_where_that_fails_the_terminal_is_asked_and_both_is_said(
    desk: Context, other: Store, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop.failure = "wl-copy does not answer"
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        sent = sequences(dash, monkeypatch)
        await dash.press("y")
        await dash.until_said("Copied 1 task ID (sent to the terminal; wl-copy does not answer).")
        assert len(sent) == 1


async def test_a_desktop_takes_what_is_too_much_for_a_terminal(
    desk: Context, other: Store, desktop: Desktop
) -> None:
    fill_with_long_links(other)
    async with driven(desk, total=1) as dash:
        await dash.press("u")
        await dash.until_said("links with wl-copy")
        assert len(desktop.texts[0]) > MAX_TERMINAL_BYTES


async def test_what_is_too_much_for_a_terminal_is_saved_and_said(
    desk: Context, other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = tmp_path / "copied.txt"
    fill_with_long_links(other)
    async with driven(desk, total=1) as dash:
        sent = sequences(dash, monkeypatch)
        await dash.press("u")
        await dash.until_said(
            "17 links: too much for a terminal's clipboard (67 KiB, it takes 64): saved to "
        )
        await dash.until_said(str(saved))
        assert (len(saved.read_text().splitlines()), sent) == (17, [])


async def test_a_file_that_cannot_be_written_is_said(desk: Context, other: Store, tmp_path: Path) -> None:
    (tmp_path / "copied.txt").mkdir()
    fill_with_long_links(other)
    async with driven(desk, total=1) as dash:
        await dash.press("u")
        await dash.until_said("it cannot be saved to a file: Is a directory")


def fill_with_long_links(store: Store) -> None:
    add(store, uuid(1))
    links = [f"https://cdn.example.com/{n:04d}{'x' * 4000}" for n in range(MAX_TERMINAL_BYTES // 4000 + 1)]
    answer(store, uuid(1), success_body(uuid(1), links))


@pytest.mark.parametrize("letter", ["p", "a", "r", "n"])
async def test_a_key_is_never_copied(desk: Context, other: Store, letter: str) -> None:
    key = "sk-CANARY-0123456789abcdef"
    desk.keys.add(Secret(key))
    add(other, uuid(1))
    answer(other, uuid(1), with_param(uuid(1), {"model": MODEL, "input": {"prompt": f"my key is {key}"}}))
    async with driven(desk, total=1) as dash:
        await open_menu(dash)
        await dash.press(letter)
        await dash.until(lambda: "my key is ***" in dash.app.clipboard, "the text without the key")
        assert "CANARY" not in dash.app.clipboard


async def test_of_two_copies_the_last_one_stays(desk: Context, other: Store, desktop: Desktop) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("y", "j", "y", "u")
        await dash.until_said_times(3)
        assert desktop.texts == [PAGE_WAITING, PAGE_SUCCESS, PAGE_LINK]
