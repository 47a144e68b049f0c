"""config.example.toml, the settings model and the reader know the same settings, and say the same of them."""

from __future__ import annotations

import ast
import dataclasses
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import taskdash.config.settings as model
from taskdash.config.example import explained_settings
from taskdash.config.file_settings import GLOBAL_KEYS
from taskdash.config.load import load_settings
from taskdash.config.profile_table import PROFILE_KEYS
from taskdash.config.settings import (
    COLUMN_NAMES,
    DETAIL_POSITIONS,
    KEY_PRESETS,
    LOG_LEVELS,
    TIER_NAMES,
    Settings,
)
from taskdash.config.view_file import VIEW_KEYS
from taskdash.domain.query import SortKey

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"
TABLES = {"": "Settings", "view": "View", "profiles.aigptimage": "Profile"}
SETTING = re.compile(r"(?:# )?(?:\[([a-z.]+)\]|([a-z_]+) = .+)")
# The file has a length of time in units, the model has it in milliseconds.
MODEL_NAMES = {"result_ttl": "result_ttl_ms"}


def documented() -> dict[tuple[str, str], str]:
    """The text under each setting of the model, by class and name."""
    texts = {}
    for node in ast.parse(Path(model.__file__).read_text()).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, text in zip(node.body, node.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                assert isinstance(field.target, ast.Name)
                assert isinstance(text.value, ast.Constant)
                words = " ".join(str(text.value.value).split())
                if not words.startswith("Not a setting: "):
                    texts[node.name, field.target.id] = words
    return texts


def exemplified() -> dict[tuple[str, str], str]:
    """The comment above each setting of the example, by class and name."""
    texts: dict[tuple[str, str], str] = {}
    table, comment = "", list[str]()
    for line in EXAMPLE.read_text().splitlines():
        if found := SETTING.fullmatch(line):
            where, name = table, found[2]
            if found[1]:
                table = found[1]
                where, name = {
                    "view.widths": ("view", "widths"),
                    "profiles.aigptimage": ("", "profiles"),
                }.get(table, ("", table))
            if where in TABLES and comment:
                texts[TABLES[where], MODEL_NAMES.get(name, name)] = " ".join(comment)
        comment = [*comment, line[2:]] if line.startswith("# ") and not found else []
    return texts


def test_the_example_says_of_each_setting_what_the_model_says() -> None:
    assert exemplified() == documented()


def test_every_setting_is_explained_to_the_palette_too() -> None:
    told = dict(explained_settings())
    assert told["profile"].startswith("The profile in use")
    assert told["view.theme"].startswith("The colour theme")
    assert told["profiles.NAME.result_ttl"].startswith("How long result links live")
    assert set(told.values()) == set(documented().values())


def test_the_reader_knows_the_settings_of_the_model_and_no_others() -> None:
    read = {("Settings", key) for key in GLOBAL_KEYS} | {("View", key) for key in VIEW_KEYS}
    read |= {("Profile", MODEL_NAMES.get(key, key)) for key in PROFILE_KEYS}
    assert read == set(documented())


def test_the_example_loads_as_it_stands_and_changes_nothing() -> None:
    found = load_settings(EXAMPLE, {})
    profiles = {name: dataclasses.replace(profile, source=None) for name, profile in found.profiles.items()}
    assert dataclasses.replace(found, profiles=profiles) == Settings()


COMMENTED = re.findall(r"^# ([a-z_]+ = .+)$", EXAMPLE.read_text(), re.MULTILINE)
NEEDS = {
    "per_second": ["per_minute"],
    "per_minute": ["per_second"],
}


@pytest.mark.parametrize("line", COMMENTED)
def test_each_setting_behind_a_comment_sign_loads_when_it_is_taken_away(tmp_path: Path, line: str) -> None:
    key = line.split(" = ")[0]
    text = EXAMPLE.read_text()
    if key in ("api_key", "api_key_command"):
        text = text.replace("\napi_key_env", "\n# api_key_env")
    for name in [key, *NEEDS.get(key, [])]:
        text = text.replace(f"\n# {name} = ", f"\n{name} = ")
    file = tmp_path / "config.toml"
    file.touch(0o600)
    file.write_text(text)
    found = load_settings(file, {})
    profiles = {name: dataclasses.replace(profile, source=None) for name, profile in found.profiles.items()}
    same = dataclasses.replace(found, profiles=profiles) == Settings()
    # A key's limits of their own are no longer assumed, even where they are those of the tier free.
    assert not same


def test_the_other_gateway_of_the_example_loads(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(re.sub(r"^#   ", "", EXAMPLE.read_text(), flags=re.MULTILINE))
    assert load_settings(file, {}, profile="kie").in_use.per_minute == 300


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (("Profile", "tier"), TIER_NAMES),
        (("Settings", "log_level"), LOG_LEVELS),
        (("Settings", "key_preset"), KEY_PRESETS),
        (("View", "detail"), DETAIL_POSITIONS),
        (("View", "columns"), COLUMN_NAMES),
        (("View", "sort"), tuple(SortKey)),
    ],
)
def test_every_word_that_a_setting_takes_is_named(setting: tuple[str, str], words: tuple[str, ...]) -> None:
    named = re.findall(r"[\w]+", documented()[setting])
    assert [word for word in words if word not in named] == []


def test_the_example_has_no_table_that_is_not_looked_at() -> None:
    assert set(tomllib.loads(EXAMPLE.read_text())) <= set(GLOBAL_KEYS)


def test_importing_the_settings_loads_nothing_heavy() -> None:
    modules = ("load", "keys", "locations", "view_file", "first_config", "describe", "private_files")
    heavy = {
        "httpx",
        "textual",
        "subprocess",
        "platformdirs",
        "tomllib",
        "tomli_w",
        "difflib",
        "tempfile",
        "shlex",
    }
    code = "import sys; before = set(sys.modules); " + "; ".join(
        f"import taskdash.config.{name}" for name in modules
    )
    code += "; print(*(set(sys.modules) - before))"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(model.__file__).parents[2])},
    )
    assert heavy & set(loaded.stdout.split()) == set()
