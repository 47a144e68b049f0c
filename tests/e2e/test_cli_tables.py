"""What `list`, `show` and `stats` print for people: nothing left out, and in columns whatever script it is in."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from tests.command import Command, listed
from tests.pty_screen import PtyScreen

from taskdash.domain.task_json import FIELDS

HOUR_MS = 3_600_000
PROBLEM = {"kind": "not found", "message": "recordInfo is null", "since": 1}
REASON = "The prompt was refused: it violates the policies."


def listing(folder: Path, *tasks: dict[str, Any]) -> Command:
    taskdash = Command(folder)
    taskdash.import_tasks(*tasks)
    return taskdash


@pytest.fixture
def labelled(tmp_path: Path) -> Command:
    return listing(
        tmp_path,
        listed("task_good_12345678", label="mugs", prompt="a red fox"),
        listed(
            "task_bad_12345678", label="mugs", prompt="a mug", state="fail", failCode="400", failMsg=REASON
        ),
        listed("task_mute_12345678", state="fail", failCode="501"),
        listed("task_bare_12345678", prompt="no label"),
    )


def test_a_piped_list_has_every_column_whole(labelled: Command) -> None:
    header, *rows = [line.split("\t") for line in labelled("list").stdout.splitlines()]
    assert header == [
        *("STATE", "TASK ID", "MODEL", "DURATION", "CREATED", "CHECKED"),
        *("LABEL", "PROMPT", "REASON", "PROBLEM"),
    ]
    assert [row[6:] for row in rows] == [
        ["mugs", "a red fox", "–", "–"],
        ["mugs", "a mug", REASON, "–"],
        ["–", "–", "501", "–"],
        ["–", "no label", "–", "–"],
    ]


def test_a_piped_list_tells_times_as_iso_8601_does_and_durations_as_all_do(tmp_path: Path) -> None:
    times = {"createTime": 1_780_000_000_999, "costTime": 112_000, "checkedAt": 1_780_000_200_000}
    taskdash = listing(
        tmp_path,
        listed("task_done_12345678", **times),
        listed("task_lost_12345678", state="new", checkedAt=None, problem=PROBLEM),
        listed("task_text_12345678", prompt=f"tab\there {'x' * 9_000}"),
    )
    done, lost, text = [line.split("\t") for line in taskdash("list", "--no-header").stdout.splitlines()]
    assert done[3:6] == ["1m52s", "2026-05-28T20:26:40Z", "2026-05-28T20:30:00Z"]
    assert lost[3:] == [*["–"] * 6, "not found: recordInfo is null"]
    assert text[7] == f"tab here {'x' * 9_000}"


def test_fields_are_columns_by_their_json_names(labelled: Command) -> None:
    def printed(*options: str) -> list[str]:
        return labelled.ok("list", "--limit", "2", *options).stdout.splitlines()

    rows = ["state\ttaskId", "success\ttask_good_12345678", "fail\ttask_bad_12345678"]
    assert printed("--fields", "state,taskId") == rows
    assert printed("--fields", "prompt, label", "--no-header") == ["a red fox\tmugs", "a mug\tmugs"]
    rows = ["failMsg,label,resultUrls", ",mugs,[]", f"{REASON},mugs,[]"]
    assert printed("--fields", "failMsg,label,resultUrls", "--csv") == rows
    assert printed("--fields", "label", "--csv", "--no-header") == ["mugs", "mugs"]
    document = json.loads("".join(printed("--fields", "costTime,state", "--json")))
    assert document == [{"costTime": None, "state": state} for state in ("success", "fail")]
    (added,) = printed("--fields", "addedAt", "--no-header", "--limit", "1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", added)
    assert set(printed("--fields", ",".join(FIELDS))[0].split("\t")) == set(FIELDS)
    for wrong in ("cost", "taskId,nope", ",", ""):
        done = labelled("list", "--fields", wrong)
        assert (done.returncode, done.stdout, ", ".join(FIELDS) in done.stderr) == (2, "", True)
    assert labelled("list", "--fields", "state", "--ids").returncode == 2


def test_several_profiles_are_told_apart(tmp_path: Path) -> None:
    taskdash = listing(
        tmp_path,
        listed("task_mine_12345678", profile="aigptimage"),
        listed("task_kies_12345678", profile="kie", label="mugs"),
    )
    header, *rows = [line.split("\t") for line in taskdash("list", "--all-profiles").stdout.splitlines()]
    assert header[-1] == "PROFILE"
    assert [row[-1] for row in rows] == ["aigptimage", "kie"]
    assert "PROFILE" not in taskdash("list").stdout
    for columns in (60, 80, 120):
        header_line, mine, kies = taskdash.on_terminal("list", "--all-profiles", columns=columns)
        at = header_line.index("PROFILE")
        assert (mine[at:].split()[0], kies[at:].split()[0]) == ("aigptimage"[: columns // 6], "kie")


@pytest.fixture
def batch(tmp_path: Path) -> Command:
    """300 tasks of one batch, whose prompts have their first 60 characters in common."""
    now_ms = time.time_ns() // 1_000_000
    shared, woods = (
        "Product photography of a handmade ceramic mug, matte black, on a",
        ("walnut", "oak", "cherry", "ash"),
    )
    tasks = [
        listed(
            f"{n:08x}-025a-490b-b28f-6a9fa12eb88a",
            prompt=f"{shared} {woods[n % 4]} desk, variation {n}",
            label="mugs",
            createTime=now_ms - n * 61_000,
            **{"costTime": n * 1_000} if n % 3 else {"state": "waiting"},
        )
        for n in range(300)
    ]
    return listing(tmp_path, *tasks)


def test_a_list_fits_the_terminal_and_tells_its_rows_apart(batch: Command) -> None:
    for columns in (60, 80, 120, 200):
        header, *rows = batch.on_terminal("list", columns=columns)
        assert len(rows) == 300
        assert max(map(cell_len, (header, *rows))) <= columns
        at = header.index("PROMPT")
        texts = [row[at : at + 24] for row in rows]
        assert all(one != other for one, other in itertools.pairwise(texts))
        assert header.split()[-3:] == ["DURATION", "AGE", "ID"]
        assert rows[0].startswith("◐ waiting ")
        assert rows[2].split()[-3:] == ["2s", "2m", "00000002"]
        assert ("LABEL" in header) is (columns >= 80)


def test_a_list_fits_a_terminal_that_is_too_narrow_for_it(labelled: Command) -> None:
    labelled.on_terminal("list", columns=1)
    for columns in (24, 40):
        header, *rows = labelled.on_terminal("list", columns=columns)
        assert max(map(cell_len, (header, *rows))) <= columns
        assert [row[0] for row in rows] == ["✓", "×", "×", "✓"]
        assert [row.split()[-1] for row in rows] == ["task_goo", "task_bad", "task_mut", "task_bar"]


def test_an_empty_list_says_so_on_a_terminal(labelled: Command, tmp_path: Path) -> None:
    assert "no tasks match" in labelled.on_terminal("list", "--state", "waiting")[-1]
    assert "no tasks yet: add some" in Command(tmp_path / "empty").on_terminal("list")[-1]
    done = labelled("list", "--state", "waiting")
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_a_wide_list_has_all_columns_whole_on_a_terminal(batch: Command) -> None:
    header, first, *_ = batch.on_terminal("list", "--wide", "--limit", "2", columns=60)
    assert header.endswith("  PROBLEM")
    whole = batch("list", "--limit", "1", "--no-header").stdout.rstrip().split("\t")
    # How long it has waited may be another second by then.
    wide = re.split(r"  +", first)
    assert (*wide[:3], *wide[4:]) == (*whole[:3], *whole[4:])
    assert "matte black, on a walnut desk, variation 0" in first
    assert batch.on_terminal("list", "--no-header", "--limit", "1")[0].startswith("◐ waiting")


def test_the_states_have_colours_unless_none_are_wanted(labelled: Command) -> None:
    success, fail = "\x1b[32m✓ success\x1b[0m", "\x1b[31m× fail\x1b[0m"
    for words, coloured in (
        ("list", [success, fail]),
        ("list --wide", []),
        ("show --state fail", [fail[:5] + fail[7:]]),
    ):
        for env in ({}, {"NO_COLOR": "1"}):
            with labelled.dashboard(*words.split(), env=env) as screen:
                screen.wait_exit(30)
                shown = screen.raw.decode()
            assert "\x1b[3" not in shown if env else all(each in shown for each in coloured), words


def test_a_watched_list_is_drawn_again_and_ends_cleanly(labelled: Command) -> None:
    with labelled.dashboard("list", "--watch", "0.5s", columns=80, rows=8) as screen:
        screen.wait_for("Ctrl+C to quit")
        assert "4 tasks · every" in screen.text
        labelled.ok("add", "task_more_12345678")
        screen.wait_for("task_mor")
        labelled.ok("add", "task_most_12345678", "task_last_12345678")
        screen.wait_for("4 of 7 tasks")
        screen.resize(50, 20)
        screen.wait_for(lambda text: "7 tasks" in text and "of 7" not in text)
        assert max(map(cell_len, screen.lines)) <= 50
        screen.send("\x03")
        assert screen.wait_exit() == 130
        assert screen.left_behind == []
        assert "Traceback" not in screen.text


def test_a_watched_list_is_drawn_again_after_it_was_stopped(labelled: Command) -> None:
    env = labelled.environment({"PS1": "$ ", "BASH_SILENCE_DEPRECATION_WARNING": "1"})
    with PtyScreen(["bash", "--norc", "--noprofile", "-i"], env=env, columns=80, rows=12) as screen:
        screen.send(f"{shlex.join(labelled.line('list', '--watch'))}\r", shows="Ctrl+C to quit")
        screen.send("\x1a", shows="Stopped")
        screen.send("echo on the sh''ell\r", shows="on the shell")
        screen.send("fg\r")
        screen.wait_for(lambda _: screen.raw.count(b"Ctrl+C to quit") > 1)
        screen.send("\x03")
        screen.send("echo ended with $?\r", shows="ended with 130")


def test_a_list_is_watched_on_a_terminal_only_and_in_no_other_form(labelled: Command) -> None:
    for wrong in ((), ("--json",), ("--csv",), ("--ids",)):
        assert labelled("list", "--watch", *wrong).returncode == 2


def test_a_task_is_shown_in_the_order_of_the_dashboards_detail(tmp_path: Path) -> None:
    inputs = {"prompt": "not this one", "aspect_ratio": "1:1", "nested": {"seed": 1}}
    known = {
        "prompt": "a red fox\non a hill",
        "model": "flux",
        "label": "mugs",
        "note": "mine",
        "costTime": 34_000,
        "createTime": time.time_ns() // 1_000_000 - 130_000,
        "resultUrls": ["https://x.test/1.png"],
        "param": {"model": "flux", "input": inputs, "callBackUrl": "https://me.test"},
    }
    failed = {"state": "fail", "prompt": "a mug", "failCode": "400", "failMsg": REASON, "problem": PROBLEM}
    taskdash = listing(
        tmp_path,
        listed("task_good_12345678", **known),
        listed("task_bad_12345678", **failed),
        listed("task_new_12345678", state="new", checkedAt=None),
    )

    def shown(task_id: str) -> list[tuple[str, str]]:
        lines = taskdash("show", task_id).stdout.splitlines()
        at = lines[-1].index("task_") if lines[-1].startswith("task ID") else lines[-1].index("flux")
        assert all(line[at - 2 : at] == "  " for line in lines), "aligned"
        return [(line[:at].strip(), line[at:]) for line in lines]

    good = shown("task_good_12345678")
    assert [" ".join(pair) for pair in good if pair[0] not in ("created", "added", "checked")] == [
        "prompt a red fox", " on a hill", "result 1 https://x.test/1.png", "state success", "duration 34s",
        "aspect_ratio 1:1", 'nested {"seed": 1}', "callBackUrl https://me.test", "label mugs", "note mine",
        "task ID task_good_12345678", "model flux",
    ]  # fmt: skip
    assert dict(good)["created"].endswith("(2m ago)")
    bad = shown("task_bad_12345678")
    assert bad[:3] == [("prompt", "a mug"), ("reason", REASON), ("failure", "content policy (code 400)")]
    assert bad[-2][0] == "problem"
    assert bad[-2][1].startswith("not found: recordInfo is null (since ")
    assert [name for name, _ in shown("task_new_12345678")] == ["state", "added", "task ID"]


def test_prose_is_broken_between_words_on_a_terminal(tmp_path: Path) -> None:
    words = " ".join(["walnut"] * 40)
    url = f"https://x.test/{'a' * 90}.png"
    taskdash = listing(tmp_path, listed("task_good_12345678", prompt=words, resultUrls=[url]))
    lines = taskdash.on_terminal("show", "task_good_12345678", columns=60)
    prose = lines[: next(n for n, line in enumerate(lines) if line.startswith("result 1"))]
    assert len(prose) > 5
    assert max(map(len, prose)) <= 60
    assert set(" ".join(prose).split()) == {"prompt", "walnut"}
    assert any(line.endswith(url) for line in lines), "to be copied whole"
    assert f"prompt    {words}" in taskdash("show", "task_good_12345678").stdout.splitlines()[0]


SCRIPTS = [
    "กำลังสร้างภาพ", "हिन्दी में चित्र", "1\ufe0f\u20e32\ufe0f\u20e3 keycaps", "பூனை நிழல்", "灯台の夜", "한글 그림",
    "Ärger über é\u0301", "❤\ufe0f hearts", "👩\U0001f3fd artist 🇩🇪", "plain",
]  # fmt: skip


def test_columns_are_columns_in_every_script(tmp_path: Path) -> None:
    texts = [{"label": text, "prompt": f"<{text}>" * 3, "model": text, "costTime": 1_000} for text in SCRIPTS]
    taskdash = listing(tmp_path, *(listed(f"task_w{n}_12345678", **more) for n, more in enumerate(texts)))
    for columns in (200, 118):
        header, *lines = taskdash.on_terminal("list", columns=columns)
        at = header.index("PROMPT")
        # As the dashboard measures: of Devanagari and Tamil each terminal has another opinion.
        assert [cell_len(line[: line.index("<")]) for line in lines] == [at] * len(SCRIPTS)
        assert max(cell_len(line) for line in lines) <= columns
    lines = taskdash.on_terminal("stats", columns=200)
    assert len({cell_len(line) for line in lines}) == 1, lines


def test_statistics_fit_the_terminal(tmp_path: Path) -> None:
    model = "gpt-image-2-text-to-image"
    tasks = [listed(f"task_{n}_12345678", model=model, costTime=112_000, createTime=1) for n in range(3)]
    taskdash = listing(tmp_path, *tasks, listed("task_bad_12345678", state="fail", model="灯" * 30))
    header, first, _, all_models = taskdash.on_terminal("stats", columns=80)
    assert header.split() == ["MODEL", "TASKS", "SUCCESS", "FAIL", "LEFT", "RATE", "P50", "P90"]
    assert first.split() == [model, "3", "3", "0", "0", "100.0%", "1m52s", "1m52s"]
    assert all_models.split() == ["all", "4", "3", "1", "0", "75.0%", "1m52s", "1m52s"]
    for columns in (30, 60, 80):
        lines = taskdash.on_terminal("stats", columns=columns)
        assert len({cell_len(line) for line in lines}) == 1, lines
        assert cell_len(lines[0]) <= columns
    assert f"{'灯' * 30}\t1\t0\t1\t0\t0.0%" in taskdash("stats").stdout


def test_what_a_list_cost_by_label_and_day_is_a_table_for_people_and_for_scripts(tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    today = {"label": "mugs", "createTime": now_ms}
    taskdash = listing(
        tmp_path,
        listed("task_paid_12345678", credits=1_234_567.5, **today),
        listed("task_lost_12345678", state="fail", credits=2, **today),
        listed("task_free_12345678", state="fail", credits=0, **today),
        listed("task_none_12345678", createTime=now_ms - 30 * 24 * HOUR_MS),
    )
    header = ["LABEL", "TASKS", "SUCCESS", "FAIL", "LEFT", "RATE", "CREDITS", "MEAN", "CHARGED", "WITHOUT"]
    assert [line.split("\t") for line in taskdash("stats", "--by", "label").stdout.splitlines()] == [
        header,
        ["mugs", "3", "1", "2", "0", "33.3%", "1234569.5", "1234567.5", "1", "0"],
        ["without a label", "1", "1", "0", "0", "100.0%", "–", "–", "0", "1"],
    ]
    first, *rows = taskdash.on_terminal("stats", "--by", "label", columns=110)
    assert first.split() == header
    assert rows[0].split() == ["mugs", "3", "1", "2", "0", "33.3%", "1,234,569.5", "1,234,567.5", "1", "0"]
    assert "1 failed but charged (2 credits)" in " ".join(rows)
    assert "1 finished task without credits" in " ".join(rows)
    (day,) = taskdash.json("stats", "--by", "day", "--since", "7d", "--json")["days"]
    assert day == day | {
        "day": time.strftime("%Y-%m-%d", time.localtime(now_ms / 1000)), "tasks": 3, "fail": 2, "credits": 1_234_569.5,
        "chargedFails": 1, "withoutCredits": 0,
    }  # fmt: skip
    for kind, value in (("model", None), ("profile", "aigptimage")):
        assert [each[kind] for each in taskdash.json("stats", "--by", kind, "--json")[f"{kind}s"]] == [value]
    assert taskdash.ids("--filter", "charged:yes state:fail") == ["task_lost_12345678"]
    assert "1 charged (2 credits)" in " ".join(taskdash.on_terminal("failures", columns=110))
