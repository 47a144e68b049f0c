"""`config show` has every setting with its value and origin, and never a key."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from tests.config_files import CANARY, Load

from taskdash.config.describe import Line, describe
from taskdash.config.keys import find_key
from taskdash.config.readers import length_text
from taskdash.config.settings import Settings, demo_settings


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
    for name, origin in (("a", f"file {tmp_path / 'my.toml'}"), ("b", f"command {sys.executable}")):
        key = shown[f"profiles.{name}.api_key"]
        assert (key.text, key.origin) == ("***cdef", origin)
    assert shown["profiles.b.api_key_command"].text == f"{sys.executable} (3 arguments not shown)"
    assert "not run" in shown["profiles.c.api_key"].text
    assert not (tmp_path / "ran").exists()


def test_a_command_that_fails_is_said_to(load: Load) -> None:
    shown = rows(load('[profiles.a]\nbase_url="https://a.b"\napi_key_command=["false"]'), dict(os.environ))
    assert "failed with exit code 1" in shown["profiles.a.api_key"].text


@pytest.mark.parametrize(
    ("length_ms", "text"), [(86_400_000, "1d"), (129_600_000, "36h"), (90_000, "90s"), (1_500, "1.500s")]
)
def test_a_length_of_time_is_shown_as_the_config_takes_it(load: Load, length_ms: int, text: str) -> None:
    assert length_text(length_ms) == text
    found = load(f'[profiles.a]\nbase_url="https://a.b"\nresult_ttl="{text}"')
    assert found.in_use.result_ttl_ms == length_ms


def test_the_demo_has_one_profile_and_nothing_of_the_users(tmp_path: Path) -> None:
    settings = demo_settings("http://127.0.0.1:1/x", "demo-key", download_dir=tmp_path)
    assert settings.in_use.name == "demo"
    assert list(settings.profiles) == ["demo"]
    assert find_key(settings.in_use, {"AIGPTIMAGE_API_KEY": CANARY}).secret.reveal() == "demo-key"
    assert rows(settings, {})["profiles.demo.api_key"].origin == "the demo"
