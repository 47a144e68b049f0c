"""What `export` and `list --csv` write, `import` takes whole: any text in any field, in every form.

The command line runs in this process here: a list is made, written and read again a thousand times.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskdash.cli.process import exit_code_of
from taskdash.domain.task_json import FIELDS

NOW_MS = 1_780_000_000_000
FORMS = ["json", "csv", "toml"]
STATES = ["new", "waiting", "success", "fail"]
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
"""What a spreadsheet takes for something to be worked out, at the start of a cell."""

awkward = st.sampled_from(
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''+1", "'", "  =1", "\n[[tasks]]\n", "[[tasks]]",
        "[1", "[1]", "{", "{}", '"', '"a"', "null", "NaN", "17", "1.0", "true", "a;b\tc,d", "taskId,label\n",
        "sep=;", "\ufeff", "日本\r\n\x00\x1b[2J", "\ud800",
    ]
)  # fmt: skip
texts = st.text(max_size=12) | st.builds(lambda head, tail: head + tail, awkward, st.text(max_size=4))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
).filter(lambda value: "Infinity" not in json.dumps(value))
times = st.none() | st.integers(-(2**62), 2**62)
problems = st.none() | st.fixed_dictionaries(
    {"kind": st.sampled_from(["not found", "unreadable"]), "message": texts, "since": st.integers(0, 9)}
)


def tasks(ids: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    line = st.none() | texts
    return st.fixed_dictionaries(
        {"taskId": ids, "addedAt": st.integers(0, 2**53), "state": st.sampled_from(STATES)},
        optional={
            "profile": st.sampled_from(["aigptimage", "-kie", "_x"]),
            **dict.fromkeys(
                ["model", "rawState", "prompt", "label", "note", "failCode", "failMsg", "progress", "creditsConsumed",
                 "recordPath"],
                line,
            ),
            **dict.fromkeys(
                ["costTime", "completeTime", "createTime", "checkedAt", "resultExpiresAt", "renewedAt"], times
            ),
            "credits": st.none() | st.integers(0, 10**9) | st.floats(0, 1e6).map(lambda amount: round(amount, 6)),
            "param": values,
            "extra": st.dictionaries(texts, values, max_size=3),
            "problem": problems,
            "purged": st.booleans(),
            "resultUrls": st.lists(texts, max_size=3),
            "raw": line,
        },
    )  # fmt: skip


lists = st.lists(
    tasks(st.from_regex(r"[A-Za-z0-9._:-]{1,128}", fullmatch=True)),
    max_size=3,
    unique_by=lambda task: (task["taskId"], task.get("profile", "aigptimage")),
)


def run(store: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Run one command line on a list; return what it wrote."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with mock.patch.multiple(sys, stdin=io.TextIOWrapper(io.BytesIO(stdin), "utf-8"), stdout=out, stderr=err):
        code = exit_code_of(["--store", str(store), *arguments])
    talk = err.buffer.getvalue().decode()
    assert code == 0, talk
    return out.buffer.getvalue()


def moved(text: bytes, folder: Path) -> list[dict[str, Any]]:
    """What another list has after it took `text`."""
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        store = Path(fresh) / "tasks.db"
        run(store, "import", "-", stdin=text)
        found: list[dict[str, Any]] = json.loads(run(store, "export", "--all-profiles"))
    return found


@settings(max_examples=6)
@given(lists)
@example([])
@example(
    [
        {
            "taskId": "a",
            "addedAt": 1,
            "state": "success",
            "resultUrls": ["x", "y"],
            "verdicts": [None, "picked"],
        }
    ]
)
@example([{"taskId": "a", "addedAt": 1, "state": "waiting", "extra": {"eta": 5}, "creditsConsumed": "3"}])
@example([{"taskId": "a", "addedAt": 1, "state": "success", "param": "[broken", "note": "x\n[[tasks]]\ny"}])
@example([{"taskId": "a", "addedAt": 1, "state": "success", "param": 5}])
@example([{"taskId": "a", "addedAt": 1, "state": "success", "purged": True}])
@example([{"taskId": "-a", "addedAt": 1, "state": "new", "label": "=1", "note": "'=1", "param": "-1"}])
def test_another_list_has_all_of_what_was_exported(
    tmp_path_factory: pytest.TempPathFactory, listed: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        store = Path(fresh) / "tasks.db"
        run(store, "import", "-", stdin=json.dumps(listed).encode())
        exported = {form: run(store, "export", "--all-profiles", "--format", form) for form in FORMS}
        printed = run(store, "list", "--all-profiles", "--csv")
    wanted = json.loads(exported["json"])
    assert [(task["taskId"], task["addedAt"]) for task in wanted] == [
        (task["taskId"], task["addedAt"]) for task in listed
    ]
    for form, text in exported.items():
        assert moved(text, folder) == [task if form == "json" else {**task, "raw": None} for task in wanted]
    assert [{name: task[name] for name in FIELDS} for task in moved(printed, folder)] == [
        {name: task[name] for name in FIELDS} for task in wanted
    ]
    for text in (exported["csv"], printed):
        for row in csv.reader(io.StringIO(text.decode(), newline="")):
            assert not [cell for cell in row if FORMULA.match(cell) and not re.fullmatch(r"-\d+", cell)]


def test_long_texts_and_many_links_are_taken_whole(tmp_path: Path) -> None:
    task = {
        "taskId": "a",
        "addedAt": NOW_MS,
        "state": "success",
        "resultUrls": [f"https://cdn.example.com/{n}.png" for n in range(20_000)],
        "prompt": "x" * 65_536,
        "note": "n" * 65_536,
        "param": {f"key {n}": "v" * 60_000 for n in range(4)},
    }
    store = tmp_path / "tasks.db"
    run(store, "import", "-", stdin=json.dumps([task]).encode())
    (wanted,) = json.loads(run(store, "export"))
    assert {name: wanted[name] for name in task} == task
    for form in FORMS:
        assert moved(run(store, "export", "--format", form), tmp_path) == [wanted]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("form", FORMS)
def test_an_export_is_whole_in_any_locale(
    tmp_path: Path, form: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = {"taskId": "a", "addedAt": NOW_MS, "state": "new", "label": "naïve 日本"}
    store = tmp_path / "tasks.db"
    run(store, "import", "-", stdin=json.dumps([task]).encode())
    out = io.TextIOWrapper(io.BytesIO(), encoding, "backslashreplace", write_through=True)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        assert exit_code_of(["--store", str(store), "export", "--format", form]) == 0
    (found,) = moved(out.buffer.getvalue(), tmp_path)
    assert found["label"] == "naïve 日本"
