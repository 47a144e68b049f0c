"""What the store counts for statistics and for failures by reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers import error_body, fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import NOW_MS, PROFILE, add, answer, uuid

from taskdash.domain.batches import Progress
from taskdash.domain.failures import charged_words
from taskdash.domain.query import Query, Sort, SortKey, parse_filter
from taskdash.domain.tally import By, TaskFigures
from taskdash.domain.task import ProblemKind, State
from taskdash.store.store import Store

ALL = Query(PROFILE)
POLICY = "The prompt was flagged: request 0123456789abc"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "tasks.db") as store:
        add(store, *(uuid(n) for n in range(8)))
        answer(
            store, uuid(1), success_body(uuid(1), costTime=5_000, completeTime=NOW_MS - 9, creditsConsumed=4)
        )
        answer(store, uuid(2), fail_body(uuid(2), failCode="400", failMsg=POLICY, completeTime=NOW_MS - 7))
        answer(store, uuid(3), fail_body(uuid(3), failCode="400", failMsg=POLICY, completeTime=NOW_MS - 3))
        answer(store, uuid(4), fail_body(uuid(4), failCode="", failMsg=""))
        answer(store, uuid(5), error_body(404, "no such task"), status=404)
        yield store


def test_outcomes_are_those_of_the_query_or_of_the_marked(store: Store) -> None:
    (only,) = store.summaries.outcomes(Query(PROFILE, terms=parse_filter("state:success")), NOW_MS)
    assert only == TaskFigures(only.name, State.SUCCESS, 5_000, NOW_MS - 9, 4.0)
    query = Query(PROFILE, terms=parse_filter("state:success"))
    names = [store.summaries.outcomes(query, NOW_MS, by)[0].name for by in (By.LABEL, By.PROFILE)]
    assert names == [None, PROFILE]
    assert store.summaries.outcomes(query, NOW_MS, By.DAY)[0].name in ("2026-04-29", "2026-04-30")
    assert len(store.summaries.outcomes(ALL, NOW_MS)) == 8
    seqs = [task.seq for task in store.tasks.rows(ALL, NOW_MS)]
    assert len(store.summaries.outcomes(ALL, NOW_MS, marked=seqs[:3])) == 3
    assert store.summaries.outcomes(ALL, NOW_MS, marked=[]) == []


def test_results_are_counted_by_task_in_the_order_of_the_query(store: Store) -> None:
    links = ["https://cdn.example.com/1.png", "https://cdn.example.com/2.png"]
    answer(store, uuid(6), success_body(uuid(6), links))
    answer(store, uuid(7), success_body(uuid(7), []))
    one, two = (store.tasks.find(PROFILE, uuid(n)).seq for n in (1, 6))
    assert store.summaries.result_counts(ALL, NOW_MS) == [(one, 1), (two, 2)]
    backwards = Query(PROFILE, sort=Sort(SortKey.ADDED, reverse=True))
    assert store.summaries.result_counts(backwards, NOW_MS) == [(two, 2), (one, 1)]
    assert store.summaries.result_counts(ALL, NOW_MS, marked=[two]) == [(two, 2)]
    failed = Query(PROFILE, states=frozenset({State.FAIL}))
    assert store.summaries.result_counts(failed, NOW_MS) == []


def test_failures_that_say_the_same_are_counted_once_with_their_newest(store: Store) -> None:
    found = store.summaries.failure_counts(ALL, None, NOW_MS)
    newest = store.tasks.find(PROFILE, uuid(3))
    counted = [(each.message, each.tasks, each.newest_seq, each.newest_at_ms) for each in found.reasons]
    assert ("The prompt was flagged: request …", 2, newest.seq, NOW_MS - 3) in counted
    assert found.newest[newest.seq] == newest
    assert (sum(each.tasks for each in found.reasons), found.total) == (3, 8)
    assert found.problems == [(ProblemKind.NOT_FOUND, 1)]
    assert store.summaries.failure_counts(Query("another"), None, NOW_MS) == ([], [], {}, 0)
    assert store.summaries.failure_counts(ALL, [newest.seq], NOW_MS).total == 1


def test_a_failure_without_an_end_counts_from_its_creation_and_not_from_when_that_was_learned(
    store: Store,
) -> None:
    answer(store, uuid(6), fail_body(uuid(6), failMsg="odd", createTime=NOW_MS - 86_400_000))
    found = store.summaries.failure_counts(ALL, None, NOW_MS).reasons
    (some,) = [some for some in found if some.message == "odd"]
    assert some.newest_at_ms == NOW_MS - 86_400_000


def test_what_failed_tasks_cost_all_the_same_is_told_with_their_reason(store: Store) -> None:
    for n, cost in ((2, 4), (3, 0), (4, None)):
        code = {"failCode": "400", "failMsg": POLICY} if n < 4 else {"failCode": "", "failMsg": ""}
        more = {} if cost is None else {"creditsConsumed": cost}
        answer(store, uuid(n), fail_body(uuid(n), **code, **more))
    found = store.summaries.failure_counts(ALL, None, NOW_MS).reasons
    told = [charged_words([reason]) for reason in found]
    assert told == ["1 charged (4 credits)", ""]


def test_the_filter_of_a_reason_shows_as_many_tasks_as_it_counts(store: Store) -> None:
    for reason in store.summaries.failure_counts(ALL, None, NOW_MS).reasons:
        query = Query(PROFILE, terms=parse_filter(reason.filter_text))
        assert len(store.tasks.rows(query, NOW_MS)) == reason.tasks


def under_way(store: Store, **named: str) -> Progress:
    found = store.summaries.progress(PROFILE, **named)
    assert found is not None
    return found


def test_the_progress_of_the_batch_with_most_unfinished_tasks(store: Store) -> None:
    assert store.summaries.progress(PROFILE) is None  # none of them has a label
    mugs, bags = [uuid(n) for n in range(100, 106)], [uuid(n) for n in range(200, 204)]
    add(store, *mugs, label="mugs")
    add(store, *bags, label="bags")
    add(store, uuid(300), label="one")
    for n, task_id in enumerate(mugs[:2]):
        answer(store, task_id, success_body(task_id, completeTime=NOW_MS - 9 + n))
    answer(store, mugs[2], waiting_body(mugs[2], createTime=NOW_MS - 5_000))
    found = under_way(store)
    # Four are left under each: the newer batch.
    assert (found.label, found.done, found.total, found.ends_ms) == ("bags", 0, 4, ())
    # What is looked at comes first; what was told before stays until another has twice as many.
    for named in ({"shown": "mugs"}, {"before": "mugs"}):
        found = under_way(store, **named)
        assert (found.label, found.done, found.total) == ("mugs", 2, 6)
        assert found.ends_ms == (NOW_MS - 9, NOW_MS - 8)
    # Tasks that never answered are taken to have begun when they were added.
    kinds = {kind.model: kind for kind in found.kinds}
    assert kinds[None].oldest_ms == NOW_MS
    (waiting,) = (kind for model, kind in kinds.items() if model)
    assert waiting.oldest_ms == waiting.youngest_ms == NOW_MS - 5_000
    # One task is no batch, and what is complete is none that is under way.
    assert store.summaries.progress(PROFILE, shown="one") is None
    for task_id in mugs[2:]:
        answer(store, task_id, success_body(task_id))
    assert under_way(store, shown="mugs", before="mugs").label == "bags"
    # The next batch of the same label begins at none.
    add(store, uuid(400), uuid(401), label="mugs")
    found = under_way(store, shown="mugs")
    assert (found.done, found.total) == (0, 2)
    assert store.summaries.last_check_ms(PROFILE) == NOW_MS
    assert store.summaries.last_check_ms("another") is None


def test_a_filter_is_completed_with_the_labels_and_models_of_the_profile(store: Store) -> None:
    add(store, uuid(20), label="night run")
    add(store, uuid(21), uuid(22), label="mugs")
    store.additions.add("another", [uuid(23)], NOW_MS, label="theirs")
    gone = store.tasks.find(PROFILE, uuid(1)).seq
    values = store.summaries.filter_values(PROFILE)
    assert values == {"label": ["mugs", "night run"], "model": ["gpt-image-2-text-to-image"]}
    store.edits.remove([gone, store.tasks.find(PROFILE, uuid(20)).seq], NOW_MS)
    assert store.summaries.filter_values(PROFILE)["label"] == ["mugs"]
