"""A response as text to read: laid out it still says, letter by letter, what was sent."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.ui.screens.inspect import coloured, highlighted, indented, matches

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_json_has_a_line_for_each_value() -> None:
    sent = '{"code" :200,"data":{"list":[],"costTime":1.50E3,"ok":true,"a":1,"a":[2,"x, {y}: \\"z\\""]}}'
    assert indented(sent) == (
        '{\n  "code": 200,\n  "data": {\n    "list": [],\n    "costTime": 1.50E3,\n    "ok": true,\n    "a": 1,\n'
        '    "a": [\n      2,\n      "x, {y}: \\"z\\""\n    ]\n  }\n}'
    )


@pytest.mark.parametrize("text", ["", "<html>", '{"a":1', "{'a':1}", '{"a":1} x', "[" * 100_000])
def test_what_is_no_json_is_left_alone(text: str) -> None:
    assert indented(text) is None


@given(JSON, st.sampled_from([None, 1]))
def test_what_is_laid_out_reads_as_what_was_sent(value: object, indent: int | None) -> None:
    sent = json.dumps(value, indent=indent)
    text = indented(sent)
    assert text is not None
    assert json.loads(text) == value
    assert re.sub(r"\s", "", text) == re.sub(r"\s", "", sent)
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
