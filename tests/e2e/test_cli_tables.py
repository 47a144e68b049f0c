"""What `list`, `show` and `stats` print for people: nothing left out, and in columns whatever script it is in."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from tests.command import Command

if TYPE_CHECKING:
    from pathlib import Path

HOUR_MS = 3_600_000
REASON = "The prompt was refused: it violates the policies."


def task(task_id: str, **more: Any) -> dict[str, Any]:
    now_ms = time.time_ns() // 1_000_000
    return {"taskId": task_id, "addedAt": now_ms, "checkedAt": now_ms, "state": "success", **more}


def listing(folder: Path, *tasks: dict[str, Any]) -> Command:
    """A list of these tasks."""
    taskdash = Command(folder)
    taskdash.ok("import", "-", stdin=json.dumps(tasks))
    return taskdash


def on_a_terminal(taskdash: Command, *arguments: str, columns: int = 200) -> list[str]:
    """The lines that a command writes to a terminal, without their colours."""
    with taskdash.dashboard(*arguments, columns=columns) as screen:
        assert screen.wait_exit(30) == 0, screen.text
        return re.sub(r"\x1b\[[0-9;]*m", "", screen.raw.decode()).splitlines()


@pytest.fixture
def labelled(tmp_path: Path) -> Command:
    return listing(
        tmp_path,
        task("task_good_12345678", label="mugs", prompt="a red fox"),
        task("task_bad_12345678", label="mugs", prompt="a mug", state="fail", failCode="400", failMsg=REASON),
        task("task_mute_12345678", state="fail", failCode="501"),
        task("task_bare_12345678", prompt="no label"),
    )


def test_a_piped_list_has_label_and_prompt_and_why_a_task_failed(labelled: Command) -> None:
    rows = [line.split("\t") for line in labelled("list").stdout.splitlines()]
    assert [row[6:] for row in rows] == [
        ["mugs", "a red fox", "–"],
        ["mugs", "a mug", REASON],
        ["–", "–", "501"],
        ["–", "no label", "–"],
    ]


def test_a_list_on_a_terminal_has_the_label_beside_the_prompt_or_the_reason(labelled: Command) -> None:
    header, good, bad, mute, bare = on_a_terminal(labelled, "list")
    at, end = header.index("LABEL"), header.index("PROMPT")
    assert "REASON" in header
    assert [(line[at:end].strip(), line[end:]) for line in (good, bad, mute, bare)] == [
        ("mugs", "a red fox"),
        ("mugs", REASON),
        ("–", "501"),
        ("–", "no label"),
    ]


SCRIPTS = [
    "กำลังสร้างภาพ",
    "हिन्दी में चित्र",
    "1\ufe0f\u20e32\ufe0f\u20e3 keycaps",
    "பூனை நிழல்",
    "灯台の夜",
    "한글 그림",
    "Ärger über é\u0301",
    "❤\ufe0f hearts",
    "👩\U0001f3fd artist 🇩🇪",
    "plain",
]


@pytest.mark.parametrize("columns", [200, 118])
def test_columns_are_columns_in_every_script(tmp_path: Path, columns: int) -> None:
    taskdash = listing(
        tmp_path,
        *(task(f"task_w{n}_12345678", label=text, prompt=f"<{text}>" * 3) for n, text in enumerate(SCRIPTS)),
    )
    header, *lines = on_a_terminal(taskdash, "list", columns=columns)
    at = header.index("PROMPT")
    # As the dashboard measures: of Devanagari and Tamil each terminal has another opinion.
    assert [cell_len(line[: line.index("<")]) for line in lines] == [at] * len(SCRIPTS)
    assert max(cell_len(line) for line in lines) <= columns


def test_statistics_are_columns_in_every_script(tmp_path: Path) -> None:
    taskdash = listing(
        tmp_path,
        *(
            task(f"task_w{n}_12345678", model=text, costTime=1_000, createTime=1)
            for n, text in enumerate(SCRIPTS)
        ),
    )
    lines = taskdash("stats").stdout.splitlines()
    assert len({cell_len(line) for line in lines}) == 1, lines


def test_statistics_count_by_the_end_that_everything_else_counts_by(tmp_path: Path) -> None:
    """A gateway without completeTime: the task ended when it was created plus what it took, not when it was checked."""
    now_ms = time.time_ns() // 1_000_000
    taskdash = listing(
        tmp_path,
        task("task_then_12345678", createTime=now_ms - 10 * HOUR_MS, costTime=2 * HOUR_MS),
        task("task_told_12345678", completeTime=now_ms - 3 * HOUR_MS - 60_000),
        task("task_late_12345678", createTime=now_ms - 100 * HOUR_MS, costTime=HOUR_MS),
    )
    per_hour = taskdash.json("stats", "--json")["endedPerHour"]
    assert [24 - hour for hour, count in enumerate(per_hour) if count] == [9, 4]


def test_nothing_to_save_says_why(tmp_path: Path) -> None:
    empty = Command(tmp_path / "empty")
    for taskdash in (empty, listing(tmp_path, task("task_bad_12345678", state="fail"))):
        done = taskdash.ok("download", "--all")
        assert "saved" not in done.stderr
        assert "nothing to save" in done.stderr


def test_a_theme_that_there_is_not_is_told(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
    taskdash.config.write_text('[view]\ntheme = "gruvbocks"\n')
    done = taskdash("config", "check")
    assert done.returncode == 2, done.stdout
    assert "gruvbocks" in done.stderr
    assert "gruvbox" in done.stderr
    for theme in ("gruvbox", "high-contrast-dark", "textual-light"):
        taskdash.config.write_text(f'[view]\ntheme = "{theme}"\n')
        taskdash.ok("config", "check")
