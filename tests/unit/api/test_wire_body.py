"""Bodies that are hard to read, or made to be: each is a problem with a message, within bounds."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Mapping

import pytest

from taskdash.api.values import MAX_BODY_BYTES, MAX_VALUES
from taskdash.api.wire import parse_answer
from taskdash.domain.record import Answer
from taskdash.domain.task import ProblemKind, State
from taskdash.domain.untrusted import inert_line

ID = "task_1"
RECORD = b'{"code":200,"data":{"taskId":"task_1","state":"success","model":"m"}}'


def parsed(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return parse_answer(status, headers or {}, body, ID)


HARD = [
    (b"", "empty"),
    (b"OK", "not JSON (line 1, column 1)"),
    (RECORD[:-5], "breaks off after"),
    (RECORD + b"x", "not JSON"),
    (RECORD.decode().encode("utf-16"), "not UTF-8"),
    (RECORD.decode().encode("utf-16-le"), "not JSON"),
    (b'{"a": "\xff"}', "not UTF-8"),
    (b"[" * 40_000, "nested too deeply"),
    (b"[" + b"[]," * 1_000_000 + b"1]", "more than 50,000 values"),
    (b"[" + b"1," * 1_000_000 + b"1]", "more than 50,000 values"),
    (gzip.compress(RECORD), "not UTF-8"),
    (b" " * (MAX_BODY_BYTES + 1), "larger than 4 MiB"),
    (
        b"<!DOCTYPE html><title>Login</title>",
        "not JSON (text/html): is the base URL right, or is a login page",
    ),
]


@pytest.mark.parametrize(("body", "why"), HARD, ids=[f"{i}-{why}" for i, (_, why) in enumerate(HARD)])
def test_a_body_that_cannot_be_read_says_why(body: bytes, why: str) -> None:
    answer = parsed(body)
    assert (answer.problem, answer.record, answer.raw) == (ProblemKind.UNREADABLE, None, b"")
    assert why in answer.message
    for status, kind in ((500, ProblemKind.SERVER_ERROR), (502, ProblemKind.SERVER_ERROR),
                         (401, ProblemKind.UNAUTHORIZED), (404, ProblemKind.NOT_FOUND),
                         (429, ProblemKind.RATE_LIMITED)):  # fmt: skip
        failed = parsed(body, status)
        assert failed.problem is kind
        assert f"HTTP {status}, the answer is" in failed.message
        assert why in failed.message


@pytest.mark.parametrize("label", ["text/html", "text/plain", "application/octet-stream", "\x1b"])
def test_a_wrong_label_on_json_is_forgiven(label: str) -> None:
    assert parsed(RECORD, headers={"content-type": label}).record is not None


def test_a_byte_order_mark_is_harmless_and_kept_in_the_raw_body() -> None:
    answer = parsed(b"\xef\xbb\xbf" + RECORD)
    assert answer.record is not None
    assert answer.raw == b"\xef\xbb\xbf" + RECORD


def test_numbers_that_python_cannot_hold_cost_only_their_field() -> None:
    digits = b"9" * 5000
    body = RECORD.replace(
        b'"model"',
        b'"costTime":%s,"a":NaN,"b":-Infinity,"c":1e999,"seed":18446744073709551615,"model"' % digits,
    )
    record = parsed(body).record
    assert record is not None
    assert (record.state, record.model, record.cost_time_ms) == (State.SUCCESS, "m", None)
    assert record.extra == {
        "costTime": "9" * 5000,
        "a": "NaN",
        "b": "-Infinity",
        "c": "1e999",
        "seed": 18446744073709551615,
    }


def test_lone_surrogates_become_replacement_characters_and_pairs_stay_emoji() -> None:
    body = RECORD.replace(b'"m"', rb'"a\ud800b\udc00\ud83c\udfa8"')
    record = parsed(body).record
    assert record is not None
    assert record.model == "a\ufffdb\ufffd🎨"


def test_control_characters_in_json_text_are_let_through_and_made_inert() -> None:
    record = parsed(RECORD.replace(b'"m"', b'"a\nb\x1bc"')).record
    assert record is not None
    assert record.model == "a b\ufffdc"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "\x1b[31m"])
@pytest.mark.parametrize("body", [RECORD, gzip.compress(RECORD)], ids=["plain", "compressed"])
def test_what_is_labelled_as_compressed_is_refused(encoding: str, body: bytes) -> None:
    answer = parsed(body, headers={"content-encoding": encoding})
    assert answer.problem is ProblemKind.UNREADABLE
    assert f"compressed ({inert_line(encoding)}), which was not asked for" in answer.message


def filled(unit: str) -> bytes:
    """The largest body that is read, its values and texts made of `unit`."""
    start, end = RECORD[:-3] + b'","failMsg":"', b'"}}'
    room = MAX_BODY_BYTES - len(start) - len(end)
    return start + (unit * (room // len(unit.encode()))).encode() + end


NESTED = '{\\"resultUrls\\":[' + ",".join(rf"\"https://a.example/{i}\"" for i in range(60_000)) + "]}"
LARGE = {
    "controls": filled("\\u001b"),
    "emoji": filled("🎨"),
    "marks": filled("\u0301"),
    "escaped quotes": filled('\\"'),
    "commas in a text": filled(","),
    "brackets in a text": filled("[/red]"),
    "quotes left open": b'"' * (MAX_BODY_BYTES // 2),
    "backslashes": b'"' + b"\\" * (MAX_BODY_BYTES // 2) + b"[" * 1_000_000,
    "empty lists": b"[" + b"[]," * (MAX_BODY_BYTES // 3 - 2) + b"1]",
    "many results": RECORD[:-2] + b',"resultJson":"' + NESTED.encode() + b'"}}',
    "separators without end": RECORD[:-2] + b',"output":"https://a' + b",;" * 2_000_000 + b'"}}',
    "spaces without end": RECORD[:-2] + b',"output":"https://a' + b" " * 4_000_000 + b'"}}',
    "JSON in JSON": RECORD[:-2] + b',"result":[' + b",".join([b'"' + b"[" * 2000 + b'"'] * 1500) + b"]}}",
}


@pytest.mark.parametrize("name", LARGE)
def test_the_largest_bodies_stay_within_memory(name: str) -> None:
    body = LARGE[name]
    assert len(body) <= MAX_BODY_BYTES
    tracemalloc.start()
    try:
        answer = parsed(body)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (answer.record is None) is (answer.problem is ProblemKind.UNREADABLE)
    assert answer.record is not None or " in a text" not in name
    assert peak_bytes < 60 * 2**20


def test_a_value_too_many_is_unreadable() -> None:
    assert parsed(b"[" + b"1," * MAX_VALUES + b"1]").problem is ProblemKind.UNREADABLE
