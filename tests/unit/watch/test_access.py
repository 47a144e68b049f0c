"""What processes tell each other of their keys: whether they are the same, and nothing of what they are."""

from __future__ import annotations

import pytest

from taskdash.domain.secret import Secret
from taskdash.watch.peers import Access

URL = "https://gateway.test"


def test_the_same_key_and_gateway_are_known_to_be_the_same_and_others_to_differ() -> None:
    told = Access(URL, Secret("sk-first-0123456789")).told()
    assert Access(URL, Secret("sk-first-0123456789")).differs_from(told) == ""
    assert Access(URL, Secret("sk-other-0123456789")).differs_from(told) == "API key"
    assert Access(f"{URL}/v2", Secret("sk-first-0123456789")).differs_from(told) == "base URL"
    assert Access(URL, None).differs_from(told) == ""


def test_what_is_told_differs_each_time_and_has_too_few_bits_to_find_a_key_by() -> None:
    key = Secret("sk-first-0123456789")
    first, second = Access(URL, key).told(), Access(URL, key).told()
    assert first["key_mark"] != second["key_mark"]
    assert len(bytes.fromhex(first["key_mark"])) <= 4
    assert key.reveal() not in str(first)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"salt": "zz", "key_mark": "00"},
        {"salt": "00" * 99, "key_mark": "00"},
        {"salt": 5, "base_url": None},
    ],
)
def test_what_an_older_or_a_broken_one_told_says_nothing(told: dict[str, object]) -> None:
    assert Access(URL, Secret("sk-first-0123456789")).differs_from(told) == ""
