"""config.example.toml, the JSON Schema and the reader know the same settings, and say the same of them."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from taskdash.config.describe import example_text, explained_settings, json_schema
from taskdash.config.load import load_settings
from taskdash.config.settings import COLUMN_NAMES, LOG_LEVELS, Settings
from taskdash.domain.budget import TIERS
from taskdash.domain.query import SortKey

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"


def test_the_example_is_what_the_settings_say() -> None:
    """`config example > config.example.toml` brings it up to date."""
    assert example_text() == EXAMPLE.read_text()


def settings_of(found: Settings) -> Settings:
    """What was found, wherever it was."""
    profiles = {name: dataclasses.replace(profile, source=None) for name, profile in found.profiles.items()}
    return dataclasses.replace(found, profiles=profiles)


def test_the_example_loads_as_it_stands_and_changes_nothing() -> None:
    assert settings_of(load_settings(EXAMPLE, {})) == Settings()


COMMENTED = re.findall(r"^# ([a-z_]+ = .+)$", EXAMPLE.read_text(), re.MULTILINE)
NEEDS = {"per_second": ["per_minute"], "per_minute": ["per_second"]}


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
    # A key's limits of their own are no longer assumed, even where they are those of the tier free.
    assert settings_of(load_settings(file, {})) != Settings()


def test_the_other_gateway_of_the_example_loads(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(re.sub(r"^#   ", "", EXAMPLE.read_text(), flags=re.MULTILINE))
    assert load_settings(file, {}, profile="kie").in_use.per_minute == 300


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("profiles.NAME.tier", tuple(TIERS)),
        ("log_level", LOG_LEVELS),
        ("key_preset", ("default", "plain", "vim")),
        ("view.detail", ("auto", "right", "below", "hidden")),
        ("view.columns", COLUMN_NAMES),
        ("view.sort", tuple(SortKey)),
    ],
)
def test_every_word_that_a_setting_takes_is_named(setting: str, words: tuple[str, ...]) -> None:
    named = re.findall(r"[\w]+", explained_settings()[setting])
    assert [word for word in words if word not in named] == []


def fits(value: object, schema: dict[str, Any]) -> bool:
    """Whether a value is what the part of JSON Schema that we use says."""
    types = {
        "object": dict,
        "array": list,
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": int | float,
    }
    if "anyOf" in schema:
        return any(fits(value, each) for each in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema["type"]
    if not isinstance(value, types[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return False
    if isinstance(value, dict):
        others = schema["additionalProperties"]
        return all(
            name in schema.get("propertyNames", {}).get("enum", value)
            and fits(each, schema.get("properties", {}).get(name, others) or {"enum": []})
            for name, each in value.items()
        )
    if isinstance(value, list):
        is_long_enough = len(value) >= schema.get("minItems", 0)
        return is_long_enough and all(fits(item, schema["items"]) for item in value)
    if isinstance(value, str):
        return bool(re.search(schema.get("pattern", ""), value))
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    return bool(low <= value <= high and value > schema.get("exclusiveMinimum", value - 1))


def test_the_schema_takes_what_the_reader_takes() -> None:
    everything = re.sub(r"^#(?:   )? ?(?=[a-z_]+ = |\[profiles)", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert fits(tomllib.loads(everything), json_schema())
    assert fits({"view": {"sort": "-cost"}, "keys": {"open": "o", "remove": []}}, json_schema())


@pytest.mark.parametrize(
    "text",
    [
        "colour = 1",
        "bell = 1",
        "max_result_mib = 0",
        "max_result_mib = true",
        'log_level = "warn"',
        'open_command = "firefox"',
        "keys.open = 1",
        'view.columns = ["lable"]',
        "view.columns = []",
        'view.sort = "labl"',
        "view.detail_percent = 95",
        "view.widths.labl = 5",
        "view.widths.label = 1",
        'profiles.kie.tier = "basik"',
        "profiles.kie.share = 0",
        'profiles.kie.result_ttl = "1w"',
        "profiles.kie.api_key_command = []",
        "profiles.kie.bell = true",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(text: str) -> None:
    assert not fits(tomllib.loads(text), json_schema())


def test_importing_the_settings_loads_nothing_heavy() -> None:
    heavy = {"httpx", "textual", "subprocess", "platformdirs", "tomllib", "difflib", "tempfile"}
    code = "import sys, taskdash.config.load, taskdash.config.keys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy & set(loaded.stdout.split()) == set()
