"""What is taken for a key, and that a key is found in a text however the text escapes it."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.secret import KnownKeys, Secret, without_key_forms
from taskdash.domain.task import Json, Problem, ProblemKind, SavedResult, State, Task, TaskDetail, Verdict
from taskdash.domain.task_json import FIELDS, export_json

KEY = "sk-CANARY/0123+45'67\"89\\ab=%"
OTHER = "sk-CANARY-0123456789"
KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=40).filter(
    lambda key: not {key[0], key[-1]} & set("\"'`")
)


def in_html_safe_json(text: str) -> str:
    """As servers write JSON that may be put into a page."""
    escaped = json.dumps(text)[1:-1]
    return "".join(f"\\u{ord(char):04X}" if char in "<>&'+=`" else char for char in escaped)


@pytest.mark.parametrize(
    "found",
    [
        OTHER, f" {OTHER}\t", f"{OTHER}\n", f"{OTHER}\r\n", f"\ufeff{OTHER}", f"\ufeff{OTHER}\r\n\r\n",
        f"\u200b{OTHER}\u2060", f'"{OTHER}"', f"'{OTHER}'\n", f'\ufeff" {OTHER} "', f"`{OTHER}`",
        f"\u201c{OTHER}\u201d", f"'\"{OTHER}\"'",
    ],
)  # fmt: skip
def test_what_stands_around_a_key_is_no_part_of_it(found: str) -> None:
    assert Secret(found).reveal() == OTHER


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ('""', "is empty"),
        ("\ufeff", "is empty"),
        (f"Bearer {OTHER}", 'begins with the word "Bearer"'),
        *((f"{OTHER}{mark}{OTHER}", "has white space") for mark in "\n "),
        (f'"{OTHER}', "has a quotation mark at one end only"),
        (f"{OTHER}'", "has a quotation mark at one end only"),
        *((f"{OTHER}{mark}{OTHER}", "not visible ASCII") for mark in "\ufeff\0\x1b\udcffé"),
        (f"{OTHER[:7]}", "is shorter than 8 characters"),
        ("new", "is shorter than 8 characters"),
        ('"1234567"', "is shorter than 8 characters"),
    ],
)
def test_what_cannot_be_a_key_is_refused_with_the_reason_and_not_repeated(found: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as caught:
        Secret(found)
    assert "CANARY" not in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text())
def test_any_text_is_a_key_that_can_be_sent_or_is_refused(text: str) -> None:
    key = fault = ""
    try:
        key = Secret(text).reveal()
    except ValueError as error:
        fault = str(error)
    assert key in text
    assert key.isascii()
    assert (key + fault).isprintable()
    assert " " not in key
    assert len(key) >= 8 or fault


@pytest.mark.parametrize("key", [KEY, "sk-0123456789abcdef"])
def test_every_way_to_write_the_key_is_replaced(key: str) -> None:
    once = json.dumps(key)[1:-1]
    keys = KnownKeys([Secret(key), Secret(OTHER)])
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
        assert keys.redact(f"<{form}> {form}") == "<***> ***", form
        assert keys.redact_bytes(f"<{form}>".encode()) == b"<***>", form
        assert keys.redact_line(f"<{form}> {form}") == "<***> ***", form


@given(KEYS)
def test_whatever_the_key_its_json_and_url_forms_are_replaced(key: str) -> None:
    keys = KnownKeys([Secret(key)])
    for form in (key, quote(key, safe=""), json.dumps(key)[1:-1], in_html_safe_json(key)):
        assert "***" in keys.redact(f"\n{form}\n")
        assert form not in keys.redact(f"\n{form}\n") or form in "***"


def test_bytes_without_the_key_stay_the_very_same() -> None:
    data = b'{"msg": "sk-CANARY is not it"}'
    assert KnownKeys([Secret(KEY)]).redact_bytes(data) is data
    assert KnownKeys().redact_bytes(data) is data


def test_a_key_is_hidden_from_when_it_is_known_and_the_longer_one_of_two() -> None:
    keys = KnownKeys()
    assert keys.redact(OTHER) == OTHER
    keys.add(Secret(OTHER))
    keys.add(Secret(f"{OTHER}-more"))
    assert keys.redact(f"{OTHER} {OTHER}-more") == "*** ***"
    assert len(keys) == 2


PATHS = [
    "/home/me/sk-project-2024/tasks.db", "/home/me/sk-live-0123456789abcdef", "~/sk-0123456789/tasks.db",
    "sk-0123456789/tasks.db", "./sk-0123456789/tasks.db", "sk-backup-2024.json",
    "C:\\Users\\me\\sk-0123456789\\x", "sk-2024", "task-sk-0123456789", "risk-0123456789",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_the_name_of_a_file_is_shown_as_it_is(path: str) -> None:
    for line in (f"taskdash: {path}: is locked", f"list: {path}", f'no file "{path}"', path):
        assert without_key_forms(line) == line
        assert KnownKeys([Secret(KEY)]).redact_line(line) == line


@pytest.mark.parametrize("key", ["password", "project-2024", "taskdash", "me/pictu"])
def test_a_key_that_is_part_of_a_path_leaves_the_path_alone(key: str) -> None:
    keys = KnownKeys([Secret(key)])
    for path in (f"/home/{key}/tasks.db", f"~/{key}", f"./{key}/x", "/home/taskdash/me/pictures"):
        assert keys.redact_line(f"{path} is locked") == f"{path} is locked"
    assert keys.redact_line(f"the key is {key}.") == "the key is ***."
    assert keys.redact_line(f"https://gateway.example/{key}/x") == "https://gateway.example/***/x"
    assert keys.redact_line(f"//gateway.example/{key}") == "//gateway.example/***"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"no such command '{OTHER}'", "no such command '***'"),
        (f"no task {OTHER}.", "no task ***."),
        (f"({OTHER})", "(***)"),
        (f"api_key={OTHER}, and more", "api_key=***, and more"),
        (f"key {OTHER.upper()}: refused", "key ***: refused"),
        ("sk_live_0123456789", "***"),
    ],
)
def test_what_has_the_form_of_a_key_is_hidden_whoever_s_it_is(line: str, shown: str) -> None:
    assert without_key_forms(line) == shown


JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([OTHER, f"a {OTHER} b"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just(OTHER), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES_OF_OURS = [name for name in (*FIELDS, "creditsConsumed", "progress") if len(name) >= 8]


@given(
    JSON, st.text(), st.sampled_from([OTHER, *NAMES_OF_OURS]), st.sampled_from(["", f"/home/{OTHER}/1.png"])
)
def test_a_task_has_no_key_in_it_and_keeps_every_field_and_path(
    value: Json, words: str, key: str, saved: str
) -> None:
    detail = TaskDetail(
        task=Task(
            seq=1,
            profile="aigptimage",
            task_id="task_1",
            added_at_ms=1,
            state=State.FAIL,
            raw_state=f"{words}{key}",
            model=key,
            prompt=f"{words} {key}",
            label=key,
            note=f"{key}{words}",
            fail_code=key,
            fail_msg=f"{key} {key}",
            problem=Problem(ProblemKind.REJECTED, f"no {key}", 1),
        ),
        param={"input": value},
        result_urls=(f"https://cdn.example/?key={key}",),
        extra={"more": value},
        saved=(SavedResult(1, saved),),
        verdicts={1: Verdict.PICKED},
        raw=json.dumps({"data": value, "msg": key}).encode(),
    )
    before = export_json(detail)
    after = export_json(KnownKeys([Secret(key)]).redact_values(detail))
    assert list(after) == list(before)
    for name in ("taskId", "profile", "state", "saved", "savedFiles", "addedAt", "verdicts"):
        assert after[name] == before[name]
    values = json.dumps([value for name, value in after.items() if name not in ("saved", "savedFiles")])
    problem = after["problem"]
    assert isinstance(problem, dict)
    assert problem["message"] == "no ***"
    assert key not in values
    assert "?key=***" in values
