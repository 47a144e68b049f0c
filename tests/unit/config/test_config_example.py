"""config.example.toml, the JSON Schema and the reader know the same settings, and say the same of them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from tests.config_files import write

from taskdash.config.describe import example_text, explained_settings
from taskdash.config.load import load_settings
from taskdash.config.own import COLUMN_NAMES
from taskdash.config.settings import LOG_LEVELS, Settings
from taskdash.domain.budget import TIERS
from taskdash.domain.query import SortKey

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"


def test_the_example_is_what_the_settings_say() -> None:
    """`config example > config.example.toml` brings it up to date."""
    assert example_text() == EXAMPLE.read_text()


def settings_of(found: Settings) -> Settings:
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
    file = write(tmp_path / "config.toml", text)
    # A key's limits of their own are no longer assumed, even where they are those of the tier free.
    assert settings_of(load_settings(file, {})) != Settings()


def test_the_other_gateway_of_the_example_loads(tmp_path: Path) -> None:
    file = write(tmp_path / "c.toml", re.sub(r"^#   ", "", EXAMPLE.read_text(), flags=re.MULTILINE))
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
