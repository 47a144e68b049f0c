"""Text from outside that means harm: it is shown, and does nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import time
import unicodedata
from typing import Any

import pytest
from tests.bodies import Reply, fail_body, success_body, waiting_body
from tests.command import KEY, Command
from tests.faults import hostile
from tests.pty_screen import PtyScreen
from tests.servers import FakeApi

MARK = "ZQ"
HARMLESS = dict.fromkeys((
    0xAD, 0x180E, 0x200B, 0x200C, 0x200D, 0x2028, 0x2029, *range(0x2060, 0x2066), *range(0x206A, 0x2070), 0xFEFF,
    *range(0xFFF9, 0xFFFC),
))  # fmt: skip
"""Without width, and without an effect on a terminal."""


def task_id(number: int) -> str:
    return f"task_{number:032x}"


def hostile_body(number: int, text: str) -> dict[str, Any]:
    inputs = {"prompt": text, text: text, "list": [text, {text: text}]}
    fields = {
        "model": text,
        "param": json.dumps({"model": text, "input": inputs, text: text}),
        "resultJson": json.dumps({"resultUrls": [f"https://cdn.example.com/{text}", text], text: text}),
        "failCode": text,
        "failMsg": text,
        "creditsConsumed": text,
        text: text,
    }
    make = (success_body, fail_body, waiting_body)[number % 3]
    body = make(task_id(number), **fields)
    body["msg"] = text
    if number % 7 == 6:
        body["data"]["state"] = text
    return body


def encoded(body: dict[str, Any], *, escaped: bool) -> Reply:
    """The body with every character escaped, or as raw as JSON allows."""
    if not escaped:
        try:
            return Reply(body=json.dumps(body, ensure_ascii=False).encode())
        except UnicodeEncodeError:
            pass
    return Reply(body=json.dumps(body).encode())


@pytest.fixture
def listed(taskdash: Command, api: FakeApi) -> list[str]:
    """A list whose every task says something hostile in every field; the texts."""
    texts = hostile.texts(MARK)
    for number, text in enumerate(texts):
        api.set(task_id(number), encoded(hostile_body(number, text), escaped=number % 2 == 0))
    taskdash.import_tasks(
        *({"taskId": task_id(number), "label": text, "note": text} for number, text in enumerate(texts))
    )
    error = taskdash.folder / "error"
    done = taskdash("--log-level", "debug", "check")
    error.write_text(done.stdout + done.stderr)
    return texts


def assert_inert(text: str, where: str) -> None:
    # Tabs and newlines are how plain lists are laid out.
    bad = hostile.leaks(text.replace("\t", "").replace("\n", "").encode("utf-8", "surrogateescape"))
    assert not bad, f"{where}: {bad[:3]}"


@pytest.mark.row("X1", "X3")
def test_no_command_prints_or_logs_what_a_terminal_acts_on(
    taskdash: Command, listed: list[str], long: bool
) -> None:
    count = len(listed)
    assert_inert((taskdash.folder / "error").read_text(), "check")
    for words in (
        "list", "list --csv", "list --json", "export", "export --format toml", "stats", "stats --json",
        "stats --by label", "stats --by model", "failures", "failures --json", "redo", "redo --format curl",
        "sheet -o -", f"wait {task_id(0)} {task_id(1)}", "status", "doctor", "pick --undo --state success",
    ):  # fmt: skip
        done = taskdash(*words.split())
        assert MARK in done.stdout or words.startswith(("wait", "status", "doctor", "pick")), words
        # What is sent again keeps what is invisible and does nothing.
        assert_inert(done.stdout.translate(HARMLESS) if "curl" in words else done.stdout, words)
        assert_inert(done.stderr, words)
    for number in range(0, count, 1 if long else 15):
        for option in ([], ["--raw"], ["--json"]):
            done = taskdash("show", task_id(number), *option)
            assert MARK in done.stdout
            # So does what is shown as it came.
            shown = done.stdout.translate(HARMLESS) if option == ["--raw"] else done.stdout
            assert_inert(shown, f"show {number} {option}")
        for link in "12":
            done = taskdash("open", task_id(number), link, "--print")
            assert_inert(done.stdout + done.stderr, f"open {number} {link}")
    logs = list((taskdash.folder / "state").rglob("*.log"))
    assert logs
    for log in logs:
        assert_inert(log.read_text("utf-8"), str(log))


@pytest.mark.row("X6")
def test_the_list_as_json_is_one_ascii_document(taskdash: Command, listed: list[str]) -> None:
    done = taskdash("list", "--json")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)
    tasks = json.loads(done.stdout)
    assert len(tasks) == len(listed)
    for task in tasks:
        json.dumps(task, ensure_ascii=False).encode("utf-8")
    rows = list(csv.reader(io.StringIO(taskdash("list", "--csv").stdout)))
    assert {len(row) for row in rows} == {len(rows[0])}


def visit(screen: PtyScreen) -> None:
    """Everything there is to see of the task under the cursor and of the list."""
    screen.wait_for("State   ")
    screen.send("\r", hides="State   ")
    screen.send("\x1b", shows="State   ")
    for key, closing, title in (
        ("J", "\x1b", "Raw response for"),
        ("x", "n", "Remove this task"),
        ("e", "\x1b", "Label and note"),
        ("s", "\x1b", "Sort by"),
        ("F", "\x1b", "Failures by reason"),
        ("C", "\x1b", "Columns"),
        ("t", "\x1b", "Statistics of"),
        ("B", "\x1b", "Batches, newest first"),
        ("\x10", "\x1b", "Search for commands"),
    ):
        screen.send(key, shows=title)
        screen.send(closing, hides=title)
    # The results, of which some are next to the cursor, side by side and one of them alone.
    screen.send("b", shows=lambda text: "Undecided" in text and MARK in text)
    screen.send("\r", shows=lambda text: "Result " in text and MARK in text)
    screen.send("\x1b\x1b", hides="Undecided")
    screen.send("y", shows="Copied")
    screen.send("u")


@pytest.mark.row("X1", "X2", "X3")
def test_no_view_sends_the_terminal_what_it_acts_on(taskdash: Command, listed: list[str], long: bool) -> None:
    with taskdash.dashboard(columns=110, rows=40) as screen:
        screen.wait_for(lambda text: text.count(MARK) > 20 and "q quit" in text)
        for _ in range(6 if long else 1):
            visit(screen)
            screen.send("\x1b[B" * (len(listed) // 6))
        screen.send("/", shows="!exclude")
        screen.paste(f"{MARK}filter {hostile.TEXT}".encode("utf-8", "surrogatepass"), shows=f"{MARK}filter")
        screen.send("\x1b", hides=f"{MARK}filter")
        pasted = " ".join(f"{task_id(900 + at)}{part}" for at, part in enumerate(hostile.PARTS))
        screen.paste(pasted.encode("utf-8", "surrogatepass"), shows="Add tasks")
        screen.wait_for("ignored")
        screen.send("\x1b", hides="Add tasks")
        screen.quit()
        assert not hostile.leaks(screen.raw)
        clipboard = hostile.copied(screen.raw)
        assert clipboard
        assert not [text for text in clipboard if hostile.leaks(text.replace("\n", "").encode())]


@pytest.mark.row("X1", "X2")
def test_what_is_told_of_a_task_that_ends_is_inert(taskdash: Command, api: FakeApi) -> None:
    text = MARK + "".join(hostile.PARTS[::5])
    created = time.time_ns() // 1_000_000
    for number, make in enumerate((success_body, fail_body)):
        fields = hostile_body(number, text)["data"]
        ended = make(
            task_id(number), **{name: fields[name] for name in fields if name not in ("taskId", "state")}
        )
        api.set(task_id(number), [waiting_body(task_id(number), createTime=created), ended])
    taskdash("add", task_id(0), task_id(1))
    with taskdash.dashboard() as screen:
        screen.wait_for(lambda shown: shown.count("◐ waiting") >= 2)
        screen.send("R")
        screen.wait_for(lambda shown: f"✓ success: {MARK}" in shown and f"× fail: {MARK}" in shown, 30)
        screen.quit()
        assert not hostile.leaks(screen.raw)


@pytest.mark.row("X2")
def test_markup_is_literal_and_a_click_on_it_does_nothing(taskdash: Command, api: FakeApi) -> None:
    for number, markup in enumerate(hostile.MARKUP):
        param = json.dumps({"input": {"prompt": f"{markup} {MARK}"}})
        api.set(task_id(number), success_body(task_id(number), [], param=param))
    taskdash("add", *(task_id(number) for number in range(len(hostile.MARKUP))))
    taskdash("check")
    with taskdash.dashboard(columns=160, rows=50) as screen:
        screen.wait_for(lambda text: text.count("✓ success") > len(hostile.MARKUP))
        for markup in hostile.MARKUP:
            line = next(at for at, line in enumerate(screen.lines) if markup[:12] in line and at > 2)
            column = screen.lines[line].index(markup[:12])
            for offset in range(0, len(markup), 3):
                where = f"{column + offset + 1};{line + 1}"
                screen.send(f"\x1b[<0;{where}M\x1b[<0;{where}m")
        screen.wait_for("▌")
        screen.send("\x1b[F", shows=lambda text: text.count(f"{hostile.MARKUP[-1]} {MARK}") == 2)
        screen.quit()


@pytest.mark.row("X4")
def test_wide_and_piled_up_characters_keep_the_columns_aligned(
    taskdash: Command, api: FakeApi, long: bool
) -> None:
    # Not among them: flags, and emoji that others change. Terminals disagree about how wide those are.
    prompts = (
        "plain text of a prompt that is long enough to be cropped at the end of its column, always",
        "画一只戴着红色围巾的猫在雪地里看着远方的山峰和日落" * 2,
        "😀😃😄😁" * 10,
        "e" + "\u0301" * 1000 + " tower",
        "tab\tand\nnew line\r\nand\x0bmore",
        "한국어 프롬프트는 넓은 글자를 씁니다" * 3,
        "שלום עולם مرحبا بالعالم" * 4,
        "\uff46\uff55\uff4c\uff4c" * 10,
    )
    for number, prompt in enumerate(prompts):
        body = success_body(task_id(number), [], param=json.dumps({"input": {"prompt": prompt}}))
        api.set(task_id(number), body)
    taskdash("add", *map(task_id, range(len(prompts))))
    taskdash("check")
    for columns in (80, 120, 200) if long else (120,):
        with taskdash.dashboard(columns=columns) as screen:
            screen.wait_for(lambda text: text.count("✓ success") >= len(prompts))
            screen.wait_for("q quit")
            looks = [[cell.data for cell in line] for line in screen.looks]
            rows = [cells for cells in looks if "✓success" in "".join(cells[:20]).replace(" ", "")]
            # On a narrow screen the detail stands below them.
            rows = rows[: len(prompts)]
            # The cost is the same in all: it has to stand in the same cells.
            places = {column_of(cells, "32s") for cells in rows}
            assert len(places) == 1, screen.text
            screen.quit()


def column_of(cells: list[str], text: str) -> int:
    """In which cell a text of narrow characters begins."""
    return next(at for at in range(len(cells)) if "".join(cells[at : at + len(text)]) == text)


@pytest.mark.row("X5")
def test_what_is_no_id_is_refused_and_what_is_asked_for_is_encoded(
    taskdash: Command, api: FakeApi, long: bool
) -> None:
    bad = [
        "a\nb", "a/b", "a&b", "../../etc/passwd", "a b", "x" * 129, "y" * 10_000, "a\x1b[2Jb", "é", "a\u202eb", "a#b",
    ]  # fmt: skip
    for given in [bad, *([text] for text in bad if long)]:
        done = taskdash("add", *given)
        assert done.returncode == 1, given
        assert done.stdout == ""
        assert_inert(done.stderr, "add")
    done = taskdash("add", "-", stdin="\0".join(bad) + "\nline two: taskId=\x00\x01")
    assert done.stdout == ""
    odd = ["a.b:c-d_e", "..", ".", ":::", "-"]
    taskdash.ok("add", "--", *odd[:-1])
    taskdash("check")
    assert api.requests
    for request in api.requests:
        assert re.fullmatch(r"/api/v1/jobs/recordInfo\?taskId=[A-Za-z0-9._~%-]+", request.target)
        assert request.task_id in odd
    for text in ("a/b", "../x", "a\nb"):
        for command in ("check", "show", "wait", "open", "remove") if long else ("check",):
            done = taskdash(command, text)
            assert done.returncode in (2, 3), (command, text)
            assert_inert(done.stderr, command)
    done = taskdash(
        "import", "-", stdin=json.dumps([{"taskId": text, "profile": "aigptimage"} for text in bad])
    )
    assert_inert(done.stderr, "import")
    assert sorted(taskdash.ids()) == sorted(odd[:-1])
    assert KEY not in done.stderr


def test_these_tests_would_see_every_character_and_sequence_that_means_harm() -> None:
    for char in hostile.POINTS.replace("\n", ""):
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            errors = "surrogatepass" if char >= "\ud800" else "strict"
            assert hostile.leaks(f"a{char}b".encode("utf-8", errors)), ascii(char)
    for sequence in hostile.SEQUENCES:
        assert hostile.leaks(f"a{sequence}b{sequence}".encode()), sequence
    assert hostile.copied(b"a\x1b]52;c;aG9zdGlsZQ==\x07") == ["hostile"]
