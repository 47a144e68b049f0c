"""The review on a real terminal: results are picked and rejected by keys, and the commands find them so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import KEY, Command
from tests.e2e.test_preview_pty import REMOVED, SENT, PictureApi, Terminal
from tests.servers import success_body, waiting_body

IDS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1, 5)]
RUNNING = "7a1f0c52-9b1e-4c1b-8f5e-0d6a2f1b9c10"
SIXEL = re.compile(rb'\x1b7\x1b\[(\d+)G\x1bP0;0;0q"1;1;\d+;20#[\x20-\x7e]*\x1b\\\x1b8')


@pytest.fixture
def taskdash(tmp_path: Path) -> Iterator[Command]:
    """A list of five results, of four tasks, and a task that runs."""
    with PictureApi(key=KEY) as api:
        for number, task_id in enumerate(IDS, 1):
            links = [f"{api.url}/files/{number}-{n}.png" for n in range(1, 2 + (number == 4))]
            api.set(task_id, success_body(task_id, links))
        api.set(RUNNING, waiting_body(RUNNING))
        command = Command(tmp_path, api)
        command.ok("add", *IDS, RUNNING)
        command("check")
        yield command


def terminal(taskdash: Command, *, cell: tuple[int, int] = (0, 0), **variables: str) -> Terminal:
    places = {"TASKDASH_STORE": str(taskdash.store), "TASKDASH_CONFIG": str(taskdash.config)}
    return Terminal(taskdash.environment({**places, "COLORTERM": "truecolor"}), cell=cell, **variables)


def verdicts(taskdash: Command) -> dict[str, list[str | None]]:
    """The verdicts of each task that has results, by its first eight digits."""
    tasks = json.loads(taskdash.ok("list", "--json").stdout)
    return {task["taskId"][:8]: task["verdicts"] for task in tasks if task["resultUrls"]}


def test_results_are_picked_and_rejected_by_keys_and_saved(taskdash: Command, tmp_path: Path) -> None:
    saved_in = tmp_path / "saved"
    taskdash.config.write_text(f'download_dir = "{saved_in}"\n{taskdash.config.read_text()}')
    with terminal(taskdash) as screen:
        screen.wait_for("Success 4")
        screen.send("b", shows="[All 5]")
        screen.wait_for(lambda text: "loading" not in text and text.count("▀") == 5 * 16 * 8)
        screen.send("p", shows="+ Picked 1")
        screen.send("lx", shows="- Rejected 1")
        screen.wait_for(lambda text: "+ picked" in text and "- rejected" in text)
        screen.send("G+", shows="+ Picked 2")
        screen.send("h-", shows="- Rejected 2")
        screen.send("z", shows="- Rejected 1")
        assert verdicts(taskdash) == {
            "00000001": ["picked"],
            "00000002": ["rejected"],
            "00000003": [None],
            "00000004": [None, "picked"],
        }
        screen.send("fff", shows="[- Rejected 1]")
        screen.send("u", shows="[- Rejected 0]")
        screen.send("f", shows="[All 5]")
        # Another process decides, and is seen.
        taskdash.ok("reject", IDS[2])
        screen.wait_for("- Rejected 1")
        screen.send("ff", shows="[+ Picked 2]")
        screen.send("e", shows="Saved a contact sheet of 2 results")
        screen.send("d", shows="Saving 2 results to ")
        screen.wait_for("Saved 2 files")
        screen.send("\x1b", shows="Success 4")
        screen.quit()
    sheet = (saved_in / "sheet.html").read_text()
    assert "2 picked results of all 4 tasks" in sheet
    assert sheet.count("data:image/webp") == 2
    assert taskdash.ok("download", "--picked").stdout == ""
    saved = {
        task["taskId"][:8]: len(task["saved"]) for task in json.loads(taskdash.ok("list", "--json").stdout)
    }
    assert saved == {"00000001": 1, "00000002": 0, "00000003": 0, "00000004": 1, RUNNING[:8]: 0}


def test_kitty_shows_a_picture_for_each_and_forgets_them_all(taskdash: Command) -> None:
    with terminal(taskdash, TERM="xterm-kitty") as screen:
        screen.wait_for("Success 4")
        screen.send("b", shows="[All 5]")
        screen.wait_for(lambda _: len(SENT.findall(screen.raw)) >= 5)
        screen.wait_for(lambda text: "loading" not in text)
        screen.send("?", shows="review_pick")
        screen.send("\x1b", shows="[All 5]")
        screen.send("\x1b", shows="Success 4")
        screen.quit()
        assert sorted(REMOVED.findall(screen.raw)) == sorted(SENT.findall(screen.raw))


def test_without_colours_pictures_are_shades(taskdash: Command) -> None:
    with terminal(taskdash, NO_COLOR="1") as screen:
        screen.wait_for("Success 4")
        screen.send("b", shows="Undecided 5")
        screen.wait_for(lambda text: "loading" not in text and text.count("░") == 5 * 16 * 4)
        screen.send("p", shows="+ picked")
        screen.send("\x1b", shows="Success 4")
        screen.quit()


def test_sixels_come_with_their_lines_beside_a_scroll_bar_too(taskdash: Command) -> None:
    with terminal(taskdash, cell=(10, 20), TERM="foot") as screen:
        screen.wait_for("Success 4")
        screen.send("b", shows="[All 5]")
        screen.wait_for(lambda _: {b"2", b"21", b"40", b"59", b"78"} <= set(SIXEL.findall(screen.raw)))
        seen = len(screen.raw)
        screen.resize(44, 14)
        screen.wait_for(lambda _: {b"2", b"23"} <= set(SIXEL.findall(screen.raw[seen:])))
        screen.send("\x1b", shows="Tasks 1–5 of 5")
        screen.quit()
