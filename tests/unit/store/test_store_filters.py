"""Filters run by the store: every term against a plain reading of its words, what is overdue, and kept results."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.store_lists import NOW, WORDS, added, fill, ids, recorded

from taskdash.domain.failures import classify
from taskdash.domain.query import (
    Exact,
    ExactTerm,
    Flag,
    FlagTerm,
    Query,
    Sort,
    SortKey,
    SpanTerm,
    Term,
    TextTerm,
    parse_filter,
)
from taskdash.domain.task import State, Task
from taskdash.domain.task_json import task_json
from taskdash.domain.untrusted import fold
from taskdash.store.store import Store

COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[Task]]]:
    with Store(tmp_path_factory.mktemp("filters") / "tasks.db") as store:
        for task, label in zip(fill(store), ("fox", "Fox", "fox robot"), strict=False):
            store.edits.edit([task.seq], label=label, note=None)
        yield store, store.tasks.rows(Query("p"), NOW)


def has_value(task: Task, of: Exact, values: frozenset[str]) -> bool:
    if of is Exact.LABEL:
        return task.label in values if values else task.label is None
    if of is Exact.STATE:
        return task.state in values
    if of is Exact.PROBLEM:
        return task.problem is not None and (not values or task.problem.kind in values)
    assert of is Exact.REASON
    said = f"{task.fail_code or ''}{task.fail_msg or ''}".strip()
    reason = classify(task.fail_code, task.fail_msg, task.raw_state)
    return task.state is State.FAIL and (reason in values if values else not said)


def matches(task: Task, term: Term) -> bool:
    """What a term means, read plainly."""
    if isinstance(term, TextTerm):
        fields = {
            "id": task.task_id,
            "label": task.label,
            "note": task.note,
            "prompt": task.prompt,
            "model": task.model,
            "failure": " ".join(text for text in (task.fail_code, task.fail_msg) if text),
        }
        texts = fields.values() if term.field is None else [fields[term.field]]
        found = any(term.text in fold(text) for text in texts if text)
    elif isinstance(term, SpanTerm):
        since_ms = task.create_time_ms if task.create_time_ms is not None else task.added_at_ms
        span_ms = task.cost_time_ms if term.field == "cost" else NOW - since_ms
        found = span_ms is not None and COMPARE[term.operator](span_ms, term.span_ms)
    elif isinstance(term, FlagTerm):
        assert term.flag is Flag.CHARGED
        found = task.credits is not None and (task.credits > 0) is term.is_set
    else:
        assert isinstance(term, ExactTerm)
        found = has_value(task, term.of, term.values)
    return found != term.negated


TEXTS = st.one_of(
    st.sampled_from(
        [*WORDS, "o", "task_", "%", "_", "*", "?", "[", "]", "fox robot", "400 fox", "\u0301", "ß"]
    ),
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='"'), min_size=1
    ),
)
TERMS = st.one_of(
    TEXTS.map(lambda text: f'"{text}"'),
    st.tuples(st.sampled_from(["label", "note", "prompt", "model", "id", "failure"]), TEXTS).map(
        lambda pair: f'{pair[0]}:"{pair[1]}"'
    ),
    st.sampled_from(
        [
            "charged:yes",
            "charged:no",
            "label:=fox",
            'label:=""',
            "state:fail",
            "state:unfinished",
            "problem:any",
            "problem:not-found",
            "problem:rate-limited",
            "reason:none",
            "reason:other",
            "reason:timeout",
            "reason:invalid-input",
        ]
    ),
    st.tuples(
        st.sampled_from(["cost", "age"]),
        st.sampled_from([*COMPARE, ""]),
        st.sampled_from(["30s", "1h", "2h", "5s"]),
    ).map(lambda parts: f"{parts[0]}:{parts[1]}{parts[2]}"),
)


@example(["charged:no"], False)
@example(["charged:yes", "state:fail"], False)
@example(["label:=fox"], False)
@example(['!label:=""'], False)
@given(
    st.lists(st.tuples(st.sampled_from(["", "!"]), TERMS).map("".join), min_size=1, max_size=3), st.booleans()
)
def test_a_filter_finds_what_its_words_say(
    filled: tuple[Store, list[Task]], words: list[str], reverse: bool
) -> None:
    store, tasks = filled
    terms = parse_filter(" ".join(words))
    expected = [task for task in tasks if all(matches(task, term) for term in terms)]
    query = Query("p", terms=terms, sort=Sort(SortKey.ADDED, reverse))
    in_order = expected[::-1] if reverse else expected
    assert store.tasks.rows(query, NOW) == in_order
    assert store.tasks.rows(query, NOW, limit=9, offset=2) == in_order[2:11]
    assert store.tasks.seqs(query, NOW) == [task.seq for task in in_order]
    counts = {state: sum(task.state is state for task in expected) for state in State}
    assert store.tasks.counts(query, NOW) == counts
    assert store.tasks.counts(query._replace(profile=None), NOW)[State.NEW] >= counts[State.NEW]


@pytest.mark.parametrize("few", [0, 10_000])
def test_what_a_filter_found_stands_in_every_order(
    filled: tuple[Store, list[Task]], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = filled
    monkeypatch.setattr("taskdash.store.tasks._FEW", few)
    for sort in (Sort(key, reverse) for key in SortKey for reverse in (False, True)):
        for states in (None, frozenset({State.FAIL}), frozenset({State.NEW, State.WAITING})):
            query = Query("p", states, parse_filter("fox"), sort)
            whole = store.tasks.rows(query, NOW)
            assert len(whole) > 10
            seqs = [task.seq for task in whole]
            assert store.tasks.seqs(query, NOW) == seqs
            assert store.tasks.rows(query, NOW, limit=20, offset=5) == whole[5:25]
            for place in (0, 7, len(seqs) - 1):
                assert store.tasks.rank(query, seqs[place], NOW) == place
            assert store.tasks.rank(query, 12345, NOW) is None


def test_a_text_of_any_length_is_searched_for(store: Store) -> None:
    prompt = "fox " * 20_000
    recorded(store, added(store, "task_1"), prompt=prompt, model="m")
    for words, found in ((prompt, 1), (f"x{prompt}", 0), (f"*{prompt}", 0)):
        assert len(ids(store, f'prompt:"{words}"')) == found


def test_what_a_filter_found_is_found_again_after_any_change_of_the_list(
    store: Store, tmp_path: Path
) -> None:
    query = Query("p", terms=parse_filter("fox"))
    store.additions.add("p", ["task_fox_1", "task_2"], NOW)

    def found(*, may_lag: bool = False, at_ms: int = NOW) -> int:
        return sum(store.tasks.counts(query, at_ms, may_lag=may_lag).values())

    assert found() == 1
    with Store(tmp_path / "tasks.db") as other:
        other.additions.add("p", ["task_fox_3"], NOW)
        assert (found(may_lag=True), found()) == (1, 2)
        seq = other.tasks.find("p", "task_2").seq
        other.edits.edit([seq], label="a fox", note=None)
        assert (found(may_lag=True), found(may_lag=True, at_ms=NOW + 60_000)) == (2, 3)
    removal = store.edits.remove([seq], NOW)
    # A moment longer it stands on its line, so that the others stay on theirs.
    for may_lag, shown in (
        (True, ["task_fox_3", "task_fox_1", "task_2"]),
        (False, ["task_fox_3", "task_fox_1"]),
    ):
        rows = store.tasks.rows(query, NOW + 60_000, limit=9, may_lag=may_lag)
        assert [task.task_id for task in rows] == shown
    store.edits.restore(removal)
    assert found() == 3


def test_a_byte_that_is_no_utf_8_is_searched_for_and_not_found(store: Store) -> None:
    store.additions.add("p", ["task_1"], NOW, label="\u00e4")
    for words, found in (("\udcff", 0), ("!\ud800", 1), ("\udcc3\udca4", 0), ('label:"\udcff"', 0)):
        assert len(ids(store, words)) == found, ascii(words)


@pytest.mark.parametrize("may_lag", [False, True])
@pytest.mark.parametrize("words", ["age:<1m", "expires:<1h !expires:past"])
def test_what_was_found_is_not_kept_for_longer_than_it_holds(store: Store, words: str, may_lag: bool) -> None:
    recorded(store, added(store, "task_1"), result_urls=("https://x/1",), result_expires_at_ms=NOW + 60_000)
    query = Query("p", terms=parse_filter(words, {"p": 1}))
    for at_ms, count in ((NOW + 50_000, 1), (NOW + 60_000, 0)):
        assert sum(store.tasks.counts(query, at_ms, may_lag=may_lag).values()) == count
        assert len(store.tasks.seqs(query, at_ms)) == count


def finish(store: Store, count: int, cost_ms: int, profile: str = "p", model: str = "image") -> None:
    for n in range(count):
        task = added(store, f"task_done_{model}_{n}", profile)
        recorded(store, task, model=model, cost_time_ms=cost_ms)


def wait(store: Store, name: str, since_s: int, profile: str = "p", model: str = "image") -> int:
    task = added(store, f"task_{name}", profile)
    return recorded(
        store, task, State.WAITING, model=model, create_time_ms=NOW - 1000 * since_s, now_ms=NOW - 1
    ).seq


@pytest.mark.parametrize("finished", [4, 5])
def test_a_wait_is_overdue_beyond_twice_what_nine_in_ten_of_its_kind_take(
    store: Store, finished: int
) -> None:
    finish(store, finished, 30_000)
    finish(store, 10, 600_000, model="video")
    wait(store, "young", 60)
    wait(store, "film", 601, model="video")
    late = wait(store, "late", 61)
    added(store, "task_new")
    recorded(store, added(store, "task_failed"), State.FAIL, model="image", create_time_ms=NOW - 900_000)
    # Of a history of four nothing is told.
    overdue = ["task_late"] if finished == 5 else []
    assert ids(store, "overdue:yes") == overdue
    assert {*ids(store, "overdue:no")} == {"task_young", "task_film", "task_late"} - {*overdue}
    assert {*ids(store, "!overdue:yes")} == {*ids(store)} - {*overdue}
    told = [json.loads(item) for item in store.documents.json_items(Query("p"), NOW)]
    assert [each["taskId"] for each in told if each["overdue"]] == overdue
    seqs = store.tasks.seqs(Query("p"), NOW)
    details = list(store.tasks.details(seqs, now_ms=NOW))
    assert [json.dumps(task_json(each)) for each in details] == [json.dumps(each) for each in told]
    assert not any(each.is_overdue for each in store.tasks.details([late]))


def test_it_becomes_overdue_by_the_clock_alone_and_each_gateway_has_its_own_history(store: Store) -> None:
    finish(store, 5, 30_000)
    finish(store, 5, 90_000, "q")
    wait(store, "here", 50)
    wait(store, "there", 100, "q")
    query = Query(None)
    assert store.history.overdue(None, NOW) == []
    late = NOW + 11_000
    assert [task.task_id for task in store.tasks.by_seq(store.history.overdue(None, late))] == ["task_here"]
    assert store.history.overdue("q", late) == []
    later = [json.loads(item) for item in store.documents.json_items(query, NOW + 100_000)]
    assert {each["taskId"] for each in later if each["overdue"]} == {"task_here", "task_there"}


def test_a_variant_that_differs_has_a_limit_of_its_own_and_others_that_of_their_model(store: Store) -> None:
    def sized(size: str) -> dict[str, dict[str, str]]:
        return {"input": {"size": size}}

    for n in range(10):
        for size, cost_ms in (("small", 10_000), ("large", 60_000)):
            task = added(store, f"task_{size}_{n}")
            recorded(store, task, model="image", cost_time_ms=cost_ms + n, param=sized(size))
    for size, since_s in (("small", 30), ("large", 100), ("other", 100), ("large", 130)):
        task = added(store, f"task_{size}_{since_s}", label=size)
        created_ms = NOW - 1000 * since_s
        recorded(
            store,
            task,
            State.WAITING,
            model="image",
            param=sized(size),
            create_time_ms=created_ms,
            now_ms=NOW - 1,
        )
    assert {*ids(store, "overdue:yes")} == {"task_small_30", "task_large_130"}
    assert store.history.overdue_by_label("p", NOW) == {"small": 1, "large": 1}
