"""Ends that are still to be told: what becomes one, who may tell it, and when a label is complete."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.bodies import fail_body, success_body, waiting_body
from tests.store_lists import NOW, ids, replied

from taskdash.domain.batches import Batch, Way, notices
from taskdash.store.store import Store

PROFILE = "p"
DAY_MS = 86_400_000


def start(store: Store, count: int, label: str | None = None, first: int = 0) -> list[str]:
    """Tasks that were seen waiting."""
    ids = [f"task_news_{n:010d}" for n in range(first, first + count)]
    store.additions.add(PROFILE, ids, NOW, label=label)
    for task_id in ids:
        replied(store, waiting_body(task_id))
    return ids


def succeed(store: Store, ids: list[str]) -> None:
    for task_id in ids:
        replied(store, success_body(task_id))


def seqs_of(store: Store, ids: list[str]) -> list[int]:
    return [store.tasks.find(PROFILE, task_id).seq for task_id in ids]


def untold(store: Store, way: Way = Way.SCREEN) -> list[str]:
    return [task.task_id for task in store.news.untold(PROFILE, way)]


def tell(store: Store) -> tuple[list[str], list[Batch]]:
    ours, batches = store.news.claim_messages(store.news.untold(PROFILE, Way.SCREEN))
    return [task.task_id for task in ours], batches


def test_each_end_is_news_once_in_each_way(store: Store, path: Path) -> None:
    ids = start(store, 3)
    succeed(store, ids[:2] + ids[:2])
    assert untold(store) == untold(store, Way.COMMAND) == ids[:2]
    assert tell(store) == (ids[:2], [])
    with Store(path) as later:
        assert tell(later) == ([], [])
        assert untold(later, Way.COMMAND) == ids[:2]
        seqs = [later.news.claim_next(PROFILE, Way.COMMAND) for _ in range(3)]
    assert seqs == [*seqs_of(store, ids[:2]), None]


def test_of_many_processes_one_gets_each_task(store: Store, path: Path) -> None:
    succeed(store, ids := start(store, 40))

    def claim_all(_: int) -> list[int]:
        with Store(path) as other:
            claimed = []
            while (seq := other.news.claim_next(PROFILE, Way.COMMAND)) is not None:
                claimed.append(seq)
            return claimed

    with ThreadPoolExecutor(4) as threads:
        claimed = [seq for each in threads.map(claim_all, range(4)) for seq in each]
    assert sorted(claimed) == sorted(seqs_of(store, ids))


def test_a_removed_task_is_not_told_but_is_once_it_is_back(store: Store) -> None:
    succeed(store, listed := start(store, 1))
    removal = store.edits.remove(seqs_of(store, listed), NOW)
    assert untold(store) == []
    assert store.news.claim_next(PROFILE, Way.COMMAND) is None
    store.edits.restore(removal)
    assert untold(store) == listed


def test_dropping_a_way_leaves_the_other(store: Store) -> None:
    succeed(store, listed := start(store, 1))
    store.news.drop(PROFILE, Way.COMMAND)
    assert (untold(store, Way.COMMAND), untold(store)) == ([], listed)


def test_a_label_is_complete_with_the_last_of_its_tasks_and_only_once(store: Store) -> None:
    ids = start(store, 4, "poster")
    start(store, 2, "other", first=10)
    succeed(store, ids[:2])
    assert tell(store) == (ids[:2], [])
    replied(store, fail_body(ids[2]))
    replied(store, success_body(ids[3]))
    news = store.news.untold(PROFILE, Way.SCREEN)
    # The first to claim only one of the last two does not tell of the label: the other one is still to be told.
    assert store.news.claim_messages(news[:1])[1] == []
    seqs = frozenset(seqs_of(store, ids))
    assert store.news.claim_messages(news) == (news[1:], [Batch("poster", 3, 1, seqs)])
    assert store.news.claim_messages(news) == ([], [])


def outcomes(batches: list[Batch]) -> list[tuple[str | None, int, int]]:
    return [(batch.label, batch.success, batch.fail) for batch in batches]


def test_a_label_used_again_is_a_new_batch_once_it_was_complete(store: Store) -> None:
    succeed(store, start(store, 3, "nightly"))
    assert outcomes(tell(store)[1]) == [("nightly", 3, 0)]
    # One that is added alone is told alone, its reason with it.
    (alone,) = start(store, 1, "nightly", first=10)
    replied(store, fail_body(alone))
    assert tell(store) == ([alone], [])
    ids = start(store, 2, "nightly", first=20)
    replied(store, success_body(ids[0]))
    # Added while the label was not complete: it is of the same batch.
    more = start(store, 1, "nightly", first=30)
    for task_id in (ids[1], *more):
        replied(store, fail_body(task_id))
    assert outcomes(tell(store)[1]) == [("nightly", 1, 2)]


@pytest.mark.parametrize("step_ms", [DAY_MS, 0, -DAY_MS])
def test_batches_are_told_apart_whatever_the_clock_does(store: Store, step_ms: int) -> None:
    for n in range(3):
        ids = [f"task_night{n}_{each:09d}" for each in range(2)]
        now_ms = NOW + n * step_ms
        store.additions.add(PROFILE, ids, now_ms, label="nightly")
        for task_id in ids:
            replied(store, waiting_body(task_id), now_ms=now_ms)
            replied(store, success_body(task_id), now_ms=now_ms)
        assert outcomes(tell(store)[1]) == [("nightly", 2, 0)]


def test_batches_of_one_label_that_are_told_at_once_are_told_apart(store: Store) -> None:
    succeed(store, start(store, 3, "nightly"))
    (alone,) = start(store, 1, "nightly", first=10)
    replied(store, fail_body(alone))
    ours, batches = store.news.claim_messages(store.news.untold(PROFILE, Way.SCREEN))
    assert outcomes(batches) == [("nightly", 3, 0)]
    texts = [notice.text for notice in notices(ours, batches, NOW)]
    assert [text.partition(":")[0] for text in texts] == ['All 3 tasks of "nightly" finished', "× fail"]


def test_a_task_that_is_given_a_label_is_of_the_batch_that_is_under_way(store: Store) -> None:
    succeed(store, start(store, 2, "nightly"))
    tell(store)
    ids = start(store, 2, "nightly", first=10) + start(store, 1, first=20)
    store.edits.edit(seqs_of(store, ids[2:]), label="nightly", note=None)
    succeed(store, ids)
    assert outcomes(tell(store)[1]) == [("nightly", 3, 0)]


def test_marked_tasks_are_a_batch_once_all_that_are_listed_are_finished(store: Store) -> None:
    ids = start(store, 3)
    seqs = seqs_of(store, ids)
    replied(store, success_body(ids[0]))
    replied(store, fail_body(ids[1]))
    assert store.news.batch_of(seqs) is None
    store.edits.remove([seqs[2]], NOW)
    assert store.news.batch_of(seqs) == Batch(None, 1, 1, frozenset(seqs))


def test_an_end_that_is_news_is_unseen_until_somebody_looks_at_it(store: Store) -> None:
    shown = start(store, 4)
    succeed(store, shown[:3])
    # One that had ended when it was added is no news.
    store.additions.add(PROFILE, ["task_news_old"], NOW)
    replied(store, success_body("task_news_old", completeTime=NOW - DAY_MS))
    assert ids(store, "unseen:yes", PROFILE) == shown[:3]
    assert (
        ids(store, "!unseen:yes", PROFILE) == ids(store, "unseen:no", PROFILE) == ["task_news_old", shown[3]]
    )
    assert (store.news.unseen(PROFILE), store.news.unseen("q"), store.news.unseen(None)) == (3, 0, 3)
    store.news.look_at(seqs_of(store, shown[:1]))
    # A later check of what has ended brings nothing new.
    succeed(store, shown[:1])
    assert ids(store, "unseen:yes", PROFILE) == shown[1:3]
    assert [store.tasks.find(PROFILE, task_id).unseen for task_id in shown] == [False, True, True, False]
    store.news.look_at_all("q")
    assert store.news.unseen(PROFILE) == 2
    store.news.look_at_all(PROFILE)
    assert ids(store, "unseen:yes", PROFILE) == []
