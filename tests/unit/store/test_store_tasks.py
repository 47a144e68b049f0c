"""The list in the store: places, windows, ranks, counts, finding, removing, editing."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.store_lists import NOW, added, answered, detail_of, fill, ids, plans_of, recorded

from taskdash.domain.batches import Way
from taskdash.domain.errors import StoreError, UnknownTaskError
from taskdash.domain.id_forms import has_known_form
from taskdash.domain.query import Query, Sort, SortKey, parse_filter
from taskdash.domain.record import Answer, Record, apply_answer
from taskdash.domain.task import ProblemKind, State, Verdict
from taskdash.store.query_sql import sort_column
from taskdash.store.rows import STATE_CODES
from taskdash.store.store import Store

if TYPE_CHECKING:
    from taskdash.domain.task import Task

    LabelAndNote = tuple[str | None, str | None]

SORTS = [Sort(key, reverse) for key in SortKey for reverse in (False, True)]
STATES = [None, frozenset({State.SUCCESS}), frozenset({State.NEW, State.WAITING}), frozenset({State.FAIL})]


def test_every_window_and_rank_agrees_with_the_whole_list_in_its_order_and_the_unknown_stands_last(
    store: Store,
) -> None:
    fill(store, 400)
    for sort in SORTS:
        for states in STATES:
            query = Query("p", states, (), sort)
            tasks, column = store.tasks.rows(query, NOW), sort_column(sort)
            keys = [STATE_CODES[task.state] if column == "state" else getattr(task, column) for task in tasks]
            known = [key for key in keys if key is not None]
            assert keys[: len(known)] == sorted(known, reverse=sort.reverse)
            whole = [task.seq for task in tasks]
            assert whole == store.tasks.seqs(query, NOW)
            counts = store.tasks.counts(query, NOW)
            assert len(set(whole)) == len(whole) == sum(counts[state] for state in states or State)
            for offset in (0, 7, len(whole) // 2, len(whole) - 5, len(whole), len(whole) + 9):
                window = [task.seq for task in store.tasks.rows(query, NOW, limit=20, offset=offset)]
                assert window == whole[offset : offset + 20], (sort, states, offset)
            for place in (0, len(whole) // 3, len(whole) - 1):
                assert store.tasks.rank(query, whole[place], NOW) == place, (sort, states)


def test_no_window_of_an_order_needs_a_sort(store: Store) -> None:
    for sort in SORTS:
        for states in (None, *(frozenset({state}) for state in State)):
            query = Query("p", states, (), sort)
            (plan,) = plans_of(store, lambda each, of=query: each.tasks.seqs(of, NOW), "ORDER BY")  # type: ignore[misc]
            assert "TEMP B-TREE" not in plan, (sort, states, plan)
            assert "COVERING INDEX" in plan, (sort, states, plan)
            # At most the rows of a window are sorted, and of what is exported the verdicts.
            words = query._replace(terms=parse_filter("fox"))
            for work in (
                lambda each, of=query: each.tasks.rows(of, NOW, limit=50),
                lambda each, of=words: list(each.documents.json_items(of, NOW)),
            ):
                (plan,) = plans_of(store, work, "ORDER BY")
                assert plan.count("TEMP B-TREE") <= 1, (sort, states, plan)


def test_kept_counts_follow_every_change(store: Store) -> None:
    def counted() -> dict[State, int]:
        rows = store.rows("SELECT state, count(*) FROM tasks WHERE removal = 0 AND profile = 'p' GROUP BY 1")
        codes = dict(rows)
        return {state: codes.get(code, 0) for code, state in enumerate(State)}

    fill(store, 500)
    assert store.tasks.counts(Query("p"), NOW) == counted()
    seqs = store.tasks.seqs(Query("p"), NOW)[:100]
    removal = store.edits.remove(seqs, NOW)
    assert store.tasks.counts(Query("p"), NOW) == counted()
    assert sum(counted().values()) == 400
    store.edits.restore(removal)
    assert store.tasks.counts(Query("p"), NOW) == counted()
    gone = known(store, "label", "note").seq
    store.edits.remove([*seqs, gone], NOW)
    store.edits.remove([], NOW + 25 * 3_600_000)  # purges what was removed a day ago
    assert store.tasks.counts(Query("p"), NOW) == counted()
    assert store.value("SELECT count(*) FROM search") == store.value("SELECT count(*) FROM tasks")
    for table in ("bodies", "untold", "verdicts", "saved", "contents"):
        assert store.value(f"SELECT count(*) FROM {table} WHERE seq = {gone}") == 0, table  # noqa: S608 - as above
    assert sum(store.tasks.counts(Query(None), NOW).values()) == 401


def test_each_paste_stands_above_the_earlier_ones_in_its_own_order(store: Store) -> None:
    store.additions.add("p", ["task_1", "task_2"], NOW)
    added = store.additions.add("p", ["task_3", "task_1", "task_3", "task_4"], NOW)
    assert (added.added, added.listed) == (("task_3", "task_4"), ("task_1",))
    assert ids(store) == ["task_3", "task_4", "task_1", "task_2"]


def known(store: Store, label: str | None, note: str | None) -> Task:
    """A task with a record, a saved result and an end that nobody was told of."""
    task = added(store, "task_1", label=label or "")
    store.edits.edit([task.seq], label=None, note=note)
    for state in (State.WAITING, State.SUCCESS):
        task = recorded(
            store, task, state, b"1", prompt="a fox", param={"n": 1}, result_urls=("https://x/1",)
        )
    store.saved.keep(task.seq, 1, Path("/a.png"), 5, NOW, "ab" * 32)
    store.verdicts.give([(task.seq, 1, Verdict.PICKED)], NOW)
    return store.tasks.find("p", "task_1")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("old", "note"), (None, None), ("old", "note")),
        (("old", "note"), ("new", None), ("new", "note\nlabel: old")),
        (("old", "note"), ("old", "note"), ("old", "note")),
        (("old", "note"), ("new", "more"), ("new", "more\nnote\nlabel: old")),
        ((None, None), ("new", "more"), ("new", "more")),
    ],
)
def test_what_was_removed_is_told_to_the_task_that_was_added_anew(
    store: Store, before: LabelAndNote, after: LabelAndNote, expected: LabelAndNote
) -> None:
    old = known(store, *before)
    removal = store.edits.remove([old.seq], NOW)
    new = added(store, "task_1", now_ms=NOW + 9, label=after[0] or "")
    store.edits.edit([new.seq], label=None, note=after[1])
    store.checks.ask([new.seq], NOW + 9)
    assert store.edits.restore(removal) == (0, {old.seq: new.seq})
    detail = detail_of(store, "task_1")
    task = detail.task
    assert (task.label, task.note, task.state, task.prompt) == (*expected, State.SUCCESS, "a fox")
    assert (task.asked_at_ms, task.saved_count, task.picked_count) == (NOW + 9, 1, 1)
    assert detail.verdicts == {1: Verdict.PICKED}
    assert (detail.result_urls, detail.param) == (("https://x/1",), {"n": 1})
    assert [saved.path for saved in detail.saved] == ["/a.png"]
    assert [each.seq for each in store.news.untold("p", Way.SCREEN)] == [new.seq]
    for words in ("fox", "old" if before[0] else "new"):
        assert ids(store, words) == ["task_1"], words
    assert store.tasks.counts(Query("p"), NOW)[State.SUCCESS] == 1
    assert store.value("SELECT count(*) FROM tasks") == 1


@pytest.mark.parametrize(
    ("before", "since", "kept"),
    [
        (State.WAITING, State.SUCCESS, b"2"),
        (State.WAITING, State.WAITING, b"1"),
        (State.FAIL, State.SUCCESS, b"1"),
        (State.SUCCESS, State.WAITING, b"1"),
    ],
)
def test_a_record_that_was_learned_since_is_kept_if_it_is_further_on_than_the_removed_one(
    store: Store, before: State, since: State, kept: bytes
) -> None:
    old = recorded(store, added(store, "task_1", label="old"), before, b"1", prompt="a fox")
    removal = store.edits.remove([old.seq], NOW)
    new = recorded(store, added(store, "task_1", now_ms=NOW + 9), since, b"2", prompt="a wolf")
    store.edits.restore(removal)
    detail = detail_of(store, "task_1")
    assert (detail.task.seq, detail.task.label, detail.raw) == (new.seq, "old", kept)
    assert ids(store, "fox" if kept == b"1" else "wolf") == ["task_1"]
    assert store.tasks.counts(Query("p"), NOW)[since if kept == b"2" else before] == 1
    assert store.value("SELECT count(*) FROM bodies") == 1


def test_only_what_an_edit_changed_and_nobody_since_is_set_back(store: Store) -> None:
    store.additions.add("p", ["task_1", "task_2", "task_3"], NOW, label="a")
    seqs = store.tasks.seqs(Query("p"), NOW)
    edits = store.edits.edit(seqs, label="b", note=None)
    store.edits.edit(seqs[:1], label=None, note="theirs")
    store.edits.edit(seqs[1:2], label="c", note=None)
    store.edits.remove(seqs[2:], NOW)
    assert store.edits.undo_edit(edits) == 1
    left = [(task.label, task.note) for task in store.tasks.rows(Query("p"), NOW)]
    assert left == [("a", "theirs"), ("c", None)]


def test_a_prefix_finds_the_one_task_it_fits(store: Store) -> None:
    number = "5064BD1A025A490BB28F6A9FA12EB88A"
    listed = ["task_abc1234", "task_abd1234", "job-10001", number]
    store.additions.add("p", listed, NOW)
    shortened = {"task_abc": "task_abc1234", "5064BD": number, number[:-2]: number}
    for text, task_id in {**shortened, **dict(zip(listed, listed, strict=True))}.items():
        assert store.tasks.find("p", text).task_id == task_id
    for text in ("task_a", "task_", "task_z", "", "task%abc", "task_abc12345", "5064bd", "5064B"):
        with pytest.raises(UnknownTaskError):
            store.tasks.find("p", text)


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_id_of_nothing_is_named_as_that(store: Store, text: str) -> None:
    """A script's variable that is empty comes as one."""
    with pytest.raises(UnknownTaskError, match=r"^an empty ID is not on the list of profile p$"):
        store.tasks.find("p", text)


PROFILES = itertools.count()


@given(st.data())
def test_a_whole_id_is_that_id_or_unknown(store: Store, data: st.DataObject) -> None:
    """Whatever is listed beside it: of an ID that is no known form nothing but the whole stands for it."""
    known = st.sampled_from(["task_gpt_177747468902", "0" * 31 + "1", "5064bd1a-025a-490b-b28f-6a9fa12eb88a"])
    listed = data.draw(st.lists(known | st.from_regex(r"[a-z]{1,4}-[0-9]{1,9}", fullmatch=True), min_size=1))
    asked = data.draw(
        st.builds(
            lambda task_id, cut, more: task_id[: len(task_id) - cut] + more,
            st.sampled_from(listed),
            st.integers(0, 3),
            st.sampled_from(["", "0", "1"]),
        )
    )
    profile = f"p{next(PROFILES)}"
    store.additions.add(profile, listed, NOW)
    try:
        found = store.tasks.find(profile, asked).task_id
    except UnknownTaskError:
        assert asked not in listed
    else:
        assert found == asked or (found.startswith(asked) and has_known_form(found))
        assert found == asked or not has_known_form(asked)


def test_an_edit_is_searched_from_then_on_and_can_be_undone(store: Store) -> None:
    store.additions.add("p", ["task_1", "task_2"], NOW)
    before = store.edits.edit(store.tasks.seqs(Query("p"), NOW), label="Ärger", note="two\nlines")
    assert [len(ids(store, words)) for words in ("ärger", "LINES", "label:ÄRG", "!lines")] == [2, 2, 2, 0]
    store.edits.undo_edit(before)
    assert ids(store, "ärger") == []


def test_a_label_edited_while_a_check_was_under_way_stays_searchable(store: Store) -> None:
    task = added(store, "task_1")
    store.edits.edit([task.seq], label="hero", note=None)
    assert recorded(store, task, prompt="a fox", model="m").label == "hero"
    for words in ("hero", "fox", "m", "task_1"):
        assert ids(store, words) == ["task_1"], words


def test_an_outcome_of_an_older_check_is_dropped(store: Store) -> None:
    task = added(store, "task_1")
    recorded(store, task, raw=b"new", prompt="new")
    recorded(store, task, State.WAITING, b"old", NOW + 1, prompt="old")
    detail = detail_of(store, "task_1")
    assert (detail.task.state, detail.task.checks, detail.raw) == (State.SUCCESS, 1, b"new")


@pytest.mark.parametrize("asked_again_ms", [NOW + 1, NOW + 900, NOW - 86_400_000])
def test_a_request_made_during_a_check_is_kept_whatever_the_clock_did(
    store: Store, asked_again_ms: int
) -> None:
    seq = added(store, "task_1").seq
    store.checks.ask([seq], NOW)
    picked = store.tasks.find("p", "task_1")
    mark = store.checks.ask([seq], asked_again_ms)
    outcome = apply_answer(picked, Answer(problem=ProblemKind.NOT_FOUND, message="no"), NOW + 500)
    store.checks.record([replace(outcome, task=replace(outcome.task, next_check_at_ms=NOW + 9000))])
    kept = store.tasks.find("p", "task_1")
    assert (kept.asked_at_ms, kept.next_check_at_ms) == (mark, asked_again_ms)
    again = apply_answer(kept, Answer(problem=ProblemKind.NOT_FOUND, message="no"), NOW + 600)
    store.checks.record([replace(again, task=replace(again.task, next_check_at_ms=NOW + 9000))])
    served = store.tasks.find("p", "task_1")
    assert (served.asked_at_ms, served.next_check_at_ms) == (None, NOW + 9000)


def test_a_clock_that_was_set_back_leaves_nothing_planned_far_ahead(store: Store) -> None:
    store.additions.add("p", ["task_far", "task_checked_later", "task_fine"], NOW)
    plans = {
        "task_far": (NOW - 5, NOW + 30 * 3_600_000),
        "task_checked_later": (NOW + 3_600_000, NOW + 3_605_000),
        "task_fine": (NOW - 5, NOW + 3_600_000),
    }
    with store.writing() as connection:
        for task_id, (checked, planned) in plans.items():
            connection.execute(
                "UPDATE tasks SET state = 1, checked_at_ms = ?, next_check_at_ms = ? WHERE task_id = ?",
                (checked, planned, task_id),
            )
    store.checks.bring_back("p", NOW)
    planned_at = {task.task_id: task.next_check_at_ms for task in store.tasks.rows(Query("p"), NOW)}
    assert planned_at["task_far"] == planned_at["task_checked_later"] == NOW
    assert planned_at["task_fine"] == NOW + 3_600_000


def test_an_answer_is_kept_for_the_task_it_is_of_and_not_for_another_in_its_place(
    store: Store, tmp_path: Path
) -> None:
    task = added(store, "task_1")
    with Store(tmp_path / "another.db") as other:
        assert added(other, "task_2").seq == task.seq
        other.checks.record(
            [apply_answer(task, Answer(record=Record(state=State.FAIL, raw_state="fail")), NOW + 5)]
        )
        assert other.tasks.find("p", "task_2").state is State.NEW


@pytest.mark.parametrize("later_ms", [0, 5, -3_600_000])
def test_a_later_request_has_the_greater_mark_whatever_the_clock_did(store: Store, later_ms: int) -> None:
    store.additions.add("p", ["task_1", "task_2"], NOW)
    first, second = store.tasks.seqs(Query("p"), NOW)
    early = store.checks.ask([first, second], NOW)
    late = store.checks.ask([second], NOW + later_ms)
    assert late > early
    store.checks.withdraw([first, second], early)
    assert [task.asked_at_ms for task in store.tasks.by_seq([first, second])] == [None, late]
    store.checks.ask_unfinished("p", NOW - 7_200_000)
    marks = {task.asked_at_ms for task in store.tasks.by_seq([first, second])}
    assert len(marks) == 1
    assert min(mark or 0 for mark in marks) > late


def test_the_due_are_found_at_both_ends_of_the_line(store: Store) -> None:
    store.additions.add("p", [f"task_{n:03}" for n in range(100)], NOW)
    with store.writing() as connection:
        connection.execute("UPDATE tasks SET checked_at_ms = 1, next_check_at_ms = ? + seq", (NOW,))
    due = {task.next_check_at_ms for task in store.checks.due("p", NOW, 3)}
    assert due == {NOW - 100, NOW - 99, NOW - 98, NOW - 1, NOW - 2, NOW - 3}
    line = store.checks.in_line("p", NOW - 50)
    assert (line.asked, line.new, line.due, line.next_ms) == (0, 0, 51, NOW - 49)


def test_those_that_wait_are_known_with_their_age_when_they_were_last_seen(store: Store) -> None:
    for n, created_ms in enumerate((NOW - 60_000, None)):
        task = added(store, f"task_{n}", now_ms=NOW - 10_000)
        recorded(store, task, State.WAITING, model="veo", create_time_ms=created_ms)
    recorded(store, added(store, "task_ended"), model="veo")
    recorded(store, added(store, "task_odd"), State.WAITING)
    troubled = recorded(store, added(store, "task_troubled"), State.WAITING, model="veo")
    answered(store, troubled, Answer(problem=ProblemKind.SERVER_ERROR, message="no"))
    added(store, "task_new")
    assert store.history.waiting("p") == [("veo", None, 10_000), ("veo", None, 60_000)]
    assert store.history.waiting("p", 1) == [("veo", None, 10_000)]
    assert store.history.waiting("another") == []


def test_thousands_removed_in_one_transaction_come_back_as_they_were(store: Store, tmp_path: Path) -> None:
    store.additions.add("p", [f"task_{n:05d}" for n in range(5_000)], NOW, label="night")
    tasks = store.tasks.rows(Query("p"), NOW)
    record = Record(state=State.FAIL, raw_state="fail", prompt="a fox", fail_code="400", fail_msg="no")
    store.checks.record([apply_answer(task, Answer(record=record, raw=b"{1}"), NOW) for task in tasks[::50]])
    before = store.tasks.rows(Query("p"), NOW)
    details = [store.tasks.detail(task.seq) for task in before[::50]]
    found = store.tasks.counts(Query("p", terms=parse_filter("fox")), NOW)
    with Store(tmp_path / "tasks.db") as other:
        versions = {other.data_version()}
        removal = store.edits.remove([task.seq for task in before[500:4_500]], NOW)
        versions.add(other.data_version())
        assert other.tasks.rows(Query("p"), NOW) == before[:500] + before[4_500:]
        assert sum(other.tasks.counts(Query("p", terms=parse_filter("fox")), NOW).values()) == 20
        assert store.tasks.listed_seqs([before[0].seq, before[500].seq]) == {before[0].seq}
        assert store.edits.restore(removal).back == 4_000
        versions.add(other.data_version())
        assert len(versions) == 3
        assert other.tasks.rows(Query("p"), NOW) == before
        assert other.tasks.counts(Query("p", terms=parse_filter("fox")), NOW) == found
        assert [other.tasks.detail(task.seq) for task in before[::50]] == details


def test_a_removal_that_cannot_be_finished_removes_nothing(store: Store) -> None:
    store.additions.add("p", [f"task_{n}" for n in range(50)], NOW)
    seqs = store.tasks.seqs(Query("p"), NOW)
    with store.writing() as connection:
        connection.execute(
            f"CREATE TRIGGER fails BEFORE UPDATE ON tasks WHEN new.seq = {seqs[30]} "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    with pytest.raises(StoreError):
        store.edits.remove(seqs, NOW)
    assert store.tasks.seqs(Query("p"), NOW) == seqs
    assert store.tasks.removals() == 0


@pytest.mark.parametrize(
    ("labels", "ends"),
    [
        ({"p": ["b", "d"], "q": ["a", "c"]}, ("a", "d")),
        ({"p": ["b"], "q": ["b"]}, ("b",)),
        ({"p": ["b", None], "q": ["é"]}, (None, "b", "é")),
        ({"p": [None], "q": [None]}, (None,)),
        ({}, ()),
    ],
)
def test_the_labels_at_both_ends_of_all_profiles_are_found(
    store: Store, labels: dict[str, list[str | None]], ends: tuple[str | None, ...]
) -> None:
    for profile, each in labels.items():
        for n, label in enumerate(each):
            store.additions.add(profile, [f"task_{profile}_{n:010d}"], NOW, label=label)
    assert store.tasks.labels(Query(None), NOW) == ends
