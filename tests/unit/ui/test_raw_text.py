"""Tests a response as text to read: laid out it still says what was sent."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.ui.screens.inspect import coloured, highlighted, indented, matches

TEXTS = st.text('aZ0 狐é"\\\\/{}[],:')
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


def test_json_has_a_line_for_each_value_and_what_was_escaped_is_read_but_inert() -> None:
    sent = '{"code" :200,"data":{"list":[],"ok":true,"a":[2,"\\u72d0, {y}: \\"z\\"", "\\u202e\\u009b2J"]}}'
    text = indented(sent)
    assert text is not None
    assert text.startswith(
        '{\n  "code": 200,\n  "data": {\n    "list": [],\n    "ok": true,\n    "a": [\n      2,\n'
    )
    assert '"狐, {y}: \\"z\\""' in text
    assert "\x9b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("text", ["", "<html>", '{"a":1', "{'a':1}", '{"a":1} x', "[" * 100_000])
def test_what_is_no_json_is_left_alone(text: str) -> None:
    assert indented(text) is None


@given(JSON, st.sampled_from([None, 1]))
def test_what_is_laid_out_reads_as_what_was_sent(value: object, indent: int | None) -> None:
    text = indented(json.dumps(value, indent=indent))
    assert text is not None
    assert json.loads(text) == value
    assert coloured(text).plain == text


def test_keys_and_numbers_have_colours_of_their_own() -> None:
    text = '{"a": 12, "b": "c"}'
    styles = {text[span.start : span.end]: span.style for span in coloured(text).spans}
    assert styles['"a"'] == styles['"b"'] != styles["12"]
    assert '"c"' not in styles


def test_a_search_finds_a_word_whatever_its_case_and_marks_the_one_it_is_at() -> None:
    content = coloured('{"taskId": "TASK_1"}')
    found = matches(content.plain, "task")
    assert found == [(2, 6), (12, 16)]
    assert matches(content.plain, "") == []
    marks = [span for span in highlighted(content, found, 1).spans if span not in content.spans]
    assert [(span.start, span.style) for span in marks] == [(2, "bold underline"), (12, "reverse")]
