"""What is told of settings: by `config show`, which never shows a key, by the example, and by the JSON Schema.

All three and the reader know the same settings, and say the same of them.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.config_files import CANARY, KIE, Load, fits, write
from tests.unit.config.test_config_load import (
    PRESET,
    REFUSED_URLS,
    TOML_VALUES,
    WRONG,
    WRONG_TOGETHER,
    text_of,
)

from taskdash.config.describe import Line, describe, example_text, explained_settings, json_schema
from taskdash.config.keys import find_key
from taskdash.config.load import load_settings
from taskdash.config.own import COLUMN_NAMES, OwnCommand
from taskdash.config.readers import Place, settings_of
from taskdash.config.settings import LOG_LEVELS, Settings, View, demo_settings, read_settings
from taskdash.domain.gateways import TIERS
from taskdash.domain.query import SortKey

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"


def rows(settings: Settings, environ: dict[str, str], **options: bool) -> dict[str, Line]:
    """What is shown, by its dotted name."""
    shown = describe(settings, environ, **options)
    assert len({row.key for row in shown}) == len(shown)
    assert CANARY not in json.dumps([[row.key, row.value, row.origin, row.text] for row in shown])
    return {row.key: row for row in shown}


def test_defaults_are_said_to_be_defaults_and_a_missing_key_is_no_failure() -> None:
    shown = rows(Settings(), {})
    assert {row.origin for row in shown.values()} == {"default", "environment AIGPTIMAGE_API_KEY"}
    for key, said in (
        ("profiles.aigptimage.tier", "free (assumed)"),
        ("profiles.aigptimage.result_ttl", "none"),
        ("open_command", "none"),
        ("bell", "false"),
        ("view.columns", "state label model cost created id"),
    ):
        assert shown[key].text == said
    assert shown["profiles.aigptimage.api_key"].text.startswith("not set: No API key for profile aigptimage")


def test_each_value_says_where_it_came_from(tmp_path: Path, load: Load) -> None:
    environ = {"TASKDASH_BASE_URL": "http://127.0.0.1:1", "KIE": CANARY}
    text = f"""
        bell = true
        open_command = ["x", "{CANARY}"]
        [keys]
        open = ["o", "enter"]
        [view]
        theme = "nord"
        widths = {{ label = 40 }}
        [profiles.a]
        base_url = "https://a.example"
        [profiles.kie]
        base_url = "https://api.kie.ai"
        api_key_env = "KIE"
        per_second = 1
        per_minute = 20
        result_ttl = "36h"
    """
    shown = rows(load(text, profile="kie", **environ), environ)
    file = f"file {tmp_path / 'my.toml'}"
    for key, text, origin in (
        ("profile", "kie", "--profile"),
        ("bell", "true", file),
        ("open_command", "x ***", file),
        ("keys.open", "o enter", file),
        ("view.theme", "nord", file),
        ("view.widths", "label=40", file),
        ("view.sort", "added", "default"),
        ("profiles.kie.base_url", "http://127.0.0.1:1", "environment TASKDASH_BASE_URL"),
        ("profiles.a.base_url", "https://a.example", file),
        ("profiles.kie.result_ttl", "36h", file),
        ("profiles.kie.api_key", "***cdef", "environment KIE"),
    ):
        assert (shown[key].text, shown[key].origin) == (text, origin)
    assert "profiles.kie.tier" not in shown


def test_what_a_preset_brought_is_said_to_come_from_it(tmp_path: Path, load: Load) -> None:
    shown = rows(
        load('[profiles.kie]\npreset = "kie"\nresult_ttl = "1h"\nshare = 1'), {"KIE_API_KEY": CANARY}
    )
    for key, text, origin in (
        ("preset", "kie", f"file {tmp_path / 'my.toml'}"),
        ("base_url", "https://api.kie.ai", "preset kie"),
        ("per_minute", "300", "preset kie"),
        ("result_ttl", "1h", f"file {tmp_path / 'my.toml'}"),
        ("auth_header", "Authorization: Bearer {key}", "default"),
        ("api_key", "***cdef", "environment KIE_API_KEY"),
    ):
        assert (shown[f"profiles.kie.{key}"].text, shown[f"profiles.kie.{key}"].origin) == (text, origin)
    assert shown["profiles.kie.record_paths"].text.startswith(
        "/api/v1/jobs/recordInfo /api/v1/veo/record-info "
    )


def test_a_key_in_the_file_or_of_a_command_is_masked(tmp_path: Path, load: Load) -> None:
    script = f"print('{CANARY[:8]}' + '{CANARY[8:]}')"
    text = f"""
        profile = "b"
        [profiles.a]
        base_url = "https://a.example"
        api_key = "{CANARY}"
        [profiles.b]
        base_url = "https://b.example"
        api_key_command = ['{sys.executable}', "-S", "-c", "{script}"]
        [profiles.c]
        base_url = "https://c.example"
        api_key_command = ["touch", "{tmp_path}/ran"]
    """
    settings = load(text)
    shown = rows(settings, dict(os.environ))
    for name, origin in (("a", f"file {settings.config_file}"), ("b", f"command {sys.executable}")):
        key = shown[f"profiles.{name}.api_key"]
        assert (key.text, key.origin) == ("***cdef", origin)
    assert shown["profiles.b.api_key_command"].text == f"{sys.executable} (3 arguments not shown)"
    assert "not run" in shown["profiles.c.api_key"].text
    assert not (tmp_path / "ran").exists()


def test_a_command_that_fails_is_said_to(load: Load) -> None:
    shown = rows(load('[profiles.a]\nbase_url="https://a.b"\napi_key_command=["false"]'), dict(os.environ))
    assert "failed with exit code 1" in shown["profiles.a.api_key"].text


@pytest.mark.parametrize(
    ("written", "length_ms", "shown"),
    [
        ("24h", 86_400_000, "1d"),
        ("36h", 129_600_000, "36h"),
        ("90m", 5_400_000, "90m"),
        ("1.5 h", 5_400_000, "90m"),
        ("90s", 90_000, "90s"),
        ("1.500s", 1_500, "1.500s"),
    ],
)
def test_a_length_of_time_is_shown_in_the_largest_unit_that_fits(
    load: Load, written: str, length_ms: int, shown: str
) -> None:
    settings = load(f'{KIE}result_ttl = "{written}"')
    assert settings.in_use.result_ttl_ms == length_ms
    assert rows(settings, {})["profiles.kie.result_ttl"].text == shown


def test_the_demo_has_one_profile_and_nothing_of_the_users(tmp_path: Path) -> None:
    settings = demo_settings("http://127.0.0.1:1/x", "demo-key", download_dir=tmp_path)
    assert settings.in_use.name == "demo"
    assert list(settings.profiles) == ["demo"]
    assert find_key(settings.in_use, {"AIGPTIMAGE_API_KEY": CANARY}).secret.reveal() == "demo-key"
    assert rows(settings, {})["profiles.demo.api_key"].origin == "the config"


# The example


def test_the_example_is_what_the_settings_say() -> None:
    """`config example > config.example.toml` brings it up to date."""
    assert example_text() == EXAMPLE.read_text()


def test_the_example_loads_as_it_stands_and_changes_nothing() -> None:
    assert load_settings(EXAMPLE, {}) == Settings()


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
    assert load_settings(file, {}) != Settings()


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


# The schema

SCHEMA: dict[str, Any] = json_schema()
REFUSED = [
    *(text_of(key, value) for key, values, _ in WRONG for value in values),
    *(text for text, key, _ in WRONG_TOGETHER if key != "profile"),
    *(
        text_of("profiles.kie.base_url", f"'{url}'").partition("\n")[2]
        for said, urls in REFUSED_URLS.items()
        if said in ("before the @", "? or #")
        for url in urls.split(" ")
        if "[" not in url
    ),
    PRESET + 'tier = "pro"\nper_second = 3',
    PRESET.replace("kie", "aigptimage") + "per_second = 3",
]
ACCEPTED = [
    "",
    EXAMPLE.read_text(),
    re.sub(r"^#(?:   )? ?(?=[a-z_]+ = |\[+[a-z]+)", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    .replace('api_key_command = ["pass", "show", "aigptimage"]\n', "")
    .replace('api_key = "your-key"\n', "")
    .replace("per_second = 2\n", "")
    .replace("per_minute = 60\n", ""),
    'view.sort = "-cost"\nkeys = { open = "o", remove = [], filter = ["slash", "ctrl+f"] }',
    'download_dir = "~"\nopen_command = []\non_finish = ["sh", "-c", "a\\nb"]',
    "[profiles.aigptimage]",
    'profile = "a.b-c_D"\n[profiles."a.b-c_D"]\nbase_url = " HTTPS://x.example:1/p/ "',
    PRESET,
    PRESET + "per_second = 3",
    PRESET + 'tier = "pro"\napi_key_command = "pass kie"',
    KIE + 'per_second = 3\nper_minute = 9\nshare = 1\nresult_ttl = "1.5 h"',
    KIE + 'auth_header = "x-key:{key}"\nrecord_paths = ["/v1/{id}", "/{id}?a=b"]',
    '[commands.a-1]\ncommand = ["sh", "-c", "x"]\nkey = ["U", "f5"]\nfor = "all"\nconfirm = true',
    '[profiles.local]\nbase_url = "http://[::1]:9"\napi_key = "my-own-key"',
]


def is_read(values: dict[str, object]) -> bool:
    """Return whether our reader takes a file."""
    faults: list[str] = []
    read_settings(values, Place(faults))
    return not faults


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_for_its_shape_is_refused_by_both(text: str) -> None:
    assert not is_read(tomllib.loads(text))
    assert not fits(tomllib.loads(text), SCHEMA)


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_is_right_is_right_to_both(text: str) -> None:
    assert is_read(tomllib.loads(text))
    assert list(Draft202012Validator(SCHEMA).iter_errors(tomllib.loads(text))) == []


WORDS = st.sampled_from(
    [
        "auto",
        "kie",
        "basic",
        "-cost",
        "/a/{id}",
        "x: {key}",
        "24h",
        " 1.5h ",
        "https://a.example",
        "~/x",
        "state",
    ]
)
VALUES = TOML_VALUES | WORDS | st.lists(WORDS, max_size=3)
NAMED = [
    *((name,) for name in settings_of(Settings)),
    *(("view", name) for name in settings_of(View)),
    *(("commands", "up", name) for name in settings_of(OwnCommand)),
    *(("profiles", "kie", name) for name in ("tier", "share", "record_paths", "auth_header", "api_key_env")),
    *(("profiles", "kie", name) for name in ("api_key_command", "result_ttl", "base_url", "preset")),
]


@given(st.sampled_from(NAMED), VALUES)
def test_whatever_the_reader_takes_the_schema_takes(path: tuple[str, ...], value: object) -> None:
    inner: dict[str, Any] = {path[-1]: value}
    if path[0] == "profiles":
        inner = {"profiles": {"kie": {"base_url": "https://api.kie.ai", **inner}}}
    elif path[0] == "commands":
        inner = {"commands": {"up": {"command": ["true"], **inner}}}
    elif path[0] == "view":
        inner = {"view": inner}
    if is_read(inner):
        assert fits(inner, SCHEMA)
