"""The fields of a record: every form that is met, and what becomes of forms that make no sense."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.api.wire import parse_answer
from taskdash.domain.record import Record
from taskdash.domain.task import Json, State
from taskdash.domain.untrusted import inert_line
from taskdash.results.links import safe_url

CREATE = 1777459967759
COMPLETE = 1777460000000
FIELDS: dict[str, Json] = {
    "taskId": "task_1",
    "model": "m",
    "state": "success",
    "param": '{"model":"m","input":{"prompt":"A cat"}}',
    "resultJson": '{"resultUrls":["https://cdn.example/1.png"]}',
    "failCode": None,
    "failMsg": None,
    "costTime": 32241,
    "completeTime": COMPLETE,
    "createTime": CREATE,
}
Changes = Any


def record_with(**changes: Changes) -> Record:
    fields = {**FIELDS, **changes}
    body = json.dumps({"code": 200, "data": {k: v for k, v in fields.items() if v != "MISSING"}}).encode()
    answer = parse_answer(200, {}, body, "task_1")
    assert answer.record is not None, answer
    return answer.record


WORDS = {
    "the API's page": "waiting | success | fail",
    "kie.ai": "wait queuing queueing generating | success | fail failed",
    "OpenAI": (
        "queued in_progress validating finalizing cancelling incomplete"
        " | completed | failed cancelled canceled expired"
    ),
    "Replicate": "starting processing | succeeded | failed canceled aborted",
    "fal": "IN_QUEUE IN_PROGRESS | COMPLETED | ERROR",
    "Kling": "submitted processing | succeed | failed",
    "ModelScope": "PENDING PROCESSING | SUCCEED | FAILED",
    "DashScope": "PENDING RUNNING SUSPENDED UNKNOWN | SUCCEEDED | FAILED CANCELED",
    "Midjourney proxies": "NOT_START SUBMITTED MODAL IN_PROGRESS | SUCCESS | FAILURE CANCEL",
    "others": (
        "pending running new paused retrying canceling throttled"
        " | complete done finished"
        " | errored timeout time_out timed-out 'timed out' rejected"
    ),
    "nobody": (
        "successful unsuccess unfinished 'not done' 'almost done' doneish failing failover error-free 'no error'"
        " 'retry after timeout' TEXT_SUCCESS FIRST_SUCCESS success_pending 0 1 200 true null ok | | "
    ),
}
"""The words of a task's state in the field's use: unfinished | success | fail."""


def _states(words: str) -> Iterator[tuple[str, State]]:
    for state, part in zip((State.WAITING, State.SUCCESS, State.FAIL), words.split("|"), strict=True):
        yield from ((word, state) for word in shlex.split(part))


@pytest.mark.parametrize(
    ("word", "state"), sorted({each for words in WORDS.values() for each in _states(words)})
)
def test_every_state_word_in_any_case_has_its_state(word: str, state: State) -> None:
    for written in (word, word.upper(), word.title(), f" {word}\n"):
        record = record_with(state=written)
        assert (record.state, record.raw_state) == (state, written.strip())


def test_an_unknown_state_is_shown_literally_but_inert_and_short() -> None:
    assert record_with(state="half\x1b[2J-done").raw_state == "half\ufffd[2J-done"
    assert len(record_with(state="x" * 1000).raw_state) == 64
    assert record_with(state=7).raw_state == "7"


@pytest.mark.parametrize("state", [None, "", "MISSING", [], {}, True])
def test_a_record_without_a_state_is_unfinished_and_keeps_its_other_fields(state: object) -> None:
    record = record_with(state=state)
    assert (record.state, record.raw_state, record.model) == (State.WAITING, "unknown", "m")


def test_status_stands_for_state() -> None:
    assert record_with(state="MISSING", status="Failed").state is State.FAIL
    assert record_with(state="waiting", status="failed").state is State.WAITING


@pytest.mark.parametrize(
    ("changes", "cost_ms"),
    [
        ({}, 32241),
        ({"costTime": 32241.0}, 32241),
        ({"costTime": "32241"}, 32241),
        ({"costTime": " 32241.4 "}, 32241),
        # null or missing: complete - create, in any state, where both are known.
        ({"costTime": None}, 32241),
        ({"costTime": "MISSING"}, 32241),
        ({"costTime": ""}, 32241),
        ({"costTime": None, "state": "fail"}, 32241),
        ({"costTime": None, "state": "waiting"}, 32241),
        ({"costTime": None, "completeTime": None}, None),
        ({"costTime": None, "createTime": None}, None),
        ({"costTime": None, "completeTime": CREATE - 1}, None),
        # Seconds, where both times are known and fit.
        ({"costTime": 32}, 32000),
        ({"costTime": "32"}, 32000),
        ({"costTime": 12.5}, 12500),
        ({"costTime": 8, "completeTime": CREATE + 10_000}, 8000),
        ({"costTime": 11, "completeTime": CREATE + 10_000}, 11_000),
        ({"costTime": 12, "completeTime": CREATE + 10_000}, 12),
        ({"costTime": 999}, 999),
        ({"costTime": 35}, 35_000),
        ({"costTime": 36}, 36),
        ({"costTime": 32, "completeTime": None}, 32),
        ({"costTime": 1000, "completeTime": CREATE + 10_000_000}, 1000),
        # 0 on a failure is none, and is not made up from the times.
        ({"costTime": 0, "state": "fail"}, None),
        ({"costTime": "0", "state": "failed"}, None),
        ({"costTime": 0.0, "state": "canceled"}, None),
        ({"costTime": 0, "state": "waiting"}, None),
        ({"costTime": 0}, 0),
    ],
)
def test_the_cost_time_is_in_milliseconds_whatever_it_came_in(changes: Changes, cost_ms: int | None) -> None:
    assert record_with(**changes).cost_time_ms == cost_ms


@pytest.mark.parametrize("value", [-1, "-5", True, [], {}, "fast", "32 s", 1e20, 2**70, "NaN"])
def test_a_cost_time_that_makes_no_sense_is_left_in_extra(value: Json) -> None:
    record = record_with(costTime=value, completeTime=None)
    assert record.cost_time_ms is None
    assert record.extra == {"costTime": value}


@pytest.mark.parametrize(
    "value", [0, -1, 1, 1e20, 2**63, 2**64, 10**15, "soon", "2026-01-01", True, [], {}, "0"]
)
def test_a_timestamp_that_makes_no_sense_is_told_from_a_missing_one(value: Json) -> None:
    odd = record_with(createTime=value, completeTime=value)
    assert (odd.create_time_ms, odd.complete_time_ms) == (None, None)
    assert odd.extra == {"createTime": value, "completeTime": value}
    for blank in (None, "", "MISSING"):
        missing = record_with(createTime=blank, completeTime=blank)
        assert (missing.create_time_ms, missing.complete_time_ms, missing.extra) == (None, None, {})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("400", "400"), (400, "400"), (400.0, "400"), ("", None), (None, None), ("  ", None), (0, "0"),
        ("CONTENT\nBLOCKED", "CONTENT BLOCKED"), ([], None), ({}, None), (True, None),
    ],
)  # fmt: skip
def test_a_fail_code_of_any_type_is_text_or_nothing(value: Json, expected: str | None) -> None:
    assert record_with(state="fail", failCode=value).fail_code == expected


def test_a_fail_message_keeps_its_lines() -> None:
    assert record_with(failMsg="one\r\ntwo\x1b[31m").fail_msg == "one\ntwo\ufffd[31m"
    assert record_with(failMsg="").fail_msg is None


@pytest.mark.parametrize(
    ("param", "prompt"),
    [
        ('{"input":{"prompt":"A"}}', "A"),
        ({"input": {"prompt": "A"}}, "A"),
        ({"input": '{"prompt":"A"}'}, "A"),
        ('{"input":"{\\"prompt\\":\\"A\\"}"}', "A"),
        (json.dumps(json.dumps({"input": json.dumps(json.dumps({"prompt": "A"}))})), "A"),
        ({"prompt": "A"}, "A"),
        ({"prompt": "B", "input": {"prompt": "A"}}, "A"),
        ({"input": {"prompt": ""}, "prompt": "B"}, "B"),
        ({"input": "A"}, "A"),
        ({"input": {"prompt": ["A", "B"]}}, "A\nB"),
        ({"input": {"text": "A"}}, "A"),
        ([{"input": {"prompt": "A"}}], "A"),
        ({"input": [{"prompt": "A"}]}, "A"),
        ({"input": {"prompt": 5}}, None),
        ({"input": {}}, None),
        ({"input": None}, None),
        ("not JSON", None),
        ("{broken", None),
        ([], None),
        (5, None),
        (None, None),
        ("MISSING", None),
    ],
)
def test_the_prompt_is_found_wherever_the_request_has_it(param: Json, prompt: str | None) -> None:
    assert record_with(param=param).prompt == prompt


def test_the_request_is_decoded_or_stays_the_text_it_is_under_older_names_too() -> None:
    doubly = json.dumps({"model": "x", "input": json.dumps({"prompt": "A", "n": 1})})
    assert record_with(param=doubly).param == {"model": "x", "input": {"prompt": "A", "n": 1}}
    assert record_with(param="not\x1bJSON").param == "not\ufffdJSON"
    assert record_with(param="").param is None
    for key in ("paramJson", "generateParam"):
        assert record_with(param="MISSING", **{key: '{"input":{"prompt":"A"}}'}).prompt == "A"


def test_the_model_is_taken_from_the_request_where_the_record_has_none() -> None:
    assert record_with(model=None).model == "m"
    assert record_with(model="other").model == "other"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(60, "60"), (60.0, "60"), (0, "0"), (0.5, "0.5"), ("60%", "60%"), ("", None), (True, None)],
)
def test_progress_and_credits_are_texts_and_zero_is_known(value: Json, expected: str | None) -> None:
    record = record_with(progress=value, creditsConsumed=value)
    assert (record.progress, record.credits_consumed) == (expected, expected)


def test_fields_without_a_place_are_kept_inert() -> None:
    record = record_with(updateTime=5, expireFlag=False, odd={"a\x1b": ["\u202eb", 1.5, None]})
    assert record.extra == {"updateTime": 5, "expireFlag": False, "odd": {"a\ufffd": ["b", 1.5, None]}}
    assert len(record_with(**{f"f{i}": i for i in range(5000)}).extra) == 256


WRONG: list[Json] = [
    None, True, False, 0, -1, 2**70, 1e300, "", "text \x1b\u202e", "[", "9" * 400, [], [[]], {},
    {"a": {"b": "\x9b"}},
]  # fmt: skip
READ_FROM: dict[str, set[str]] = {
    "taskId": {"task_id"},
    "model": {"model"},
    "state": {"state", "raw_state"},
    "param": {"param", "prompt"},
    "resultJson": {"result_urls"},
    "failCode": {"fail_code"},
    "failMsg": {"fail_msg"},
    "costTime": {"cost_time_ms"},
    "completeTime": {"complete_time_ms"},
    "createTime": {"create_time_ms"},
}


# Any other text for a taskId is another task's.
SWAPS = [
    (name, value)
    for name in FIELDS
    for value in [*WRONG, "MISSING"]
    if name != "taskId" or not isinstance(value, str) or value in ("", "MISSING")
]


@pytest.mark.parametrize(("name", "value"), SWAPS, ids=lambda value: repr(value)[:20])
def test_a_wrong_value_in_one_field_costs_no_other(name: str, value: Json) -> None:
    usual, changed = record_with(), record_with(**{name: value})
    for field in {each for fields in READ_FROM.values() for each in fields} - READ_FROM[name]:
        assert getattr(changed, field) == getattr(usual, field), field


URL = "https://cdn.example/"


def urls(**changes: Changes) -> list[str]:
    found = record_with(**{"resultJson": "MISSING", **changes}).result_urls
    return [url.removeprefix(URL) for url in found]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"resultUrls": [f"{URL}1", f"{URL}2"]}, ["1", "2"]),
        ({"resultUrls": [{"resultUrl": f"{URL}1"}, {"resultUrl": f"{URL}2"}]}, ["1", "2"]),
        (
            {"resultUrls": [{"thumb": f"{URL}t", "resultUrl": f"{URL}1"}, {"resultUrl": f"{URL}2"}]},
            ["1", "2", "t"],
        ),
        ({"resultUrls": f"{URL}1"}, ["1"]),
        ({"resultUrls": json.dumps([f"{URL}1", f"{URL}2"])}, ["1", "2"]),
        ({"resultUrls": f"{URL}1,{URL}2 {URL}3"}, ["1", "2", "3"]),
        ([f"{URL}1", {"url": f"{URL}2"}], ["1", "2"]),
        (f"{URL}1", ["1"]),
        (
            {"resultObject": {"imageUrl": f"{URL}2"}, "resultUrl": f"{URL}3", "resultUrls": [f"{URL}1"]},
            ["1", "2", "3"],
        ),
        ({"resultObject": json.dumps({"resultUrls": [f"{URL}1"]})}, ["1"]),
        ({"output": [{"url": f"{URL}1"}, f"{URL}2"]}, ["1", "2"]),
        ({"outputs": {"images": [{"url": f"{URL}1"}]}}, ["1"]),
        (
            {"sunoData": [{"imageUrl": f"{URL}c", "audioUrl": f"{URL}1"}, {"audio_url": f"{URL}2"}]},
            ["1", "2", "c"],
        ),
        ({"z": {"deep": [[f"{URL}2"]]}, "a": f"{URL}3", "fileUrl": f"{URL}1"}, ["1", "2", "3"]),
        ({"resultUrls": [f"{URL}1", f"{URL}1"], "resultUrl": f"{URL}1"}, ["1"]),
        ({"param": {"image": f"{URL}in"}, "input": f"{URL}in", "resultUrl": f"{URL}1"}, ["1"]),
        ({"resultUrls": []}, []),
        ({"resultUrls": None}, []),
        ({"resultUrls": [None, 5, True, "", "text"]}, []),
        ({}, []),
        (None, []),
        ("", []),
        ("{}", []),
        ("not JSON", []),
        (5, []),
    ],
)
def test_result_links_are_found_in_every_form_as_text_and_as_object(
    result: Json, expected: list[str]
) -> None:
    assert urls(resultJson=result) == expected
    if isinstance(result, dict | list):
        assert urls(resultJson=json.dumps(result)) == expected
        assert urls(resultJson=json.dumps(json.dumps(result))) == expected


RESULT = json.dumps({"originUrls": [f"{URL}2"], "resultUrls": [f"{URL}1"], "input": f"{URL}in"})


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{RESULT}\n```",
        f"data: {RESULT}\n\n",
        f"\ufeff{RESULT}",
        f"\x00\x00{RESULT}\x00",
        f"{RESULT};",
        f"{RESULT}}}",
        f"result = {RESULT} // done",
        f"[INFO] 3 of {{3}}: {RESULT}",
        f'"quoted" {RESULT}',
        f"{RESULT}\n{RESULT}",
        RESULT.replace('"', '\\"'),
        f"callback({RESULT.replace('/', chr(92) + '/')})",
        json.dumps(f"ok: {RESULT}"),
    ],
)
def test_junk_around_the_result_costs_no_link(text: str) -> None:
    assert urls(resultJson=text) == ["1", "2"]
    for place in ("result", "response", "resultInfoJson"):
        assert sorted(urls(**{place: text})) == ["1", "2"], place


@given(
    st.text().filter(lambda junk: not {"[", "{", '"', "\\"} & set(junk) and "http" not in junk.lower()),
    st.text().filter(lambda junk: "http" not in junk.lower()),
)
def test_any_junk_around_the_result_costs_no_link(before: str, after: str) -> None:
    assert urls(resultJson=f"{before}{RESULT}{after}") == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"resultUrls":["https://cdn.example/1","https://cdn.example/2', ["1"]),
        ('{"resultUrls":["https:\\/\\/cdn.example\\/1", "https:', ["1"]),
        ("{'resultUrls': ['https://cdn.example/1']}", ["1"]),
        ("see https://cdn.example/1 and https://cdn.example/2", ["1", "2"]),
        ("![a cat](https://cdn.example/1)", ["1"]),
        ('<img src="https://cdn.example/1">', ["1"]),
        ("https://cdn.example/1\nnot found: -", ["1"]),
        # Where an input may be among them, none is taken.
        ('{"input":"https://cdn.example/in","resultUrls":["https://cdn.example/1"', []),
        ("{'callBackUrl': 'https://cdn.example/back', 'url': 'https://cdn.example/1'}", []),
        ("no {json", []),
        ("https:// http:///x https://[", []),
        ("[" * 20_000, []),
        ('{"a":' * 20_000, []),
        ("[1," * 10_000 + "https", []),
    ],
)
def test_whole_links_in_a_text_that_is_no_json_are_found(text: str, expected: list[str]) -> None:
    assert urls(resultJson=text) == expected


def test_result_links_come_in_the_order_of_their_keys() -> None:
    keys = [
        "resultUrls", "resultWaterMarkUrls", "firstFrameUrl", "lastFrameUrl", "resultObject", "resultUrl",
        "resultImageUrl", "originImageUrl", "originUrls", "output", "outputs", "videoUrl", "audioUrl",
        "audio_url", "sunoData", "fileUrl", "downloadUrl",
    ]  # fmt: skip
    result: dict[str, Json] = {"another": f"{URL}another"}
    result |= {key: f"{URL}{key}" for key in reversed(keys)}
    assert urls(resultJson=json.dumps(result)) == [*keys, "another"]
    assert urls(**{key: value for key, value in result.items() if key != "another"}) == keys


def test_result_links_beside_the_result_json_count_too() -> None:
    assert urls(resultJson={"resultUrls": [f"{URL}1"]}, resultObject={"resultUrl": f"{URL}2"}) == ["1", "2"]
    assert urls(resultJson="", videoUrl=f"{URL}1", output=[{"url": f"{URL}2"}]) == ["2", "1"]
    assert urls(response={"resultUrls": [f"{URL}1"]}) == ["1"]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "file:///etc/passwd", "data:image/png;base64,xx", "ftp://a.example/1",
        "//a.example/1",
        "-x", "%action", "https://", "http:///path", "https://[", "https://a\x1b[2J.example/", "https://a\x00/",
        "https://\u202egnp.example/", "https://a\u200b.example", "https://a b.example/", "https:///a.example",
        "https://a.example/" + "x" * 9000, "https://a.example/" + "\u3000" * 3000 + "x",
        "https:/a.example", "HTTPS//a", "see https://a.example/1",
    ],
)  # fmt: skip
def test_only_whole_http_urls_with_a_host_are_links(url: str) -> None:
    assert urls(resultJson={"resultUrls": [url, f"{URL}1"]}) == ["1"]


@pytest.mark.parametrize(
    "url",
    [
        "HTTPS://A.example/1",
        "http://127.0.0.1:8080/1.png?a=1&b=%20#f",
        "https://例え.jp/画像.png",
        "https://...",
    ],
)
def test_any_http_url_with_a_host_is_a_link(url: str) -> None:
    assert urls(resultJson={"resultUrls": [f" {url} "]}) == [url]


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://a.example/a b.png", "https://a.example/a%20b.png"),
        ("https://a.example/a%20b c", "https://a.example/a%20b%20c"),
        ("https://a.example/?q=a b#c d", "https://a.example/?q=a%20b#c%20d"),
        ("https://a.example?q=a b", "https://a.example?q=a%20b"),
        ("https://a.example/\u202egnp.exe", "https://a.example/%E2%80%AEgnp.exe"),
        ("https://a.example/\u200b", "https://a.example/%E2%80%8B"),
        ("https://a.example/\x1b[2J", "https://a.example/%1B[2J"),
        ("https://a.example/\x00b\x00", "https://a.example/%00b"),
        ("https://a.example/\ud83d\udc68\u200d", "https://a.example/%F0%9F%91%A8%E2%80%8D"),
        ("https://a.example/\ud83d", "https://a.example/%EF%BF%BD"),
        ("https://a.example/a\tb\r\n", "https://a.example/ab"),
        ("https://例え.jp/画像 1.png", "https://例え.jp/%E7%94%BB%E5%83%8F%201.png"),
    ],
)
def test_a_link_is_taken_as_browsers_take_it_encoded_once(url: str, taken: str) -> None:
    assert urls(resultJson={"resultUrls": [url]}) == [taken]
    assert urls(resultJson={"resultUrls": [taken]}) == [taken]


@given(st.text(st.characters(exclude_characters="\r\n"), max_size=60))
def test_no_link_of_a_plain_host_vanishes_and_each_is_inert(rest: str) -> None:
    found = urls(resultJson={"resultUrls": [f"https://a.example/{rest}"]})
    assert found
    for url in found:
        assert inert_line(url) == url
        assert not any(map(str.isspace, url))
        assert safe_url(url) is not None


def test_twenty_thousand_links_are_counted_and_more_are_not() -> None:
    assert len(urls(resultJson={"resultUrls": [f"{URL}{i}" for i in range(20_100)]})) == 20_000


def test_a_result_without_links_stays_to_be_shown() -> None:
    assert record_with(resultJson='{"text":"a poem"}').extra == {"resultJson": '{"text":"a poem"}'}
    assert record_with(result={"text": "a poem"}).extra == {"result": {"text": "a poem"}}
    empty: tuple[Json, ...] = (None, "", "{}", {}, [])
    for value in empty:
        assert record_with(resultJson=value).extra == {}
