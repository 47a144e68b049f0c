"""A key is found in a text however the text escapes it."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.secret import Secret

KEY = "sk-CANARY/0123+45'67\"89\\ab=%"
KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=40)


def in_html_safe_json(text: str) -> str:
    """As servers write JSON that may be put into a page."""
    escaped = json.dumps(text)[1:-1]
    return "".join(f"\\u{ord(char):04X}" if char in "<>&'+=`" else char for char in escaped)


@pytest.mark.parametrize("key", [KEY, "sk-0123456789abcdef"])
def test_every_way_to_write_the_key_is_replaced(key: str) -> None:
    once = json.dumps(key)[1:-1]
    for form in (
        key,
        quote(key, safe=""),
        quote(key, safe="").lower().replace("canary", "CANARY"),
        quote(quote(key, safe=""), safe=""),
        once,
        once.replace("/", "\\/"),
        json.dumps(once)[1:-1],
        in_html_safe_json(key),
        repr(key)[1:-1],
        repr(key.encode())[2:-1],
    ):
        assert Secret(key).redact(f"<{form}> {form}") == "<***> ***", form
        assert Secret(key).redact_bytes(f"<{form}>".encode()) == b"<***>", form


@given(KEYS)
def test_whatever_the_key_its_json_and_url_forms_are_replaced(key: str) -> None:
    secret = Secret(key)
    for form in (key, quote(key, safe=""), json.dumps(key)[1:-1], in_html_safe_json(key)):
        assert "***" in secret.redact(f"\n{form}\n")
        assert form not in secret.redact(f"\n{form}\n") or form in "***"


def test_bytes_without_the_key_stay_the_very_same() -> None:
    data = b'{"msg": "sk-CANARY is not it"}'
    assert Secret(KEY).redact_bytes(data) is data
