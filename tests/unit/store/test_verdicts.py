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


def test_verdicts_outlive_a_check_and_a_removal(store: Store) -> None:
    one = put(store, "task_one")
    store.verdicts.give([(one, 1, PICKED), (one, 2, REJECTED)], NOW)
    replied(store, success_body("task_one", ["https://cdn.example.com/x.png?renewed"] * 2), now_ms=NOW + 9)
    assert counts(store, one) == [(1, 1)]
    removal = store.edits.remove([one], NOW)
    assert store.edits.restore(removal).back == 1
    assert counts(store, one) == [(1, 1)]


GIVEN = st.lists(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from([PICKED, REJECTED, None]))),
    max_size=4,
)


@given(GIVEN)
@settings(max_examples=12)
def test_verdicts_are_kept_counted_and_taken_back_step_by_step(
    steps: list[list[tuple[int, int, Verdict | None]]],
) -> None:
    with TemporaryDirectory() as folder, Store(Path(folder, "tasks.db")) as store:
        seqs = [put(store, f"task_{n}", 3) for n in range(3)]

        def assert_stands(said: dict[tuple[int, int], Verdict]) -> None:
            of = {seq: {n: said[seq, n] for n in (1, 2, 3) if (seq, n) in said} for seq in seqs}
            assert store.verdicts.of(seqs) == {seq: verdicts for seq, verdicts in of.items() if verdicts}
            each = [[*of[seq].values()] for seq in seqs]
            assert counts(store, *seqs) == [(said.count(PICKED), said.count(REJECTED)) for said in each]

        stood: list[dict[tuple[int, int], Verdict]] = [{}]
        undo = []
        for step in steps:
            given_now = {(seqs[n], m): verdict for n, m, verdict in step}
            before = store.verdicts.give([(*place, verdict) for place, verdict in given_now.items()], NOW)
            assert before == [(*place, stood[-1].get(place)) for place in given_now]
            undo.append(before)
            stood.append(
                {place: verdict for place, verdict in (stood[-1] | given_now).items() if verdict is not None}
            )
            assert_stands(stood[-1])
        for before in reversed(undo):
            stood.pop()
            store.verdicts.give(before, NOW)
            assert_stands(stood[-1])
