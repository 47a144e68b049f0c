"""The JSON Schema and our reader agree on what is right, and on what is wrong in its shape."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.config_files import KIE, fits
from tests.unit.config.test_config_load import (
    PRESET,
    REFUSED_URLS,
    TOML_VALUES,
    WRONG,
    WRONG_TOGETHER,
    text_of,
)

from taskdash.config.describe import json_schema
from taskdash.config.own import OwnCommand
from taskdash.config.readers import Place, settings_of
from taskdash.config.settings import Settings, View, read_settings

SCHEMA: dict[str, Any] = json_schema()
EXAMPLE = Path("config.example.toml").read_text()
REFUSED = [
    *(text_of(key, value) for key, values, _ in WRONG for value in values),
    *(text for text, key, _ in WRONG_TOGETHER if key != "profile"),
    *(
        text_of("profiles.kie.base_url", f"'{url}'").partition("\n")[2]
        for said, urls in REFUSED_URLS.items()
        if said in ("https://", "before the @", "? or #")
        for url in urls.split(" ")
        if "[" not in url
    ),
    PRESET + 'tier = "pro"\nper_second = 3',
    PRESET.replace("kie", "aigptimage") + "per_second = 3",
]
ACCEPTED = [
    "",
    EXAMPLE,
    re.sub(r"^#(?:   )? ?(?=[a-z_]+ = |\[+[a-z]+)", "", EXAMPLE, flags=re.MULTILINE)
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
    '[profiles.local]\nbase_url = "http://[::1]:9"\napi_key = "x"',
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
