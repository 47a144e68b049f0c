"""Every option of every command, taken from the tree that click has of them, with values that nobody expects.

One process runs thousands of command lines, each as `taskdash` itself runs its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from tests.command import Command, listed
from tests.servers import closed_port

from taskdash.cli.main import ALIASES
from taskdash.cli.main import taskdash as program
from taskdash.cli.options import GLOBAL_OPTIONS

GOOD = "task_good_12345678"
NUMBERS = [
    "nan", "-nan", "inf", "-inf", "infinity", "1e309", "-1e309", "1e-400", "9223372036854775807", "9223372036854775808",
    "-9223372036854775809", "18446744073709551616", "-1", "-0", "+5", "0x10", "1_000", "1e3", "1,5", "٣", "²", "½",
    "5x", "0.1.2", "NaN(1)", "None", "true",
]  # fmt: skip
TEXTS = [
    "", " ", "-", "--", "=", "\n", "\t", "'", '"', "%", "%s", "%(x)s", "{}", "{0.a}", "[bold]", "\\", "*", "~",
    "~/x", "/", ".", "..", "/dev/null", "/dev/full", "/proc/self/mem", "a" * 300, "é\u0301", "\u202e", "🦊", "$(id)",
    "!", '"open', "name:", "cost:>" + "9" * 400 + "d", "age:<" + "9" * 30 + "d", "cost:=0.0000001ms",
    "expires:<" + "9" * 400 + "d", "cost:>1e5s", "state:", "!state:fail !", "-added", "--added", "sk-0123456789",
    "file:///x", "http://[::1", "https://x:99999", "\ud800",
]  # fmt: skip
SELECTING = ("--filter", "--state", "--label")
BYTES = [b"\xff\xfe", b"a\x80b", b"\x1b[2J", b"x" * 100_000]


class Line(NamedTuple):
    path: tuple[str, ...]
    command: click.Command
    option: click.Parameter

    @property
    def spelled(self) -> str:
        return max(self.option.opts, key=len)


def all_commands(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if name in ALIASES:
                continue
            inner = command.get_command(context, name)
            assert inner is not None
            yield from all_commands(inner, (*path, name))


def all_parameters() -> list[Line]:
    found = [*all_commands(program)]
    return [Line(*each, option) for each in found for option in (*each[1].params, *GLOBAL_OPTIONS)]


def takes_number(parameter: click.Parameter) -> bool:
    """A parameter whose value is a number once it is read."""
    try:
        value = parameter.type.convert("1", parameter, None)
    except click.UsageError:
        return False
    return isinstance(value, int | float) and not isinstance(value, bool)


class Runner:
    """Runs command lines on a list of its own, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.taskdash = Command(folder)
        self.taskdash.write_config(f"http://127.0.0.1:{closed_port()}")
        self.taskdash.import_tasks(listed(GOOD))
        self.taskdash.folder = folder / "work"
        self.taskdash.folder.mkdir()
        (self.taskdash.folder / "file.txt").write_text("nothing\n")

    def run(self, lines: Sequence[Sequence[str | bytes]]) -> list[tuple[Sequence[str | bytes], int, str]]:
        """Each line with its exit code and what it said."""
        folder = str(self.taskdash.folder)
        home = {
            "HOME": folder,
            **{f"XDG_{name}_HOME": f"{folder}/{name}" for name in ("STATE", "CONFIG", "DATA")},
        }
        files = {"TASKDASH_CONFIG": str(self.taskdash.config), "TASKDASH_STORE": str(self.taskdash.store)}
        ended = self.taskdash.in_a_row(lines, env=home | files)
        return [(line, done.returncode, done.stderr) for line, done in zip(lines, ended, strict=True)]


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(tmp_path_factory.mktemp("options"))


def harmless(line: Line) -> list[str]:
    """What else the command needs so that it ends at once, and does nothing outside of its folder."""
    if line.spelled in SELECTING:
        # These stand for the IDs.
        return {"wait": ["--timeout", "0"], "label": ["text"]}.get(line.path[0], [])
    match line.path:
        case ():
            return ["list"] if line.spelled != "--demo" else []
        case ("list",) if line.spelled == "--watch":
            # It would print the list until a signal comes: no field is refused last.
            return ["--fields", ""]
        case ("show" | "remove" | "open" | "download" | "check",):
            return [GOOD]
        case ("wait",):
            return [GOOD] if line.spelled == "--timeout" else [GOOD, "--timeout", "0"]
        case ("import",):
            return ["file.txt"]
        case ("completion",):
            return ["bash"]
        case ("add",):
            return [GOOD]
        case ("demo-api",):
            # It would serve until a signal comes: no port is refused last.
            return [] if line.spelled == "--port" else ["--port", "no"]
        case _:
            return []


def lines_with(line: Line, values: Sequence[str | bytes]) -> list[list[str | bytes]]:
    rest = harmless(line)
    if isinstance(line.option, click.Argument):
        before: dict[tuple[str, ...], list[str]] = {
            ("open",): ["--print", "--", GOOD] * (line.option.name == "number"),
            ("wait",): ["--timeout", "0", "--"],
        }
        return [[*line.path, *before.get(line.path, ["--"]), value] for value in values]
    if line.spelled == "--watch":
        # Its value may be left out: what looks like an option is one.
        joined = [b"--watch=" + value if isinstance(value, bytes) else f"--watch={value}" for value in values]
        return [[*line.path, each, *rest] for each in joined if each[8:9] not in ("-", b"-")]
    return [[*line.path, line.spelled, value, *rest] for value in values]


PARAMETERS = all_parameters()
VALUED = [each for each in PARAMETERS if not getattr(each.option, "is_flag", False)]
NUMBERED = [each for each in VALUED if takes_number(each.option)]


def test_a_number_has_a_range_and_whatever_is_outside_is_refused_with_it(runner: Runner) -> None:
    for words, code, told in runner.run([words for line in NUMBERED for words in lines_with(line, NUMBERS)]):
        assert code == 2, (words, code, told)
        assert " to " in told.splitlines()[0], (words, told)
        assert len(told.splitlines()) <= 2
    for line in NUMBERED:
        help_text = runner.taskdash(*line.path, "--help").stdout
        assert ">=" not in help_text
        assert "<=" not in help_text


def test_no_value_of_any_option_is_an_error_of_ours(runner: Runner) -> None:
    chance = random.Random(27)  # noqa: S311 - the same lines in every run
    wild = ["".join(map(chr, chance.choices(range(32, 0x2FF), k=chance.randint(1, 12)))) for _ in range(10)]
    values: list[str | bytes] = [*NUMBERS, *TEXTS, *BYTES, *wild]
    lines: list[list[str | bytes]] = []
    for line in VALUED:
        # What all commands take means the same to all: of that each gets some, of its own a tenth of all.
        is_common = line.path and line.spelled in ("--profile", "--config", "--store", "--log-level")
        is_common = is_common or (line.path != ("list",) and line.spelled in SELECTING)
        lines += lines_with(line, chance.sample(values, 3 if is_common else len(values) // 10))
    assert len(lines) > 300
    wrong = []
    for words, code, told in runner.run(lines):
        is_ours = code not in (0, 1, 2, 3, 4, 5, 6, 124) or "itself" in told or "Traceback" in told
        # Settings that are wrong are told a line each.
        if is_ours or (code == 2 and len(told.splitlines()) > 4):
            wrong.append(([each[:80] for each in words], code, told[:300]))
    assert not wrong, "\n".join(map(repr, wrong))


def test_flags_that_ask_for_different_things_are_refused_by_name(runner: Runner) -> None:
    flags = ("--csv", "--ids", "--json", "--raw", "--demo", "--config", "--profile", "--store", "--log-level")
    lines = [
        ["list", "--csv", "--ids"],
        ["list", "--json", "--csv"],
        ["list", "--ids", "--json", "--limit", "1"],
        ["show", GOOD, "--json", "--raw"],
        ["download", GOOD, "--all"],
    ]
    for option in ("--config", "--profile", "--store", "--log-level"):
        given = [option, "info" if option == "--log-level" else "x"]
        lines += [["--demo", *given], [*given, "--demo"]]
    for words, code, told in runner.run(lines):
        assert (code, len(told.splitlines()) <= 2) == (2, True), (words, told)
        assert all(flag in told for flag in words if flag in flags), told
    same = [["list", "--json", "--json"], ["show", "--raw", "--raw", GOOD]]
    assert [code for _, code, _ in runner.run(same)] == [0, 1]
    for option in ("--store", "--config"):
        empty = (2, f"taskdash: {option}: a file name cannot be empty\n")
        assert runner.run([[option, "", "list"]])[0][1:] == empty


def test_config_without_a_word_prints_its_help_as_it_is_to_be_read(runner: Runner) -> None:
    (_, code, told), (_, _, helped) = runner.run([["config"], ["config", "nonsense"]])
    assert (code, len(helped.splitlines()) <= 2) == (2, True)
    first_words = {line.split()[0] for line in told.splitlines() if line.strip()}
    assert {"path", "show", "example", "init", "check"} <= first_words, told
