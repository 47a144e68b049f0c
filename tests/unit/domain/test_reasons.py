"""Failures grouped by reason, and the filter that each reason gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.failures import FailedTasks, FailureClass, Reason, reasons
from taskdash.domain.query import ReasonTerm, StateTerm, TextTerm, fold
from taskdash.domain.query_language import parse_filter


def failed(message: str | None, code: str | None = None, tasks: int = 1, at_ms: int = 0) -> FailedTasks:
    return FailedTasks(code, message, "fail", tasks, tasks, at_ms)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Request 3f2a9c81-aaaa not done", "Request 77bb02cd-bbbb not done"),
        ("cannot load https://a.example/x.png", "cannot load https://b.example/other?y=1"),
        ("upstream at 10.0.0.12:8080 is busy", "upstream at 10.0.0.99:8081 is busy"),
        ("took 63.25 s", "took 9,1 s"),
        ("at 2026-11-22T10:00:00Z it broke", "at 2025-01-01T00:00:01Z it broke"),
        ("broke\n\n (id 123456)", "broke\n\n (id 9876543)"),
    ],
)
def test_what_differs_from_task_to_task_does_not_part_them(one: str, other: str) -> None:
    (reason,) = reasons([failed(one, tasks=2), failed(other, tasks=3)])
    assert reason.count == 5
    assert "…" in (reason.message or "")


@pytest.mark.parametrize(
    ("one", "other"),
    [("error 400", "error 500"), ("timed out", "timed out twice"), ("top_secret_word", "top_secret_words")],
)
def test_what_means_something_parts_them(one: str, other: str) -> None:
    assert len(reasons([failed(one), failed(other)])) == 2


def test_the_class_with_the_most_tasks_stands_first_and_in_it_the_commonest_reason() -> None:
    found = reasons(
        [
            failed("timed out", tasks=5),
            failed("flagged as unsafe", tasks=2),
            failed("content policy", tasks=4),
            failed(None, tasks=1),
        ]
    )
    assert [(each.failure_class, each.count) for each in found] == [
        (FailureClass.CONTENT_POLICY, 4),
        (FailureClass.CONTENT_POLICY, 2),
        (FailureClass.TIMEOUT, 5),
        (FailureClass.OTHER, 1),
    ]


def test_the_newest_of_all_that_are_grouped_is_the_example() -> None:
    (reason,) = reasons([failed("job 12345678 lost", tasks=1, at_ms=5), failed("job 87654321 lost", tasks=2)])
    assert (reason.newest_seq, reason.newest_at_ms) == (1, 5)


def test_failures_without_a_word_have_a_filter_too() -> None:
    (reason,) = reasons([failed(None), failed("  ")])
    assert parse_filter(reason.filter_text)[1:] == (ReasonTerm(None),)


def matches(reason: Reason, failure: FailedTasks) -> bool:
    said = fold(f"{failure.fail_code or ''} {failure.fail_msg or ''}")
    for term in parse_filter(reason.filter_text):
        assert isinstance(term, (TextTerm, StateTerm, ReasonTerm))
        if isinstance(term, TextTerm) and term.text not in said:
            return False
    return True


WORDS = st.sampled_from(
    [
        "timed out",
        "Flagged",
        "400",
        "12345",
        "a1b2c3d4e5",
        'say "no"',
        "https://x.example/1",
        "é",
        "…",
        "\n",
        "  ",
    ]
)


@given(
    st.lists(WORDS, max_size=8).map(" ".join) | st.text(max_size=60),
    st.none() | st.sampled_from(["400", "E"]),
)
def test_every_failure_is_found_by_the_filter_of_its_reason(message: str, code: str | None) -> None:
    failure = failed(message, code)
    (reason,) = reasons([failure])
    assert matches(reason, failure)
