"""The documents say what is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from taskdash.cli.describing import ERROR_CODES, TASK_FIELDS
from taskdash.cli.main import COMMANDS, Commands
from taskdash.cli.process import exit_code_of
from taskdash.domain.query import FIELDS, OTHER_NAMES, SortKey, parse_filter
from taskdash.domain.task_json import VARIABLES
from taskdash.ui.actions import ACTIONS, RESULT_KEYS, REVIEW_ACTIONS, Action
from taskdash.ui.keymap import key_name

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from make_man import page as man_page  # noqa: E402 - it stands beside what it writes


def key_table(actions: tuple[Action, ...]) -> str:
    """Return the table of keys, in Markdown: one row a thing to do, the nine result keys as one."""
    lines = ["| key | does |", "|---|---|"]
    for action in actions:
        if action.name == RESULT_KEYS[0]:
            lines.append("| `1` .. `9` | open that result link |")
        elif action.name not in RESULT_KEYS:
            keys = " ".join(f"`{key_name(key)}`" for key in action.keys) or "palette"
            lines.append(f"| {keys} | {action.title} |")
    return "\n".join(lines) + "\n"


def test_the_documents_have_the_keys_of_the_table_of_actions() -> None:
    text = (ROOT / "docs" / "keys.md").read_text("utf-8")
    table = re.search(r"<!-- keys.*?-->\n(.*?)<!-- /keys -->", text, re.DOTALL)
    assert table is not None
    assert table[1] == key_table(ACTIONS)
    of_review = re.search(r"<!-- review keys.*?-->\n(.*?)<!-- /review keys -->", text, re.DOTALL)
    assert of_review is not None
    assert of_review[1] == key_table(REVIEW_ACTIONS)


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in COMMANDS if f"`taskdash {name}" not in readme] == []


def test_the_readme_names_no_option_that_a_command_is_without() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `taskdash ([a-z]\S*?)[ `].*? \| (.*) \|$", readme, re.MULTILINE)
    # One row has both export and import.
    assert {name for name, _ in rows} == set(COMMANDS) - {"import"}
    for name, does in rows:
        command = Commands().get_command(click.Context(click.Group()), name)
        assert command is not None
        options = {option for param in command.params for option in param.opts}
        assert set(re.findall(r"`(--?[a-z][\w-]*)", does)) <= options, name


def test_the_documents_name_every_variable_of_on_finish() -> None:
    text = (ROOT / "docs" / "scripts.md").read_text("utf-8")
    assert [name for name in VARIABLES if f"`{name}`" not in text] == []


def test_the_documents_have_the_codes_of_errors_and_the_fields_of_a_task() -> None:
    text = (ROOT / "docs" / "scripts.md").read_text("utf-8")
    fields = ((name, kind.replace("|", " or "), holds) for name, (kind, holds) in TASK_FIELDS.items())
    codes = ((code, str(exit_code), means) for code, (exit_code, means) in ERROR_CODES.items())
    for name, rows in (("errors", codes), ("fields", fields)):
        table = re.search(rf"<!-- {name} -->\n.*\n.*\n((?:\|.*\n)+)<!-- /{name} -->", text)
        assert table is not None
        assert table[1] == "".join(f"| `{first}` | {second} | {third} |\n" for first, second, third in rows)


def test_the_map_of_the_house_names_every_room_and_no_other() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"^\| `src/taskdash/([\w.]+)`", contributing, re.MULTILINE))
    folder = ROOT / "src" / "taskdash"
    there = {entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name != "__pycache__"}
    there |= {entry.name for entry in folder.glob("*.py") if not entry.name.startswith("__")}
    assert named == there


def test_the_document_of_the_filter_names_every_word_and_shows_only_what_can_be_read() -> None:
    text = (ROOT / "docs" / "filters.md").read_text("utf-8")
    first, last = (
        [re.findall(r"`(.*?)`", cell) for cell in re.findall(pattern, text, re.MULTILINE)]
        for pattern in (r"^\| (`.*?) \|", r"\| (`[^|]*`) \|$")
    )
    shown = [words for cell in (*first, *last) for words in cell]
    for words in shown:
        assert parse_filter(words, has_own_lives=lambda: True), words
    assert [name for name in FIELDS if not re.search(rf"`{name}:", text)] == []


def test_the_document_of_the_filter_has_every_order() -> None:
    text = (ROOT / "docs" / "filters.md").read_text("utf-8")
    assert re.findall(r"`(\w+)`", text.partition("Orders (")[2].partition("): ")[2]) == [
        {name: other for other, name in OTHER_NAMES.items()}.get(key, key) for key in SortKey
    ]


def test_every_picture_the_readme_shows_is_there() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    pictures = re.findall(r"!\[[^]]*\]\((screenshots/[^)]+)\)", readme)
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).is_file()] == []


def test_no_lock_names_a_host() -> None:
    for lock in (ROOT / "requirements").iterdir():
        assert "://" not in lock.read_text("utf-8")


def test_the_documents_have_every_setting_of_the_example_config() -> None:
    """A setting is a line `name = ...` there, behind a # where it has no fixed default."""
    example = (ROOT / "config.example.toml").read_text("utf-8")
    settings, table = set(), ""
    for line in example.splitlines():
        if header := re.match(r"\[(\w+)", line):
            table = header[1]
        elif setting := re.match(r"(?:# )?(\w+) = ", line):
            prefix = "view." if table == "view" else ""
            settings.add(f"{prefix}{setting[1]}")
    # Examples of a key and of a width, and the widths' own table.
    settings = settings - {"remove", "view.label"} | {"view.widths"}
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    section = text[text.index("| setting |") : text.index("## Your API key")]
    assert set(re.findall(r"^\| `([\w.]+)`", section, re.MULTILINE)) == settings


def test_every_config_in_the_documents_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theme, config = tmp_path / "themes" / "mine.toml", tmp_path / "config.toml"
    theme.parent.mkdir()
    texts = [path.read_text("utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    blocks = re.findall(r"^```toml\n(.*?)^```", "".join(texts), re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        (theme if block.startswith("primary") else config).write_text(block, "utf-8")
        code = exit_code_of(["config", "check", "--config", str(config)])
        assert code == 0, (block, capsys.readouterr().err)


def test_promises_have_figures() -> None:
    text = (ROOT / "docs" / "promises.md").read_text("utf-8")
    rows = re.findall(r"^\| (?!promise|---)(.*) \|$", text, re.MULTILINE)
    assert len(rows) >= 8
    assert [row for row in rows if not re.search(r"`.*`.*\|.*\d", row)] == []


def test_links_between_documents_lead_to_files() -> None:
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
            assert (path.parent / link).exists(), (path.name, link)


def test_the_man_page_is_what_the_commands_say() -> None:
    assert (ROOT / "docs" / "taskdash.1").read_text("ascii") == man_page(), "run `make man`"


@pytest.mark.parametrize("line", ["groff -man -ww -Tutf8 -P-cbou", "mandoc -Tlint"])
def test_the_man_page_has_no_fault_and_names_every_command(line: str) -> None:
    words = line.split()
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run([*words, ROOT / "docs" / "taskdash.1"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    if words[0] == "groff":
        assert [name for name in COMMANDS if f"\n   taskdash {name}" not in done.stdout] == []
        assert "`" not in done.stdout
