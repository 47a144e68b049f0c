"""Keeps, counts, finds and takes back what somebody thinks of results, which goes with the task."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bodies import fail_body, success_body, waiting_body
from tests.store_lists import NOW, added, ids, replied

from taskdash.domain.task import Verdict
from taskdash.store.store import Store

PICKED, REJECTED = Verdict.PICKED, Verdict.REJECTED


def put(store: Store, task_id: str, results: int = 2) -> int:
    """Add a task that succeeded with so many results; return its `seq`."""
    added(store, task_id)
    return replied(
        store, success_body(task_id, [f"https://cdn.example.com/{n}.png" for n in range(results)])
    ).seq


def counts(store: Store, *seqs: int) -> list[tuple[int, int]]:
    return [(task.picked_count, task.rejected_count) for task in store.tasks.by_seq(seqs)]


def test_a_verdict_is_kept_counted_and_taken_back(store: Store) -> None:
    one, two = put(store, "task_one"), put(store, "task_two", 3)
    given_first = [(one, 1, PICKED), (two, 3, REJECTED), (two, 1, PICKED)]
    assert store.verdicts.give(given_first, NOW) == [(one, 1, None), (two, 3, None), (two, 1, None)]
    assert store.verdicts.of([one, two]) == {one: {1: PICKED}, two: {1: PICKED, 3: REJECTED}}
    before = store.verdicts.give([(one, 1, REJECTED), (two, 3, None), (two, 2, PICKED)], NOW)
    assert before == [(one, 1, PICKED), (two, 3, REJECTED), (two, 2, None)]
    assert counts(store, one, two) == [(0, 1), (2, 0)]
    store.verdicts.give(before, NOW)
    assert store.verdicts.of([one, two]) == {one: {1: PICKED}, two: {1: PICKED, 3: REJECTED}}
    assert counts(store, one, two) == [(1, 0), (1, 1)]


def test_no_verdict_is_kept_of_what_is_no_result(store: Store) -> None:
    one = put(store, "task_one")
    waiting = added(store, "task_waiting").seq
    assert store.verdicts.give([(n, m, PICKED) for n in (one, waiting, 77) for m in (0, 3)], NOW) == []
    assert store.value("SELECT count(*) FROM verdicts") == 0


def test_filters_by_verdicts(store: Store) -> None:
    half, whole, bad = put(store, "task_half"), put(store, "task_whole"), put(store, "task_bad")
    put(store, "task_new")
    put(store, "task_empty", 0)
    for name, body in (("task_failed", fail_body), ("task_waiting", waiting_body)):
        added(store, name)
        replied(store, body(name))
    store.verdicts.give([(half, 1, PICKED), (whole, 1, PICKED), (whole, 2, REJECTED)], NOW)
    store.verdicts.give([(bad, n, REJECTED) for n in (1, 2)], NOW)
    assert {*ids(store, "picked:yes")} == {"task_half", "task_whole"}
    assert {*ids(store, "picked:no")} == {"task_bad", "task_new"}
    assert {*ids(store, "rejected:yes")} == {"task_bad", "task_whole"}
    assert {*ids(store, "rejected:no")} == {"task_half", "task_new"}
    assert {*ids(store, "undecided:yes")} == {"task_half", "task_new"}
    assert {*ids(store, "undecided:no")} == {"task_bad", "task_whole"}
    assert {*ids(store, "!undecided:no !undecided:yes")} == {"task_empty", "task_failed", "task_waiting"}


def test_verdicts_outlive_a_check_and_a_removal_and_go_with_the_task(store: Store) -> None:
    one = put(store, "task_one")
    store.verdicts.give([(one, 1, PICKED), (one, 2, REJECTED)], NOW)
    replied(store, success_body("task_one", ["https://cdn.example.com/x.png?renewed"] * 2), now_ms=NOW + 9)
    assert counts(store, one) == [(1, 1)]
    removal = store.edits.remove([one], NOW)
    assert store.edits.restore(removal).back == 1
    assert counts(store, one) == [(1, 1)]
    store.edits.remove([one], NOW)
    store.edits.remove([], NOW + 25 * 3_600_000)
    assert store.value("SELECT count(*) FROM verdicts") == 0


def test_a_task_that_was_added_anew_is_given_the_verdicts_of_the_removed_one(store: Store) -> None:
    one = put(store, "task_one")
    store.verdicts.give([(one, 2, PICKED)], NOW)
    removal = store.edits.remove([one], NOW)
    new = added(store, "task_one").seq
    store.edits.restore(removal)
    assert store.verdicts.of([new]) == {new: {2: PICKED}}
    assert counts(store, new) == [(1, 0)]


def test_a_verdict_that_a_foreign_hand_wrote_is_none(store: Store) -> None:
    one = put(store, "task_one")
    with store.writing() as connection:
        connection.execute("INSERT INTO verdicts VALUES (?, 1, 'loved', 1)", (one,))
    assert store.verdicts.of([one]) == {}
    assert counts(store, one) == [(0, 0)]


GIVEN = st.lists(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from([PICKED, REJECTED, None]))),
    max_size=4,
)


@given(GIVEN)
@settings(max_examples=12)
def test_undoing_in_reverse_leads_back(steps: list[list[tuple[int, int, Verdict | None]]]) -> None:
    with TemporaryDirectory() as folder, Store(Path(folder, "tasks.db")) as store:
        seqs = [put(store, f"task_{n}", 3) for n in range(3)]
        undo = []
        for step in steps:
            given_now = [(seqs[n], m, verdict) for n, m, verdict in dict.fromkeys(step)]
            undo.append((store.verdicts.of(seqs), store.verdicts.give(given_now, NOW)))
        for stood, before in reversed(undo):
            store.verdicts.give(before, NOW)
            assert store.verdicts.of(seqs) == stood
