"""The tasks of each label are counted, alone and in the indexes."""

from __future__ import annotations

from typing import Any

from tests.store_lists import NOW, added, recorded

from taskdash.domain.batches import LabelFigures, UnfinishedKind
from taskdash.domain.task import State
from taskdash.store.store import Store

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LINKS = ("https://cdn.example.com/1.png", "https://cdn.example.com/2.png")


def by_label(store: Store, ttl_ms: int | None = DAY_MS) -> dict[str | None, LabelFigures]:
    return {each.label: each for each in store.summaries.batches("p", NOW, ttl_ms)}


def test_each_label_is_counted_alone_and_the_newest_is_first(store: Store) -> None:
    for label, profile in (("old", "p"), (None, "p"), ("mugs", "p"), ("mugs", "q"), ("new", "p")):
        for n in range(2):
            added(store, f"task_{label}_{n}", profile, label=label)
    gone = added(store, "task_gone", label="gone")
    store.edits.remove([gone.seq], NOW)
    recorded(store, store.tasks.find("p", "task_mugs_0"), State.FAIL)
    recorded(store, store.tasks.find("p", "task_mugs_1"), State.WAITING, model="m", create_time_ms=5)
    found = store.summaries.batches("p", NOW, None)
    assert [each.label for each in found] == ["new", "mugs", None, "old"]
    assert {each.label: each.progress.total for each in found} == dict.fromkeys(
        ("new", "mugs", None, "old"), 2
    )
    mugs = found[1]
    assert mugs.counts == {State.NEW: 0, State.WAITING: 1, State.SUCCESS: 0, State.FAIL: 1}
    assert (mugs.progress.done, mugs.progress.total) == (1, 2)
    assert mugs.progress.kinds == (UnfinishedKind("m", None, 5, 5),)
    assert mugs.progress.ends_ms == (NOW,)
    # What ended before the rest was begun says nothing of its pace.
    recorded(store, store.tasks.find("p", "task_old_0"), complete_time_ms=NOW - HOUR_MS)
    assert by_label(store)["old"].progress.ends_ms == ()
    assert store.summaries.batches("nobody", NOW, None) == []


def test_credits_overdue_and_what_is_unsaved_and_expires_first(store: Store) -> None:
    def done(name: str, label: str, ago_ms: int, **more: Any) -> int:
        task = added(store, f"task_{name}", label=label)
        known: dict[str, Any] = {"model": "m", "cost_time_ms": 30_000, "complete_time_ms": NOW - ago_ms}
        return recorded(store, task, result_urls=LINKS, **{**known, **more}).seq

    late = done("late", "mugs", 2 * DAY_MS, credits=4)
    done("soon", "mugs", 20 * HOUR_MS, credits=0.5)
    done("later", "mugs", HOUR_MS)
    done("own", "signed", HOUR_MS, result_expires_at_ms=NOW + 60_000)
    done("past", "past", 3 * DAY_MS, credits=0)
    for name, age_s in (("stuck", 61), ("young", 59)):
        task = added(store, f"task_{name}", label="mugs")
        recorded(store, task, State.WAITING, model="m", create_time_ms=NOW - 1000 * age_s, now_ms=NOW - 1)
    found = by_label(store)
    mugs = found["mugs"]
    assert (mugs.credits, mugs.without_credits, mugs.overdue) == (4.5, 1, 1)
    assert (mugs.unsaved, mugs.expires_at_ms) == (6, NOW + 4 * HOUR_MS)
    assert (found["signed"].expires_at_ms, found["past"].expires_at_ms) == (NOW + 60_000, NOW - 2 * DAY_MS)
    assert (found["past"].credits, found["signed"].credits) == (0, None)
    assert by_label(store, None)["mugs"].expires_at_ms is None
    # What is saved does not expire: of a task one of two is.
    for seq, results in ((store.tasks.find("p", "task_soon").seq, 2), (late, 1)):
        store.write(
            "INSERT INTO saved (seq, n, path, saved_at_ms) VALUES (?, ?, 'x', 0)",
            [(seq, n + 1) for n in range(results)],
        )
    assert (by_label(store)["mugs"].unsaved, by_label(store)["mugs"].expires_at_ms) == (3, NOW + 23 * HOUR_MS)
