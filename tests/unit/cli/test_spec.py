"""`taskdash --spec` says what there is: commands, options, codes, filter words, and the fields of a task."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from tests.bodies import fail_body, success_body, waiting_body
from tests.store_lists import added, detail_of, replied

from taskdash.cli.describing import ERROR_CODES, EXIT_CODES, TASK_FIELDS, spec
from taskdash.cli.main import COMMANDS, taskdash
from taskdash.cli.process import exit_code_of
from taskdash.domain.errors import TaskdashError
from taskdash.domain.query import FIELDS as FILTER_FIELDS
from taskdash.domain.query import parse_filter
from taskdash.domain.record import Answer, apply_answer
from taskdash.domain.task import ProblemKind
from taskdash.domain.task_json import FIELDS, task_json
from taskdash.store import store_file
from taskdash.store.store import Store

README = Path(__file__).parents[3] / "README.md"
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "array": (list,), "object": (dict,),
    "boolean": (bool,), "null": (type(None),), "any": (object,),
}  # fmt: skip


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return spec(click.Context(taskdash, info_name="taskdash"))


def commands_of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for command in document["commands"]:
        yield command
        yield from commands_of({"commands": command.get("commands", [])})


def test_it_is_printed_as_json(document: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["--spec"]) == 0
    printed = capsys.readouterr()
    assert (json.loads(printed.out), printed.err) == (document, "")


def test_every_command_has_what_its_help_has(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert [command["name"] for command in document["commands"]] == list(COMMANDS)
    for command in commands_of(document):
        words = command["usage"].split(" [")[0].split()[1:]
        assert exit_code_of([*words, "--help"] if words[-1] != "COMMAND" else words[:-1]) == 0
        shown = capsys.readouterr().out
        listed = {
            name
            for line in re.findall(r"^  (-.*?)(?:  |$)", shown, re.MULTILINE)
            for name in re.findall(r"--?[a-z][\w-]*", line)
        }
        assert {name for option in command["options"] for name in option["names"]} == listed - {
            "-h",
            "--help",
        }
        assert " ".join(command["usage"].split()) in " ".join(shown.split())
        assert command["example"]
        assert command["summary"].endswith(".")


def subclasses(kind: type[TaskdashError]) -> Iterator[type[TaskdashError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from subclasses(each)


def test_every_code_of_an_error_is_there_with_its_exit_code() -> None:
    codes = {kind.code: kind.exit_code for kind in subclasses(TaskdashError)}
    codes |= {code: 6 for _, code, _ in store_file._TOLD} | {"store_newer": 6, "no_match": 1, "crash": 1}
    assert {code: exit_code for code, (exit_code, _) in ERROR_CODES.items()} == codes


def test_the_readme_has_the_exit_codes() -> None:
    table = re.search(r"(?ms)^\| exit code \| means \|\n\|---\|---\|\n(.*?)\n\n", README.read_text())
    assert table is not None
    assert table[1].split("\n") == [f"| {code} | {means} |" for code, means in EXIT_CODES.items()]


def test_every_word_of_a_filter_is_read_as_it_says(document: dict[str, Any]) -> None:
    fields = document["filter"]["fields"]
    assert list(fields) == list(FILTER_FIELDS)
    for name, field in fields.items():
        examples = [field["example"], *(f"{name}:{value}" for value in field["values"] or ())]
        assert all(len(parse_filter(example, {"p": 1})) == 1 for example in examples)


def test_the_fields_of_a_task_are_of_the_types_it_says(tmp_path: Path) -> None:
    assert tuple(TASK_FIELDS) == FIELDS
    with Store(tmp_path / "tasks.db") as store:
        for body in (success_body("ok"), fail_body("bad"), waiting_body("run")):
            added(store, body["data"]["taskId"], label="mugs")
            replied(store, body)
        new = added(store, "new")
        store.checks.record([apply_answer(new, Answer(problem=ProblemKind.UNREACHABLE, message="no"), 1)])
        seen: dict[str, set[type]] = {name: set() for name in FIELDS}
        for task_id in ("ok", "bad", "run", "new"):
            for name, value in task_json(detail_of(store, task_id)).items():
                kinds = TASK_FIELDS[name][0].split("|")
                assert any(isinstance(value, TYPES[kind]) for kind in kinds), (name, value)
                seen[name].add(type(value))
    assert {name for name, kinds in seen.items() if kinds == {type(None)}} <= {"note", "credits"}
