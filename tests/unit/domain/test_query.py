"""The filter language: what each word means, and what is said of a word that means nothing."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.errors import UsageError
from taskdash.domain.query import (
    Exact,
    ExactTerm,
    ExpiryTerm,
    FilterError,
    Flag,
    FlagTerm,
    Sort,
    SortKey,
    SpanTerm,
    Term,
    TextTerm,
    completions,
    parse_filter,
    parse_sort,
    parse_states,
)
from taskdash.domain.task import State

UNFINISHED = frozenset({State.NEW, State.WAITING})


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("  ", []),
        ("Fox", [TextTerm("fox")]),
        ("red  car", [TextTerm("red"), TextTerm("car")]),
        ('"red car"', [TextTerm("red car")]),
        ("!draft", [TextTerm("draft", negated=True)]),
        ('!"red car"', [TextTerm("red car", negated=True)]),
        ("16:9", [TextTerm("16:9")]),
        ("https://x.test/a", [TextTerm("https://x.test/a")]),
        ('"state:fail"', [TextTerm("state:fail")]),
        ("STRASSE straße", [TextTerm("strasse"), TextTerm("strasse")]),
        ("cafe\u0301", [TextTerm("caf\u00e9")]),
        ("model:GPT", [TextTerm("gpt", "model")]),
        ('label:"night run"', [TextTerm("night run", "label")]),
        ("!id:5064", [TextTerm("5064", "id", negated=True)]),
        (
            "failure:policy note:a prompt:b",
            [TextTerm("policy", "failure"), TextTerm("a", "note"), TextTerm("b", "prompt")],
        ),
        ("state:fail", [ExactTerm(Exact.STATE, frozenset({"fail"}))]),
        ("STATE:Unfinished", [ExactTerm(Exact.STATE, UNFINISHED)]),
        ("!state:new", [ExactTerm(Exact.STATE, frozenset({"new"}), negated=True)]),
        ("problem:any", [ExactTerm(Exact.PROBLEM)]),
        ("problem:not-found", [ExactTerm(Exact.PROBLEM, frozenset({"not found"}))]),
        ('problem:"rate limited"', [ExactTerm(Exact.PROBLEM, frozenset({"rate limited"}))]),
        ("cost:>30s", [SpanTerm("cost", ">", 30_000)]),
        ("cost:<=1.5m", [SpanTerm("cost", "<=", 90_000)]),
        ("Duration:>30s", [SpanTerm("cost", ">", 30_000)]),
        ("age:<2h", [SpanTerm("age", "<", 7_200_000)]),
        ("!age:>=3d", [SpanTerm("age", ">=", 259_200_000, negated=True)]),
        ("cost:500ms", [SpanTerm("cost", "=", 500)]),
        # As the list shows them.
        ("duration:>1m52s age:<3D4h", [SpanTerm("cost", ">", 112_000), SpanTerm("age", "<", 273_600_000)]),
        ("cost:2h5s", [SpanTerm("cost", "=", 7_205_000)]),
        ("saved:no", [FlagTerm(Flag.SAVED, is_set=False)]),
        ("!SAVED:Yes", [FlagTerm(Flag.SAVED, is_set=True, negated=True)]),
        (
            "picked:yes rejected:no",
            [FlagTerm(Flag.PICKED, is_set=True), FlagTerm(Flag.REJECTED, is_set=False)],
        ),
        ("undecided:yes", [FlagTerm(Flag.UNDECIDED, is_set=True)]),
        (
            "overdue:yes charged:no",
            [FlagTerm(Flag.OVERDUE, is_set=True), FlagTerm(Flag.CHARGED, is_set=False)],
        ),
        # A whole label, as it is written; without the sign it is text.
        ("label:=Mugs !LABEL:=x", [ExactTerm.label("Mugs"), ExactTerm.label("x")._replace(negated=True)]),
        ('label:="night run" fox', [ExactTerm.label("night run"), TextTerm("fox")]),
        ('label:="" label:=', [ExactTerm.label(None), ExactTerm.label(None)]),
        ('label:"=x" note:=x', [TextTerm("=x", "label"), TextTerm("=x", "note")]),
        ("expires:<2h", [ExpiryTerm((("p", 9),), "<", 7_200_000)]),
        ("expires:2h", [ExpiryTerm((("p", 9),), "<", 7_200_000)]),
        ("!expires:>=30m", [ExpiryTerm((("p", 9),), ">=", 1_800_000, negated=True)]),
        ("expires:Past", [ExpiryTerm((("p", 9),), None)]),
    ],
)
def test_what_a_filter_means(text: str, terms: list[Term]) -> None:
    assert list(parse_filter(text, {"p": 9})) == terms


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("!", ["excludes nothing"]),
        ("fox !", ["excludes nothing"]),
        ('"open', ['unclosed quote: write "open"']),
        ('label:"open', ['unclosed quote: write label:"open"']),
        ('label:="open', ['unclosed quote: write label:="open"']),
        ('""', ["matches nothing"]),
        ("stat:fail", ["unknown field stat:", "did you mean state?"]),
        ("colour:red", ["unknown field colour:", '"colour:red"']),
        ("state:", ["needs a value", "state:fail"]),
        ("state:done", ["unknown state", "success"]),
        ("problem:lost", ["unknown problem", "not-found"]),
        ("cost:30", ["not a duration", "cost:>30s"]),
        ("duration:soon", ["duration:soon is not a duration", "duration:>30s"]),
        ("cost:>2m1h", ["not a duration"]),
        ("cost:>", ["not a duration"]),
        ("age:soon", ["not a duration", "age:<2h"]),
        ("age:<2y", ["not a duration"]),
        ("expires:soon", ["not a duration", "expires:<2h", "expires:past"]),
        ("expires:<2h", ["result_ttl"]),
        ("saved:maybe", ["saved:yes", "saved:no"]),
        ("picked:2", ["picked:yes", "picked:no"]),
        ("picked:", ["needs a value", "picked:yes"]),
    ],
)
def test_an_error_says_which_part_and_what_would_be_right(text: str, words: list[str]) -> None:
    with pytest.raises(FilterError) as error:
        parse_filter(text)
    assert [word for word in words if word not in str(error.value)] == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("fox cost:x red", "cost:x"),
        ("  !", "!"),
        ("a ! b", "!"),
        ("a  st: x", "st:"),
        ('!label:"x y', '!label:"x y'),
        ("a state: ", "state:"),
    ],
)
def test_an_error_knows_the_word_it_is_about(text: str, wrong: str) -> None:
    with pytest.raises(FilterError) as error:
        parse_filter(text)
    assert text[error.value.start : error.value.end] == wrong


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [
        ("", 0, []),
        ("fox ", 4, []),
        ("red", 0, []),
        ('"la', 0, []),
        ("fox !la", 5, ["label:"]),
        ("P", 0, ["prompt:", "problem:", "picked:"]),
        ("undecided:y", 0, ["undecided:yes"]),
        ("label:", 0, ["label:mugs", 'label:"night run"', 'label:"=1"']),
        ('label:"NI', 0, ['label:"night run"']),
        # Without quotes that would be the whole label 1.
        ('label:"=', 0, ['label:"=1"']),
        ("Label:=", 0, ["label:=mugs", 'label:="night run"', 'label:="=1"']),
        ('fox !label:="ni', 5, ['label:="night run"']),
        ("label:==", 0, ['label:="=1"']),
        ("state:s", 0, ["state:success"]),
        ("problem:no", 0, ["problem:not-found", "problem:no-credits"]),
        ("reason:time", 0, ["reason:timeout"]),
        ("saved:", 0, ["saved:no", "saved:yes"]),
        ("16:9", 0, []),
    ],
)
def test_what_a_word_may_become(text: str, start: int, words: list[str]) -> None:
    values = {"label": ["mugs", "night run", 'a "quote"', "=1"], "model": ["gpt-image-2", "seedance"]}
    assert completions(text, values) == (start, words)


@given(st.text(max_size=40))
def test_what_is_completed_is_a_filter_or_the_beginning_of_one(text: str) -> None:
    start, words = completions(text, {"label": ["a b"], "model": ["c"]})
    for word in words:
        assert word.endswith(":") or parse_filter(word, {"p": 1}), text[start:]


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    with contextlib.suppress(FilterError):
        assert bool(parse_filter(text)) is bool(text.strip())


@given(
    st.text(
        alphabet=st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1, max_size=30
    )
)
def test_any_phrase_in_quotes_is_searched_as_it_stands(phrase: str) -> None:
    (term,) = parse_filter(f'"{phrase}"')
    assert isinstance(term, TextTerm)
    assert term.field is None


@pytest.mark.parametrize("key", list(SortKey))
def test_every_order_can_be_reversed(key: SortKey) -> None:
    assert parse_sort(key) == Sort(key)
    assert parse_sort(f"-{key}") == Sort(key, reverse=True)
    assert parse_sort(str(Sort(key, reverse=True))) == Sort(key, reverse=True)


def test_an_unknown_order_or_state_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"did you mean created\?"):
        parse_sort("create")
    with pytest.raises(UsageError, match="unknown order"):
        parse_sort("--added")
    with pytest.raises(UsageError, match=r"did you mean duration\?.* label, model, duration, created,"):
        parse_sort("durations")
    with pytest.raises(UsageError, match=r"did you mean success\?"):
        parse_states("sucess")
