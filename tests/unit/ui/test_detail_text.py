"""The detail's text: what comes first, what has to stay on one line, and what takes none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.style import Style

from taskdash.domain.task import Problem, ProblemKind, SavedResult, State, Task, TaskDetail, Verdict
from taskdash.domain.usual import Usual
from taskdash.ui.text.detail import detail_text, result_target

NOW_MS = 1_777_475_100_000
PANE_CELLS = 39
"""The detail's text in a terminal 120 columns wide: 35 percent, less its margins and the scroll bar."""
AGES_MS = [0, 9_000, 59_000, 3_599_000, 86_399_000, 206 * 86_400_000]
LINK = "https://cdn.example.com/results/2026/04/29/5064bd1a-b4d0-4f1c/out-1.png"


def task(state: State, **fields: Any) -> Task:
    known: dict[str, Any] = {"seq": 1, "profile": "kie", "task_id": "task_one", "added_at_ms": NOW_MS}
    return Task(state=state, **known | fields)


def text_of(task: Task, *, usual: Usual | None = None, width: int = 80, **bodies: Any) -> str:
    detail = TaskDetail(task=task, **bodies)
    return detail_text(detail, NOW_MS, lambda _: usual, 86_400_000, width).plain


def blocks_of(task: Task, **more: Any) -> list[list[str]]:
    return [block.split("\n") for block in text_of(task, **more).split("\n\n")]


def test_what_the_eye_looks_for_comes_first() -> None:
    done = task(
        State.SUCCESS,
        prompt="A fox",
        model="gpt-image-2",
        label="hero",
        note="the red one",
        cost_time_ms=32_241,
        complete_time_ms=NOW_MS - 3_600_000,
        checked_at_ms=NOW_MS,
        result_count=3,
        problem=Problem(ProblemKind.SERVER_ERROR, "HTTP 500", NOW_MS - 120_000),
    )
    param = {"model": "gpt-image-2", "input": {"prompt": "A fox", "aspect_ratio": "1:1"}, "callBackUrl": "x"}
    links = (LINK, "https://cdn.example.com/2.png", "https://me@cdn.example.com/3.png")
    saved = (SavedResult(2, "/home/me/pictures/fox-2.png"),)
    blocks = blocks_of(done, param=param, result_urls=links, saved=saved, credits_consumed="4")
    assert [[line.split("  ")[0] for line in block] for block in blocks] == [
        ["A fox"],
        [
            f"1 {LINK}",
            "2 saved /home/me/pictures/fox-2.png",
            "3 https://me@cdn.example.com/3.png (is not opened: it has a user name in it)",
        ],
        [
            *("✓ success in 32s", "aspect_ratio", "callBackUrl", "completed", "added", "checked", "expires"),
            *("label", "note", "credits"),
        ],
        ["! server error · first seen 2m ago", "HTTP 500"],
        ["task_one · gpt-image-2"],
    ]
    columns = {line.index(line.split("  ")[-1].strip()) for line in blocks[2][1:3]}
    assert len(columns) == 1


def test_nine_links_have_a_number_and_an_input_is_key_and_value() -> None:
    urls = tuple(f"https://cdn.example.com/{n}.png" for n in range(1, 13))
    param = {"input": {"prompt": "A fox", "size": "1024x1024", "n": 2, "seeds": [1, 2]}}
    links, facts, *_ = blocks_of(task(State.SUCCESS, result_count=12), param=param, result_urls=urls)
    assert [line.split() for line in links] == [
        *([str(n), url] for n, url in enumerate(urls[:9], 1)),
        *([url] for url in urls[9:]),
    ]
    pairs = [line.split(maxsplit=1) for line in facts]
    assert [
        pair for pair in (["size", "1024x1024"], ["n", "2"], ["seeds", "[1, 2]"]) if pair not in pairs
    ] == []


def test_a_failure_stands_right_behind_the_prompt() -> None:
    failed = task(
        State.FAIL, prompt="A fox", fail_code="422", fail_msg="Invalid input image", cost_time_ms=9_000
    )
    assert blocks_of(failed)[:2] == [
        ["A fox"],
        ["× fail · invalid input · code 422 · after 9s", "Invalid input image"],
    ]
    assert blocks_of(task(State.FAIL))[0] == ["× fail · other", "no reason given"]


@pytest.mark.parametrize("width", [30, PANE_CELLS, 80])
def test_a_long_value_stays_in_its_column(width: int) -> None:
    style = "watercolour on rough paper, wet edges, muted earth tones, " * 2
    param = {
        "input": {"style": style, "negative_prompt": "text", "image_with_a_name": f"https://x/{'y' * 60}"}
    }
    done = task(State.SUCCESS, note="first line\nsecond line")
    inputs = next(block for block in blocks_of(done, param=param, width=width) if "✓ success" in block)
    lines = inputs[1:]
    assert max(map(len, lines)) <= width
    assert [line[:14] for line in lines if line[:14].strip()] == [
        *("style         ", "negative_promp", "image_with_a_n", "added         ", "note          ")
    ]
    assert lines[-1] == f"{'':14}second line"
    assert " ".join(line[14:].strip() for line in lines).startswith(style.strip())


def test_what_a_task_has_nothing_of_takes_no_line() -> None:
    assert [line.split("  ")[0] for line in text_of(task(State.NEW)).splitlines()] == [
        *("○ new · not answered yet", "added", "", "task_one")
    ]


@pytest.mark.parametrize(
    ("waited_s", "usual", "said"),
    [
        (8, None, "◐ waiting 8s"),
        (8, Usual(26_800, 40_000, 60_000), "◐ waiting 8s · usual 27s"),
        (90, Usual(26_800, 40_000, 60_000), "◐ waiting 1m30s · usual 27s, overdue"),
        (90, Usual(80_000, 90_000, 120_000, is_more=True), "◐ waiting 1m30s · usual over 1m20s"),
    ],
)
def test_a_wait_is_told_beside_what_is_usual(waited_s: int, usual: Usual | None, said: str) -> None:
    waiting = task(State.WAITING, create_time_ms=NOW_MS - 1000 * waited_s)
    assert text_of(waiting, usual=usual).splitlines()[0] == said
    named = task(State.WAITING, raw_state="queuing", progress="40%")
    assert text_of(named).splitlines()[0] == "◐ queuing 0s · 40%"


@pytest.mark.parametrize("width", [PANE_CELLS, 60, 200])
def test_a_result_takes_one_line_that_leads_to_the_whole_link_or_file(width: int) -> None:
    signed = f"{LINK}?signature={'s' * 400}"
    path = f"/home/me/{'deep/' * 40}fox-2.png"
    bodies = {"result_urls": (signed, LINK), "saved": (SavedResult(2, path),)}
    detail = TaskDetail(task=task(State.SUCCESS, result_count=2), **bodies)  # type: ignore[arg-type] # of fields
    shown = detail_text(detail, NOW_MS, lambda _: None, None, width)
    first, second = shown.plain.splitlines()[:2]
    assert max(len(first), len(second)) <= width
    assert first.startswith("1 https://")
    assert first.endswith("out-1.png?…")
    assert second.endswith("fox-2.png")
    links = [span.style.link for span in shown.spans if isinstance(span.style, Style) and span.style.link]
    assert links == [signed, Path(path).as_uri()]
    assert [result_target(detail, n) for n in (1, 2, 3)] == [*links, None]


@pytest.mark.parametrize("width", [33, 36, PANE_CELLS])
@pytest.mark.parametrize("age_ms", AGES_MS)
def test_each_time_and_as_far_as_it_fits_its_age_take_one_line(age_ms: int, width: int) -> None:
    names = ["added_at_ms", "create_time_ms", "complete_time_ms", "checked_at_ms"]
    moments = dict.fromkeys(names, NOW_MS - age_ms)
    fields = moments | {"cost_time_ms": 3_599_000, "checks": 12_345, "result_count": 1}
    lines = blocks_of(task(State.SUCCESS, **fields), width=width, result_urls=(LINK,))[1]
    assert len(lines) == 1 + len(names) + len(["checks", "expires"])
    assert max(map(len, lines)) <= width


def test_where_a_moment_has_no_room_its_age_stands_alone() -> None:
    lines = blocks_of(task(State.WAITING, create_time_ms=NOW_MS - 9_000), width=30)[0]
    assert "created       9s ago" in lines


@pytest.mark.parametrize(("in_ms", "said"), [(-1, "now"), (0, "now"), (999, "now"), (7_000, "in 7s")])
def test_the_next_check_is_still_to_come(in_ms: int, said: str) -> None:
    text = text_of(task(State.WAITING, next_check_at_ms=NOW_MS + in_ms))
    assert f"\nnext check    {said}\n" in text


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("2025-01-01 00:00:00", "2025-01-01 00:00:00"), ("soon", "?"), (0, "?"), ("2025-01-01", "?")],
)
def test_a_time_without_a_zone_stands_as_it_was_sent(sent: Any, shown: str) -> None:
    lines = text_of(task(State.SUCCESS), extra={"createTime": sent}).splitlines()
    assert [line.split(None, 1)[1] for line in lines if line.startswith("created ")] == [shown]


def test_the_path_of_another_family_and_a_result_that_was_removed_are_said() -> None:
    text = text_of(task(State.SUCCESS, record_path="/api/v1/veo/record-info", purged=True))
    assert "/api/v1/veo/record-info" in text
    assert "The gateway has removed the result" in text
    assert "recordInfo" not in text_of(task(State.SUCCESS, record_path="/api/v1/jobs/recordInfo"))


def test_a_verdict_stands_behind_its_result() -> None:
    judged = TaskDetail(
        task=task(State.SUCCESS, result_count=3),
        result_urls=(LINK, LINK, f"{LINK}?{'s' * 99}"),
        saved=(SavedResult(2, "/home/me/fox.png"),),
        verdicts={2: Verdict.PICKED, 3: Verdict.REJECTED},
    )
    lines = detail_text(judged, NOW_MS, lambda _: None, None, PANE_CELLS).plain.splitlines()[:3]
    assert [line.partition(" · ")[2] for line in lines] == ["", "picked", "rejected"]
    assert max(map(len, lines)) <= PANE_CELLS
