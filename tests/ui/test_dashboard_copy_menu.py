"""The copy menu, and what becomes of a copy: on the way to a desktop, to the terminal, or into a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.bodies import Body
from tests.servers import success_body
from tests.ui.driven_dashboard import (
    PAGE_FAIL,
    PAGE_LINK,
    PAGE_SUCCESS,
    PAGE_WAITING,
    Dash,
    add,
    add_answered,
    answer,
    configure_profile,
    driven,
    page,
    uuid,
)

from taskdash.domain.secret import Secret
from taskdash.domain.task import Json
from taskdash.results.desktop import MAX_TERMINAL_BYTES, ClipboardError, ClipboardProgram
from taskdash.store.store import Store
from taskdash.ui import copying
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


async def open_menu(dash: Dash, *keys: str) -> None:
    await dash.press(*keys, "c", dialog="CopyMenu")


def with_param(task_id: str, param: Json) -> Body:
    """The body of a task that was asked for with `param`."""
    return success_body(task_id, param=param if isinstance(param, str) else json.dumps(param))


def create_command(body: str) -> str:
    return (
        f"curl -sS {BASE}/createTask \\\n  {AUTHORIZATION} \\\n  -H 'Content-Type: application/json' \\\n"
        f"  -H 'X-Request-ID: {REQUEST_ID}' \\\n  --data-raw '{body}'"
    )


PARAM: dict[str, Json] = {"model": MODEL, "input": {"prompt": "A cat"}}


async def test_a_letter_copies_what_it_stands_for(dash: Dash) -> None:
    sent = "(sent to the terminal)."
    await dash.press("j")
    for letter, text, said in (
        ("i", PAGE_SUCCESS, f"Copied 1 task ID {sent}"),
        ("l", PAGE_LINK, f"Copied 1 link {sent}"),
        ("p", "A cat", f"Copied the prompt {sent}"),
        ("a", json.dumps(PARAM, indent=2), f"Copied the param {sent}"),
        ("r", page("success").decode(), f"Copied the record {sent}"),
        (
            "c",
            f"curl -sS '{BASE}/recordInfo?taskId=task_xxx' {AUTHORIZATION}",
            f"Copied the recordInfo command {sent} $KIE_API_KEY stands for your key.",
        ),
        (
            "n",
            create_command('{"model":"gpt-image-2-text-to-image","input":{"prompt":"A cat"}}'),
            f"Copied the createTask command {sent} Running it creates a new task and costs credits",
        ),
    ):
        await open_menu(dash)
        await dash.press(letter, dialog=None, said=said)
        assert dash.app.clipboard == text


@pytest.mark.dashboard(size=(120, 36))
async def test_the_menu_is_honest_about_what_a_command_does(dash: Dash) -> None:
    await dash.press("j")
    await open_menu(dash)
    await dash.until_shown("curl command to run it again (new task, costs credits)")
    await dash.press("k", shown="Running it creates")
    shown = " ".join(dash.screen.replace("│", " ").split())
    assert (
        "Running it creates a new task and costs credits. Running it twice still creates only one." in shown
    )
    await dash.press("k", shown="as taskdash does")


@pytest.mark.dashboard(tasks=1)
async def test_what_a_task_lacks_cannot_be_chosen_and_says_why(dash: Dash) -> None:
    await open_menu(dash)
    for letter, title, reason in (
        ("l", "links", "no result yet"),
        ("p", "prompt", "no record yet"),
        ("a", "param", "no record yet"),
        ("r", "record", "no record yet"),
        ("n", "createTask", "no record yet"),
    ):
        await dash.until_shown(f"– {reason}")
        await dash.press(letter, shown=f"Nothing to copy: {title}")
        assert (dash.dialog, dash.app.clipboard) == ("CopyMenu", "")
    # The cursor goes over it.
    await dash.press("home", "down", "enter")
    await dash.until(lambda: "recordInfo" in dash.app.clipboard, "the next that there is")


# On marks


async def marked(dash: Dash) -> None:
    await dash.press("A")
    await dash.until(lambda: "3 tasks marked" in dash.lines[-1], "all marked")


async def test_of_marked_tasks_each_is_a_line(dash: Dash) -> None:
    await marked(dash)
    for letter, said, lines in (
        ("i", "Copied 3 task IDs", [PAGE_WAITING, PAGE_SUCCESS, PAGE_FAIL]),
        ("l", "Copied 1 link", [PAGE_LINK]),
        (
            "p",
            "Copied 3 prompts",
            ["A cinematic portrait of a robot painter", "A cat", "360 equirectangular"],
        ),
        ("a", "Copied 3 params", ['{"model": '] * 3),
        ("b", "Copied 3 requests", ['{"model": "gpt-image-2'] * 3),
        ("c", "Copied 3 recordInfo commands", [f"curl -sS '{BASE}/recordInfo?taskId="] * 3),
    ):
        await open_menu(dash)
        await dash.until_shown("Copy from 3 tasks")
        await dash.press(letter, said=said)
        copied = dash.app.clipboard.split("\n")
        assert len(copied) == len(lines)
        assert all(line.startswith(start) for line, start in zip(copied, lines, strict=True))
    await open_menu(dash)
    await dash.until_shown("– one task at a time")
    await dash.press("r", shown="Nothing to copy: record: one task at a time")
    assert dash.app.clipboard.startswith("curl")


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


def sequences(dash: Dash, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the terminal is sent from now on, of the kind that fills a clipboard."""
    sent: list[str] = []
    driver = dash.app._driver
    assert driver is not None
    monkeypatch.setattr(driver, "write", lambda data: sent.append(data) if "\x1b]52" in data else None)
    return sent


async def test_the_desktops_program_comes_first_and_where_it_fails_the_terminal_is_asked(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch, dash: Dash
) -> None:
    sent = sequences(dash, monkeypatch)
    await dash.press("y", said="Copied 1 task ID with wl-copy.")
    # Of two copies the last one stays; text boxes paste it.
    await dash.press("j", "y", "u", said_times=3)
    assert (desktop.texts, sent) == ([PAGE_WAITING, PAGE_SUCCESS, PAGE_LINK], [])
    assert dash.app.clipboard == PAGE_LINK
    desktop.failure = "wl-copy does not answer"
    await dash.press("y", said="Copied 1 task ID (sent to the terminal; wl-copy does not answer).")
    assert len(sent) == 1


async def test_what_is_too_much_for_a_terminal_is_saved_or_taken_by_a_desktop(
    desk: Context, other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = tmp_path / "copied.txt"
    saved.mkdir()
    links = [f"https://cdn.example.com/{n:04d}{'x' * 4000}" for n in range(MAX_TERMINAL_BYTES // 4000 + 1)]
    add_answered(other, success_body(uuid(1), links))
    async with driven(desk, total=1) as dash:
        sent = sequences(dash, monkeypatch)
        await dash.press("u", said="it could not be saved to a file: Is a directory")
        saved.rmdir()
        too_much = "17 links: too large for the terminal's clipboard (67 KiB, limit 64 KiB): saved to "
        await dash.press("u", said=too_much)
        await dash.until_said(str(saved))
        assert (saved.read_text().splitlines(), sent) == (links, [])
        desktop = Desktop(monkeypatch)
        await dash.press("u", said="links with wl-copy")
        assert desktop.texts == ["\n".join(links)]


async def test_a_key_is_never_copied(desk: Context, other: Store) -> None:
    key = "sk-CANARY-0123456789abcdef"
    desk.keys.add(Secret(key))
    add(other, uuid(1))
    answer(other, uuid(1), with_param(uuid(1), {"model": MODEL, "input": {"prompt": f"my key is {key}"}}))
    async with driven(desk, total=1) as dash:
        for number, letter in enumerate("parn", 1):
            await open_menu(dash)
            await dash.press(letter, said_times=number)
            assert "my key is ***" in dash.app.clipboard
            assert "CANARY" not in dash.app.clipboard
