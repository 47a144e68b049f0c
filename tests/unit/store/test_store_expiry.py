"""What expires and what is saved, as the store finds it."""

from __future__ import annotations

from operator import eq, ge, gt, le, lt
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.bodies import fail_body, success_body
from tests.store_lists import NOW, plans_of, replied

from taskdash.domain.query import ExpiryTerm, Query, parse_filter
from taskdash.domain.words import expiry_of
from taskdash.store.store import Store

PROFILE = "p"
H = 3_600_000
TTLS = {PROFILE: 24 * H}


def put(store: Store, name: str, body: Any, profile: str = PROFILE) -> int:
    """A task that was checked once; return its `seq`."""
    task_id = f"task_{name}_12345678"
    store.additions.add(profile, [task_id], NOW)
    return replied(store, body(task_id), profile).seq


def done(left_ms: int, urls: int = 1) -> Any:
    """A success whose links still live so long."""
    links = [f"https://cdn.example.com/{n}.png" for n in range(urls)]
    return lambda task_id: success_body(task_id, links, completeTime=NOW - 24 * H + left_ms)


def found(
    store: Store, words: str, ttls_ms: dict[str, int] = TTLS, profile: str | None = PROFILE
) -> set[str]:
    query = Query(profile, terms=parse_filter(words, ttls_ms))
    rows = store.tasks.rows(query, NOW)
    assert {task.seq for task in rows} == set(store.tasks.seqs(query, NOW))
    assert sum(store.tasks.counts(query, NOW).values()) == len(rows)
    return {task.task_id.split("_")[1] for task in rows}


def keep(store: Store, seq: int, *numbers: int) -> None:
    """Note results as saved."""
    for n in numbers:
        with store.writing() as connection:
            connection.execute(
                "INSERT INTO saved (seq, n, path, saved_at_ms) VALUES (?, ?, ?, ?)", (seq, n, f"/{n}", NOW)
            )


def warned(store: Store, now_ms: int, ttl_ms: int | None = 24 * H) -> list[int]:
    return [task.seq for task in store.news.claim_expiring(PROFILE, now_ms, ttl_ms)]


def test_filters_by_what_is_saved(store: Store) -> None:
    one, two = put(store, "one", done(H)), put(store, "two", done(H, urls=2))
    put(store, "none", done(H))
    put(store, "failed", fail_body)
    put(store, "empty", done(H, urls=0))
    keep(store, one, 1)
    keep(store, two, 2)
    assert found(store, "saved:no") == {"two", "none"}
    assert found(store, "saved:yes") == {"one"}
    keep(store, two, 1)
    assert found(store, "saved:no") == {"none"}
    assert found(store, "expires:<2h saved:yes") == {"one", "two"}


def test_each_profile_counts_by_its_own_ttl(store: Store) -> None:
    put(store, "mine", done(H))
    put(store, "theirs", done(H), profile="q")
    put(store, "unknown", done(H), profile="r")
    ttls = {PROFILE: 24 * H, "q": 25 * H}
    assert found(store, "expires:<90m", ttls, None) == {"mine"}
    assert found(store, "expires:<3h", ttls, None) == {"mine", "theirs"}


def test_it_is_found_by_the_indexes_of_expiry(store: Store) -> None:
    terms = parse_filter("expires:<2h saved:no", TTLS)
    listed = plans_of(store, lambda each: each.tasks.seqs(Query(PROFILE, terms=terms), NOW), "result_count")
    warnings = plans_of(store, lambda each: each.news.claim_expiring(PROFILE, NOW, 24 * H), "result_count")
    for plan in (*listed, *warnings):
        assert "tasks_by_expiry (profile=? AND <expr>>? AND <expr><?)" in plan
        assert "tasks_by_own_expiry (profile=? AND result_expires_at_ms>? AND" in plan
    assert (len(listed), len(warnings)) == (1, 1)


def test_each_is_warned_of_once_and_the_first_to_expire_comes_first(store: Store) -> None:
    late = put(store, "late", done(9 * H))
    second, first = put(store, "second", done(3 * H)), put(store, "first", done(2 * H, urls=2))
    saved = put(store, "saved", done(H))
    put(store, "dead", done(-1))
    keep(store, saved, 1)
    keep(store, first, 1)
    with Store(store.path) as other:
        assert warned(other, NOW) == [first, second]
    assert warned(store, NOW) == []
    assert warned(store, NOW + 4 * H) == [late]


def test_fresh_links_live_anew_and_a_links_own_word_wins(store: Store) -> None:
    put(store, "same", done(-H))
    fresh = put(store, "fresh", done(-H))
    own = "https://cdn.example.com/1.png?X-Amz-Date=20260101T000000Z&X-Amz-Expires=60"
    put(store, "own", lambda task_id: success_body(task_id, [own], completeTime=NOW - H))
    assert found(store, "expires:past") == {"same", "fresh", "own"}
    assert warned(store, NOW - H - 1)[0] == fresh
    for name, link in (("same", "0"), ("fresh", "7")):
        task_id = f"task_{name}_12345678"
        again = success_body(task_id, [f"https://cdn.example.com/{link}.png"], completeTime=NOW - 25 * H)
        task = replied(store, again, now_ms=NOW + H)
        assert (task.renewed_at_ms is None) == (name == "same")
    assert found(store, "expires:past") == {"same", "own"}
    assert found(store, "expires:>24h") == {"fresh"}
    # Without a measure of the profile that word is all there is.
    assert store.tasks.has_own_lives()
    terms = parse_filter("expires:past", {}, store.tasks.has_own_lives)
    assert [task.task_id for task in store.tasks.rows(Query(PROFILE, terms=terms), NOW)] == [
        "task_own_12345678"
    ]
    # Of those it is warned again.
    assert warned(store, NOW + 24 * H) == [fresh]


def test_links_that_die_by_their_own_word_are_warned_of_by_it(store: Store) -> None:
    seq = put(store, "own", done(20 * H))
    put(store, "counted", done(H))
    with store.writing() as connection:
        connection.execute("UPDATE tasks SET result_expires_at_ms = ? WHERE seq = ?", (NOW + H, seq))
    assert warned(store, NOW, None) == [seq]
    assert warned(store, NOW, None) == []


MOMENTS = ("complete_time_ms", "create_time_ms", "renewed_at_ms", "result_expires_at_ms")
TASKS = st.fixed_dictionaries(
    {
        **dict.fromkeys(MOMENTS, st.none() | st.integers(NOW - 30 * H, NOW + 3 * H)),
        "cost_time_ms": st.none() | st.integers(0, 30 * H),
        "state": st.integers(0, 3),
        "result_count": st.integers(0, 1),
    }
)
OWN = {**dict.fromkeys((*MOMENTS, "cost_time_ms")), "state": 2, "result_count": 1}


@settings(max_examples=25)
@given(
    st.lists(TASKS, min_size=1, max_size=8),
    st.sampled_from(["<", "<=", ">", ">=", "=", None]),
    st.integers(0, 30 * H),
    st.booleans(),
)
@example([OWN | {"result_expires_at_ms": NOW + H}], "<", H, False)
@example([OWN | {"result_expires_at_ms": NOW + H}], ">=", H, True)
@example([OWN | {"result_expires_at_ms": NOW}], None, 0, False)
def test_the_store_finds_what_the_countdown_says(
    store: Store, tasks: list[dict[str, int | None]], operator: str | None, span_ms: int, negated: bool
) -> None:
    store.write("DELETE FROM tasks", [()])
    names = ("seq", *OWN)
    store.write(
        f"INSERT INTO tasks (profile, task_id, added_at_ms, finished_at_ms, {', '.join(names)}) "  # noqa: S608 - our own names
        f"VALUES ('p', :seq, 0, {NOW - 3 * H}, {', '.join(f':{name}' for name in names)})",
        [{"seq": n, **task} for n, task in enumerate(tasks)],  # type: ignore[misc] # named values
    )
    term = ExpiryTerm(tuple(TTLS.items()), operator, span_ms, negated=negated)
    listed = {task.seq for task in store.tasks.rows(Query(PROFILE, terms=(term,)), NOW)}
    compared = {"<": lt, "<=": le, ">": gt, ">=": ge, "=": eq}
    everything = {task.seq: expiry_of(task, TTLS[PROFILE]) for task in store.tasks.rows(Query(PROFILE), NOW)}
    left_ms = {seq: expiry.left_ms(NOW) for seq, expiry in everything.items() if expiry}
    if operator is None:
        expected = {seq for seq, left in left_ms.items() if left <= 0}
    else:
        expected = {seq for seq, left in left_ms.items() if left > 0 and compared[operator](left, span_ms)}
    assert listed == ({*everything} - expected if negated else expected)
