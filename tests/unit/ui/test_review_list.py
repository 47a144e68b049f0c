"""What is reviewed: the cursor and the marks follow their results, whichever are shown."""

from __future__ import annotations

import pytest

from taskdash.domain.task import Verdict
from taskdash.ui.review_list import Result, ReviewList, Showing

PICKED, REJECTED = Verdict.PICKED, Verdict.REJECTED


def results(*verdicts: Verdict | None) -> list[Result]:
    """Results of tasks with two each."""
    return [Result(at + 1, at // 2, at % 2 + 1, verdict) for at, verdict in enumerate(verdicts)]


def numbers(made: ReviewList) -> list[int]:
    return [each.number for each in made.shown]


@pytest.mark.parametrize(
    ("showing", "shown"),
    [
        (Showing.ALL, [1, 2, 3, 4]),
        (Showing.UNDECIDED, [1, 4]),
        (Showing.PICKED, [2]),
        (Showing.REJECTED, [3]),
    ],
)
def test_each_kind_shows_its_own(showing: Showing, shown: list[int]) -> None:
    made = ReviewList(results(None, PICKED, REJECTED, None))
    made.show(showing)
    assert numbers(made) == shown


def test_a_key_goes_through_the_kinds_and_the_cursor_stays_on_its_result() -> None:
    made = ReviewList(results(None, PICKED, REJECTED, None))
    made.move_to(3)
    seen = []
    for _ in range(4):
        made.show_next()
        seen.append((made.showing, made.at_cursor and made.at_cursor.number))
    assert seen == [(Showing.UNDECIDED, 4), (Showing.PICKED, 2), (Showing.REJECTED, 3), (Showing.ALL, 3)]


def test_what_is_decided_leaves_the_undecided_and_the_next_one_is_at_the_cursor() -> None:
    made = ReviewList(results(None, None, None))
    made.show(Showing.UNDECIDED)
    made.judge([(0, 1, PICKED)])
    assert (numbers(made), made.at_cursor and made.at_cursor.number) == ([2, 3], 2)
    made.judge([(0, 2, REJECTED), (1, 1, PICKED)])
    assert (numbers(made), made.at_cursor) == ([], None)
    assert made.counts == {PICKED: 2, REJECTED: 1}


def test_the_next_undecided_is_found_round_the_end_or_there_is_none() -> None:
    made = ReviewList(results(None, PICKED, None, PICKED))
    found = []
    for steps in (1, 1, -1, -1):
        assert made.go_to_undecided(steps)
        found.append(made.cursor)
    assert found == [2, 0, 2, 0]
    made.judge([(0, 1, PICKED), (1, 1, PICKED)])
    assert not made.go_to_undecided(1)
    assert not ReviewList([]).go_to_undecided(-1)


def test_marks_come_before_the_cursor_and_go_with_what_is_gone() -> None:
    made = ReviewList(results(None, None, None, None))
    assert [each.number for each in made.chosen] == [1]
    made.marked = {(1, 2), (0, 2)}
    assert [each.number for each in made.chosen] == [2, 4]
    made.follow(results(None, None))
    assert [each.number for each in made.chosen] == [2]
    made.follow([])
    assert (made.chosen, made.at_cursor) == ([], None)


def test_the_cursor_stays_on_its_result_where_others_come_before_it() -> None:
    made = ReviewList(results(None, None)[1:])
    made.follow(results(None, None))
    assert made.at_cursor == Result(2, 0, 2)
    made.follow([Result(1, 9, 1), Result(2, 9, 2)])
    assert made.at_cursor == Result(2, 9, 2), "it is gone: the cursor keeps its place"
