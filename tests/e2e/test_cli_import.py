"""`import` takes what `export` wrote or any text, and a broken file changes nothing and names the line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.command import KEY, Command

NOW_MS = 1_780_000_000_000
TASK_ID, MINE = "task_a_12345678", "task_mine_12345678"
UUID = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
TASK = {"taskId": TASK_ID, "addedAt": NOW_MS, "state": "new"}


@pytest.fixture
def taskdash(taskdash: Command) -> Command:
    taskdash.ok("add", MINE, "--label", "mine")
    return taskdash


@pytest.fixture
def fresh(taskdash: Command) -> Callable[[], Command]:
    """That list, over and over again."""
    data = taskdash.store.read_bytes()

    def made() -> Command:
        taskdash.store.write_bytes(data)
        return taskdash

    return made


def imported(taskdash: Command, text: str) -> tuple[int, str]:
    done = taskdash("import", "-", stdin=text)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_text_that_is_no_export_is_searched_for_ids(fresh: Callable[[], Command]) -> None:
    log = '{"taskId": "task_a_12345678", "note": "sent"}\n{"level": "info", "msg": "done"}\n'
    for text, code, ids in (
        (f"{TASK_ID}\n{UUID}\n{MINE}\n", 0, [TASK_ID, UUID]),
        ('[{"code": 200, "data": {"taskId": "task_a_12345678"}}]', 0, [TASK_ID]),
        ('[{"taskId": "task_a_12345678", "state": "success"}]', 0, [TASK_ID]),
        (log, 0, [TASK_ID]),
        (f'{"x" * 200_000} "taskId": "{UUID}"', 0, [UUID]),
        ("[]\n", 0, []),
        ("nothing at all", 1, []),
        (json.dumps([{**TASK, "taskId": KEY}]), 1, []),
    ):
        taskdash = fresh()
        assert imported(taskdash, text)[0] == code, text[:99]
        assert taskdash.ids() == [*ids, MINE], text[:99]


def test_an_id_comes_in_as_it_went_out_and_what_is_none_is_not_made_one(taskdash: Command) -> None:
    odd = ["a.", "..", ":::", "a.b:c-d_e", "a2e"]
    taskdash.ok("add", *odd)
    ids = taskdash("list", "--ids").stdout
    exported = [taskdash("export", "--format", form).stdout for form in ("json", "csv", "toml")]
    for text in [*exported, taskdash("list", "--json").stdout, taskdash("list", "--csv").stdout]:
        taskdash.store.unlink()
        assert imported(taskdash, text)[0] == 0
        assert taskdash("list", "--ids").stdout == ids
    assert imported(taskdash, json.dumps([{**TASK, "taskId": "a%2e"}]))[0] == 1
    assert imported(taskdash, '[{"taskId": "a%2e"}]')[0] == 1
    assert taskdash("list", "--ids").stdout == ids


def test_a_task_of_another_profile_is_kept_there_and_what_is_listed_stays_as_it_is(taskdash: Command) -> None:
    theirs = {**TASK, "taskId": MINE, "label": "theirs"}
    code, talk = imported(taskdash, json.dumps([{**TASK, "profile": "kie"}, theirs]))
    assert (code, talk.splitlines()[0]) == (0, "1 task added, 1 already listed")
    assert "kie is not in the config" in talk
    tasks = taskdash.json("list", "--all-profiles", "--json")
    assert [(task["profile"], task["label"]) for task in tasks] == [("kie", None), ("aigptimage", "mine")]
    assert taskdash.ids() == [MINE]


LINES = [json.dumps({**TASK, "taskId": f"task_{n}_12345678"}) for n in range(4)]
CSV = "taskId,state,addedAt\ntask_a_12345678,new,1\n"
TOML = '[[tasks]]\ntaskId = "task_a_12345678"\naddedAt = 1\n\n'


BROKEN: list[tuple[str, int]] = [
    ("[\n" + ",\n".join(LINES[:3]) + ",\n" + LINES[3][:20], 5),
    ("[\n" + ",\n".join(LINES[:3]) + ",\n", 5),
    ("[\n" + ",\n".join(LINES[:3]) + "\n]\n]", 5),
    *(("[\n" + LINES[0] + ",\n" + second, 3) for second in (
        '{"taskId": "bad id", "addedAt": 1}\n]', '{"state": "new"}\n]', "17\n]", "[" * 100_000
    )),
    ("[\n" + LINES[0].replace('"new"', '"done"') + "\n]", 2),
    *((f"[\n{LINES[0][:-1]}, {field}}}\n]", 2) for field in (
        '"costTime": "32"', '"costTime": 1e5', f'"costTime": {10**30}', '"costTime": NaN', '"resultUrls": [1]',
        '"problem": {"kind": "odd"}', '"profile": "../x"', '"label": 5',
    )),
    (CSV + "task_b_12345678,new", 3),
    (CSV + "task_b_12345678,new,soon\n", 3),
    (CSV + 'task_b_12345678,"new,1\n', 3),
    (TOML + '[[tasks]]\ntaskId = "task_b_12345678\n', 6),
    (TOML + '[[tasks]]\ntaskId = "bad id"\naddedAt = 1\n', 5),
    (TOML + '[[tasks]]\ntaskId = "task_b_12345678"\nparamJson = "{"\n', 5),
]  # fmt: skip


def test_a_broken_file_changes_nothing_and_names_the_line(taskdash: Command) -> None:
    before = taskdash.store.read_bytes()
    for text, line in BROKEN:
        code, talk = imported(taskdash, text)
        assert code == 1, (text[-200:], talk)
        assert len(talk.splitlines()) == 1
        assert f"line {line}" in talk, (text[-200:], talk)
        assert "nothing was imported" in talk
        assert taskdash.store.read_bytes() == before


# What a spreadsheet, a person or PowerShell makes of a list

EXPORTED = {
    "taskId": TASK_ID,
    "addedAt": NOW_MS,
    "state": "success",
    "model": "gpt-image-2",
    "costTime": 32_241,
    "label": "héro; 日本, =1+1",
    "note": 'two\nlines\t"quoted"',
    "resultUrls": ["https://cdn.example.com/a.png", "https://cdn.example.com/b.png"],
    "param": {"prompt": "=cat; dog"},
    "prompt": "=cat; dog",
    "failMsg": "-1",
}
KEPT = tuple(EXPORTED)


def saved_again(
    text: str, *, mark: str = ",", ending: str = "\r\n", names: Sequence[str] | None = None, first: str = ""
) -> str:
    """A CSV file as a spreadsheet writes it that has read it: all cells are texts."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    out = io.StringIO(newline="")
    out.write(first)
    writer = csv.writer(out, delimiter=mark, lineterminator=ending)
    header = rows[0]
    chosen = [header.index(name) for name in (names or header)]
    writer.writerows([row[n] for n in chosen] for row in rows)
    return out.getvalue()


SAVED_AGAIN: list[tuple[dict[str, Any], str]] = [
    ({"mark": ";"}, "utf-8"),
    ({"mark": ";"}, "utf-8-sig"),
    ({"mark": ";", "first": "sep=;\r\n"}, "utf-8-sig"),
    ({"mark": "\t"}, "utf-16"),
    ({"ending": "\r"}, "utf-8"),
    ({"names": [*reversed(KEPT)]}, "utf-8"),
    ({"names": [*KEPT[5:], *KEPT[:5]], "mark": ";"}, "utf-8-sig"),
]


def test_a_list_that_a_spreadsheet_saved_again_loses_nothing(taskdash: Command) -> None:
    assert imported(taskdash, json.dumps([EXPORTED]))[0] == 0
    exported = taskdash("export", "--format", "csv").stdout
    for changes, encoding in SAVED_AGAIN:
        taskdash.store.unlink()
        done = taskdash("import", "-", stdin=saved_again(exported, **changes).encode(encoding))
        assert (done.returncode, done.stderr.splitlines()[0]) == (0, "2 tasks added, 0 already listed")
        found, mine = taskdash.json("export")
        assert mine["label"] == "mine"
        assert {name: found[name] for name in KEPT} == EXPORTED, (changes, encoding)


def test_columns_that_were_taken_out_are_missing_and_nothing_else(taskdash: Command) -> None:
    assert imported(taskdash, json.dumps([EXPORTED]))[0] == 0
    exported = taskdash("list", "--csv").stdout
    taskdash.store.unlink()
    text = saved_again(exported, mark=";", names=["label", "taskId", "state", "resultUrls"])
    assert imported(taskdash, text) == (0, "2 tasks added, 0 already listed\n")
    known = {name: EXPORTED[name] for name in ("label", "state", "resultUrls")} | {
        "model": None,
        "note": None,
    }
    found = taskdash.json("list", "--json")[0]
    assert found == found | known


def test_a_list_made_by_hand_keeps_its_labels(fresh: Callable[[], Command]) -> None:
    for text in (
        "taskId,label\ntask_a_12345678,hero\ntask_b_12345678\n",
        "Label;Task ID\nhero;task_a_12345678\n;task_b_12345678\n",
        "\ntask_id, label\ntask_a_12345678, hero\ntask_b_12345678,\n,\n",
        '[{"taskId": "task_a_12345678", "label": "hero"}, {"taskId": "task_b_12345678"}]',
        '[{"label": "hero", "taskId": "task_a_12345678"}, {"taskId": "task_b_12345678"}]',
        '{"taskId": "task_a_12345678", "label": "hero"}\n{"taskId": "task_b_12345678"}\n',
        '[[tasks]]\ntaskId = "task_a_12345678"\nlabel = "hero"\n[[tasks]]\ntaskId = "task_b_12345678"\n',
    ):
        taskdash = fresh()
        assert imported(taskdash, text) == (0, "2 tasks added, 0 already listed\n"), text
        found = [(task["taskId"], task["label"]) for task in taskdash.json("list", "--json")[:2]]
        assert found == [(TASK_ID, "hero"), ("task_b_12345678", None)], text
    # One label, wherever it is, makes it more than a text.
    assert (
        imported(fresh(), json.dumps([{"taskId": "task_b_12345678"}, {"taskId": TASK_ID, "label": "hero"}]))[
            0
        ]
        == 0
    )
    assert taskdash.ids("--label", "hero") == [TASK_ID]


def test_what_show_prints_of_a_task_can_be_imported(taskdash: Command) -> None:
    assert imported(taskdash, json.dumps([EXPORTED]))[0] == 0
    shown = taskdash("show", TASK_ID, "--json").stdout
    taskdash.store.unlink()
    assert imported(taskdash, shown)[0] == 0
    assert taskdash("show", TASK_ID, "--json").stdout == shown


def test_what_no_task_has_is_left_out_and_said(fresh: Callable[[], Command]) -> None:
    for text, name in (
        ("taskId,label,seed,\ntask_a_12345678,hero,42,\n", "seed"),
        ("taskId,label,\ntask_a_12345678,hero,42\n", "(no name)"),
        ('[{"taskId": "task_a_12345678", "label": "hero", "seed": 42}]', "seed"),
    ):
        said = f"1 task added, 0 already listed\nignored unknown fields: {name}\n"
        assert imported(fresh(), text) == (0, said)


SPOILT = [
    ("taskId,costTime\ntask_a_12345678,3.2E+04\n", "line 2: costTime is not the number that was exported"),
    ("taskId;addedAt;label\n1,23457E+20;1;x\n", "line 2: taskId is not a task ID"),
    ("taskId,label,label\ntask_a_12345678,a,b\n", "line 1: label is the name of more than one column"),
    ("taskId,label\ntask_a_12345678,a,b\n", "line 2: has 3 cells, and the header has 2"),
    ("taskId,resultUrls\ntask_a_12345678,[\"https\n", "line 2: resultUrls is not valid JSON"),
    ("taskId,label\ntask_a_12345678,h\xe9ro\n", "line 2: neither UTF-8 nor UTF-16"),
    ("t\0a\0s\0k\0I\0d\0,\0label\ntask_a_12345678,hero\n", "line 1: neither UTF-8 nor UTF-16"),
    ('[\n{"taskId": "task_a_12345678", "label": "h\xe9ro"}]', "line 2: neither UTF-8 nor UTF-16"),
]  # fmt: skip


def test_what_a_spreadsheet_spoilt_is_refused_and_why(taskdash: Command) -> None:
    before = taskdash.store.read_bytes()
    for text, why in SPOILT:
        done = taskdash("import", "-", stdin=text.encode("latin-1"))
        assert done.returncode == 1
        assert why in done.stderr
        assert "nothing was imported" in done.stderr
        assert taskdash.store.read_bytes() == before


def test_the_ids_of_a_file_that_is_refused_can_still_be_added(taskdash: Command) -> None:
    text = "taskId,state\ntask_a_12345678,on its way\n"
    code, talk = imported(taskdash, text)
    assert code == 1
    assert "`taskdash add - < FILE` adds just the IDs" in talk
    assert taskdash("add", "-", stdin=text).stdout == "task_a_12345678\n"


def test_what_programs_make_of_numbers_and_words_is_taken_where_it_is_sure(taskdash: Command) -> None:
    text = "taskId,costTime,purged\ntask_a_12345678,32241.0,TRUE\ntask_b_12345678,,\n"
    assert imported(taskdash, text)[0] == 0
    found = [(task["costTime"], task["purged"]) for task in taskdash.json("export")[:2]]
    assert found == [(32_241, True), (None, None)]


LOG = f"""10:32 sent, taskId={UUID} (日本)
任务 {TASK_ID} läuft; it was sent again by the second program
"""


def test_a_log_is_read_in_whatever_encoding_windows_wrote_it(fresh: Callable[[], Command]) -> None:
    first, second = LOG.splitlines()
    logs = {
        "marked": LOG.replace("\n", "\r\n").encode("utf-16"),
        "big-endian": b"\xfe\xff" + LOG.encode("utf-16-be"),
        "unmarked": LOG.encode("utf-16-le"),
        "unmarked big-endian": LOG.encode("utf-16-be"),
        "8": LOG.encode("utf-8-sig"),
        "8 then 16": f"{'x' * 40}\n{first}\n".encode() + second.encode("utf-16-le"),
        "NUL": f"{UUID}\0{TASK_ID}\0".encode(),
    }
    for name, command in [*((name, "import") for name in logs), ("unmarked", "add"), ("8", "add")]:
        taskdash, log = fresh(), logs[name]
        taskdash.ok(command, "-", stdin=log)
        assert taskdash.ids() == [UUID, TASK_ID, MINE], (name, command)


def test_a_key_in_what_is_known_of_a_task_is_left_out(taskdash: Command) -> None:
    texts = {
        "label": f"l {KEY}",
        "note": KEY,
        "prompt": f"a {KEY} fox",
        "resultUrls": [f"https://x.y/?k={KEY}"],
    }
    param = {"model": "m", "input": {"prompt": f"a {KEY} fox", "more": [KEY]}}
    assert imported(taskdash, json.dumps([{**TASK, **texts, "state": "success", "param": param}]))[0] == 0
    task = taskdash.json("list", "--json")[0]
    assert (task["label"], task["note"], task["resultUrls"]) == ("l ***", "***", ["https://x.y/?k=***"])
    assert task["param"]["input"] == {"prompt": "a *** fox", "more": ["***"]}
    assert KEY.encode() not in taskdash.store.read_bytes()
