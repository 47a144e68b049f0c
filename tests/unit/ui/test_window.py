"""What the table reads: the rows around the cursor, and the cursor on its task whatever happened to the list."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskdash.domain.query import Query, Sort, SortKey
from taskdash.domain.task import State, Task
from taskdash.store.store import Store
from taskdash.ui.widgets.window import Place, Window, read_window

QUERY = Query("p")
HEIGHT = 10
unused = itertools.count(100_000, 1_000)
"""Where the next numbers of IDs begin that no task has had yet."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "tasks.db") as opened:
        yield opened


def add(store: Store, first: int, count: int) -> None:
    store.additions.add("p", [f"task-{first + n:08}" for n in range(count)], 0)


def read(store: Store, place: Place, query: Query = QUERY, height: int = HEIGHT) -> Window:
    return read_window(store, query, place, height, 0)


def place_of(window: Window, **changes: object) -> Place:
    """Where a reader is who was shown this window and has moved."""
    task = window.row(window.cursor)
    seq = task.seq if task else None
    place = Place(chosen_seq=seq, cursor_seq=seq, cursor=window.cursor, top=window.top, home=False)
    return place._replace(**changes)  # type: ignore[arg-type] # the names are Place's own


def holds(window: Window, height: int = HEIGHT) -> None:
    assert len(window.rows) <= 3 * height
    assert window.covers(window.top, height)
    if window.total:
        assert window.top <= window.cursor < min(window.total, window.top + height)
        assert window.row(window.cursor) is not None
    else:
        assert (window.cursor, window.top, window.rows) == (0, 0, [])


def test_lines_above_the_first_and_below_the_last_need_not_be_read(store: Store) -> None:
    add(store, 0, 3)
    window = read(store, Place())
    assert window.covers(-HEIGHT, 4 * HEIGHT)
    assert not window._replace(total=40).covers(-HEIGHT, 4 * HEIGHT)


def test_an_empty_list(store: Store) -> None:
    window = read(store, Place())
    holds(window)
    assert window.row(0) is None
    assert set(window.counts) == set(State)


@given(st.integers(0, 60), st.integers(0, 70), st.integers(0, 70), st.integers(1, 25))
@settings(max_examples=40)
def test_only_rows_around_the_screen_are_read_wherever_the_cursor_was(
    store: Store, count: int, cursor: int, top: int, height: int
) -> None:
    store.edits.remove(store.tasks.seqs(QUERY, 0), 0)
    add(store, next(unused), count)
    window = read(store, Place(cursor=cursor, top=top, home=False), height=height)
    holds(window, height)
    assert window.cursor == max(0, min(cursor, count - 1))
    assert window.total == count


def test_counts_are_of_all_states_and_total_of_those_asked_for(store: Store) -> None:
    add(store, 0, 5)
    window = read(store, Place(), QUERY._replace(states=frozenset({State.FAIL})))
    holds(window)
    assert window.counts[State.NEW] == 5
    assert window.total == 0


def test_a_task_that_a_tab_lacks_is_found_again_in_the_next(store: Store) -> None:
    add(store, 0, 40)
    before = read(store, Place(cursor=30, top=25, home=False))
    nowhere = read(store, place_of(before), QUERY._replace(states=frozenset({State.FAIL})))
    place = place_of(before, cursor=nowhere.cursor, top=nowhere.top, cursor_seq=None)
    after = read(store, place)
    holds(after)
    assert after.cursor == 30


def test_while_the_chosen_task_is_gone_the_cursor_stays_on_the_one_beside_it(store: Store) -> None:
    add(store, 0, 40)
    beside = read(store, Place(cursor=20, top=15, home=False))
    (chosen,) = store.tasks.rows(QUERY, 0, limit=1, offset=30)
    store.edits.remove([chosen.seq], 0)
    add(store, 1_000, 7)
    after = read(store, place_of(beside, chosen_seq=chosen.seq))
    holds(after)
    assert after.cursor == 27
    assert after.row(27) == beside.row(20)


changes = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 25)),
        st.tuples(st.just("remove"), st.integers(0, 60)),
        st.tuples(st.just("move"), st.integers(0, 60)),
        st.tuples(st.just("sort"), st.sampled_from([SortKey.ADDED, SortKey.ID])),
    ),
    max_size=8,
)


@given(changes)
@settings(max_examples=20)
def test_through_any_change_the_cursor_stays_on_its_task_and_its_line_where_it_can(
    store: Store, steps: list[tuple[str, int | SortKey]]
) -> None:
    store.edits.remove(store.tasks.seqs(QUERY, 0), 0)
    query = QUERY
    add(store, next(unused), 30)
    window = read(store, Place(), query)
    for what, value in steps:
        before = window.row(window.cursor)
        place, rank_before = place_of(window), window.cursor
        if what == "add" and isinstance(value, int):
            add(store, next(unused), value)
        elif what == "remove" and isinstance(value, int):
            gone = store.tasks.seqs(query, 0)[value : value + 3]
            if before is not None and before.seq in gone:
                gone.remove(before.seq)
            store.edits.remove(gone, 0)
        elif what == "move" and isinstance(value, int) and window.total:
            window = read(
                store,
                Place(cursor=value % window.total, top=max(0, value - 3), home=False),
                query,
            )
            holds(window)
            continue
        elif isinstance(value, SortKey):
            query = QUERY._replace(sort=Sort(value))
        window = read(store, place, query)
        holds(window)
        after = window.row(window.cursor)
        if before is not None:
            assert after is not None
            assert after.seq == before.seq
            line = rank_before - place.top
            if line <= window.cursor <= window.total - HEIGHT + line:
                assert window.cursor - window.top == line


def test_what_others_wrote_is_told_from_what_one_wrote_oneself(store: Store, tmp_path: Path) -> None:
    add(store, 0, 3)
    first = read(store, Place())
    add(store, 3, 1)
    own = read(store, Place())
    assert not own.others_wrote_since(first)
    with Store(tmp_path / "tasks.db") as other:
        add(other, 4, 1)
    theirs = read(store, Place())
    assert theirs.others_wrote_since(own)
    assert not read(store, Place()).others_wrote_since(theirs)


def test_what_others_write_while_a_window_is_read_is_missed_by_neither(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, 0, 3)
    before = read(store, Place())
    rows = store.tasks.rows

    def rows_and_then(*args: Any, **named: Any) -> list[Task]:
        with Store(tmp_path / "tasks.db") as other:
            add(other, 3, 1)
        return rows(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(store.tasks, "rows", rows_and_then)
        during = read(store, Place())
    after = read(store, Place())
    # Whichever of the two has the new rows, it takes them for the work of others.
    assert during.others_wrote_since(before)
    assert after.others_wrote_since(during)
