"""Translates a `domain.query.Query` to SQL, and finds the tasks that are overdue by the list's own history.

User input is always bound as values.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.query import (
    Exact,
    ExactTerm,
    ExpiryTerm,
    Flag,
    FlagTerm,
    Query,
    Sort,
    SortKey,
    SpanTerm,
    Term,
    TextTerm,
)
from taskdash.domain.task import State
from taskdash.store.database import Part
from taskdash.store.rows import IN_LIST, SEARCHED, STATE_CODES, as_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from taskdash.store.store import Store

# Word for word as in the indexes, or SQLite would not use them. The end of a task is determined as by
# `domain.words.ended_ms`.
_END: Final = "complete_time_ms, create_time_ms + cost_time_ms, finished_at_ms"
ENDED: Final = f"coalesce({_END})"
BEGUN: Final = "coalesce(nullif(create_time_ms, 0), added_at_ms)"
"""When a task's age starts to count."""
LINKS_SINCE: Final = f"coalesce(renewed_at_ms, {_END})"
HAS_RESULTS: Final = "removal = 0 AND state = 2 AND result_count > 0"
COUNTED: Final = "result_expires_at_ms IS NULL"
OWN_LIFE: Final = "result_expires_at_ms IS NOT NULL"
"""How the expiry of links is known: counted by the profile's `result_ttl`, or stated by the links themselves."""
UNSAVED: Final = "result_count > saved_count"
UNDECIDED: Final = "result_count > picked_count + rejected_count"
_RESULTS: Final = "state = 2 AND result_count > 0"
_UNSEEN: Final = "SELECT seq FROM tasks WHERE removal = 0 AND unseen = 1"
_FLAGS: Final = {
    Flag.SAVED: (_RESULTS, f"NOT ({UNSAVED})", UNSAVED),
    Flag.PICKED: (_RESULTS, "picked_count > 0", "picked_count = 0"),
    Flag.REJECTED: (_RESULTS, "rejected_count > 0", "rejected_count = 0"),
    Flag.UNDECIDED: (_RESULTS, UNDECIDED, f"NOT ({UNDECIDED})"),
    Flag.OVERDUE: ("state = 1", f"seq {IN_LIST}", f"seq NOT {IN_LIST}"),
    Flag.CHARGED: ("credits IS NOT NULL", "credits > 0", "credits = 0"),
    # By the index of unseen tasks, as the rows themselves are too wide to scan.
    Flag.UNSEEN: ("1", f"seq IN ({_UNSEEN})", f"seq NOT IN ({_UNSEEN})"),
}
"""Conditions for the tasks that a flag applies to, for those that have it, and for those that do not."""

_SORT_COLUMNS: Final = {
    **{key: key.value for key in (SortKey.STATE, SortKey.LABEL, SortKey.MODEL, SortKey.CREDITS)},
    SortKey.COST: "cost_time_ms",
    SortKey.CREATED: "create_time_ms",
    SortKey.CHECKED: "checked_at_ms",
    SortKey.ID: "task_id",
}
_LONGEST_TEXT: Final = 1_000
"""How many characters of a word count, as SQLite refuses very long patterns."""
_FAILED: Final = f"state = {STATE_CODES[State.FAIL]}"

_SINCE: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
"""Maps a comparison of ages to the reverse comparison of the moments that they count from."""

Condition = tuple[str, list[Any]]


def where(database: Store, query: Query, now_ms: int, among: Collection[int] | None = None) -> Condition:
    """Return the condition of `query` and the values to bind; ages are counted up to `now_ms`.

    `among` has the `seq` of the only tasks that count; None: all do.
    """
    conditions: list[Condition] = []
    if query.states is not None:
        # One index serves a single state in the default order; otherwise the order's index is filtered by state.
        key, is_one = query.sort.key, len(query.states) == 1
        has_index = key is SortKey.STATE or (key is SortKey.ADDED and is_one)
        conditions.append((_states(query.states) if has_index else f"+{_states(query.states)}", []))
    conditions += [
        _signed(term, _condition(database, query.profile, term, now_ms))
        for term in query.terms
        if not isinstance(term, TextTerm)
    ]
    if texts := [term for term in query.terms if isinstance(term, TextTerm)]:
        found, bound = where_searched(query.profile, texts)
        # The plus makes SQLite go by the order's index; otherwise it would have to sort the rows found.
        conditions.append((f"+seq IN (SELECT seq FROM search WHERE {found})", bound))
    if among is not None:
        conditions.append((f"seq {IN_LIST}", [as_json(among)]))
    return _listed(query.profile, conditions)


def where_searched(profile: str | None, terms: Iterable[TextTerm]) -> Condition:
    """Return the condition on the table `search` for a query of words alone."""
    return _listed(profile, (_signed(term, _text(term)) for term in terms))


def _listed(profile: str | None, conditions: Iterable[Condition]) -> Condition:
    """Join conditions for the listed tasks of a profile (None: of all)."""
    listed: Condition = ("removal = 0", []) if profile is None else ("removal = 0 AND profile = ?", [profile])
    every = [listed, *conditions]
    return " AND ".join(sql for sql, _ in every), [value for _, bound in every for value in bound]


def _signed(term: Term, condition: Condition) -> Condition:
    sql, bound = condition
    return (f"NOT coalesce({sql}, 0)" if term.negated else sql), bound


def order(sort: Sort) -> str:
    """Return the ORDER BY of `sort`. Ties are sorted by `seq`, in the same direction, so that no two reads differ."""
    direction = "DESC" if sort.reverse else "ASC"
    if sort.key is SortKey.ADDED:
        return f"seq {direction}"
    return f"{_SORT_COLUMNS[sort.key]} {direction} NULLS LAST, seq {direction}"


def sort_column(sort: Sort) -> str:
    """Return the column that `sort` sorts by."""
    return _SORT_COLUMNS.get(sort.key, "seq")


def precedes(sort: Sort, value: object, seq: int) -> list[Condition]:
    """Return conditions, one of which holds for each row that `sort` puts before the one with `seq` and `value`."""
    than = ">" if sort.reverse else "<"
    if sort.key is SortKey.ADDED:
        return [(f"seq {than} ?", [seq])]
    column = _SORT_COLUMNS[sort.key]
    if value is None:
        return [(f"{column} IS NOT NULL", []), (f"{column} IS NULL AND seq {than} ?", [seq])]
    # Each half is a range of one index; joined by OR, or written as a row value, they would not be.
    return [(f"{column} {than} ?", [value]), (f"{column} = ? AND seq {than} ?", [value, seq])]


def _states(states: frozenset[State]) -> str:
    return f"state IN ({', '.join(str(STATE_CODES[state]) for state in sorted(states, key=STATE_CODES.__getitem__))})"


def _condition(
    database: Store, profile: str | None, term: ExactTerm | SpanTerm | ExpiryTerm | FlagTerm, now_ms: int
) -> Condition:
    match term:
        case ExactTerm():
            return _exact(term.of, sorted(term.values))
        case SpanTerm():
            return _span(term, now_ms)
        case ExpiryTerm():
            return expiring(term, profile, now_ms)
        case FlagTerm():
            told_of, has, has_not = _FLAGS[term.flag]
            bound = [as_json(database.history.overdue(profile, now_ms))] if term.flag is Flag.OVERDUE else []
            return f"({told_of} AND {has if term.is_set else has_not})", bound


def _exact(of: Exact, values: list[str]) -> Condition:
    match of:
        case Exact.PROFILE:
            return f"profile IN ({', '.join('?' * len(values))})", values
        case Exact.LABEL:
            return "label IS ?", values or [None]
        case Exact.STATE:
            return _states(frozenset(map(State, values))), []
        case Exact.PROBLEM:
            # By the index of problems even if negated, as the rows themselves are too wide to scan.
            kind = "problem_kind = ?" if values else "problem_kind IS NOT NULL"
            listed = f"SELECT seq FROM tasks WHERE removal = 0 AND {kind} AND problem_kind IS NOT NULL"
            return f"seq IN ({listed})", values
        case Exact.REASON if values:
            return f"({_FAILED} AND failure_class(fail_code, fail_msg, raw_state) = ?)", values
        case Exact.REASON:
            said = "trim(coalesce(fail_msg, ''), char(9, 10, 13, 32))"
            return f"({_FAILED} AND coalesce(fail_code, '') = '' AND {said} = '')", []


def _text(term: TextTerm) -> Condition:
    # The field's text stands between the characters `number` and `number + 1`.
    number = SEARCHED.index(term.field) + 1 if term.field else 0
    # Equivalent to instr, in two thirds of the time.
    text = re.sub(r"[*?[]", r"[\g<0>]", term.text[:_LONGEST_TEXT])
    return "folded GLOB ?", [f"*{chr(number)}*{text}*{chr(number + 1)}*" if number else f"*{text}*"]


def _span(term: SpanTerm, now_ms: int) -> Condition:
    if term.field == "cost":
        return f"cost_time_ms {term.operator} ?", [term.span_ms]
    # Age counts from createTime, else from when the task was added. An index can serve it as a moment.
    than, moment_ms = _SINCE[term.operator], now_ms - term.span_ms
    added = f"create_time_ms IS NULL AND added_at_ms {than} ?"
    return f"(create_time_ms {than} ? OR ({added}))", [moment_ms, moment_ms]


def expiring(term: ExpiryTerm, profile: str | None, now_ms: int) -> Condition:
    """Return the condition on the remaining lifetime of links, as stated by them or by their profile."""
    stated = (OWN_LIFE, list[str]()) if profile is None else (f"{OWN_LIFE} AND profile = ?", [profile])
    counted = ((f"{COUNTED} AND profile = ?", [name], LINKS_SINCE, ttl_ms) for name, ttl_ms in term.ttls_ms)
    found, values = [], list[Any]()
    for which, named, moment, life_ms in ((*stated, "result_expires_at_ms", 0), *counted):
        dead_ms = now_ms - life_ms
        limits = f"{moment} <= ?" if term.operator is None else f"{moment} > ? AND {moment} {term.operator} ?"
        found.append(f"{HAS_RESULTS} AND {which} AND {limits}")
        values += [*named, dead_ms, *([] if term.operator is None else [dead_ms + term.span_ms])]
    # By the indexes of expiry, as the rows themselves are too wide to scan.
    return f"seq IN ({' UNION ALL '.join(f'SELECT seq FROM tasks WHERE {each}' for each in found)})", values


def is_moving(terms: tuple[Term, ...]) -> bool:
    """Return whether tasks come to match, or cease to, as time passes."""
    return any(
        isinstance(term, ExpiryTerm)
        or (isinstance(term, SpanTerm) and term.field == "age")
        or (isinstance(term, FlagTerm) and term.flag is Flag.OVERDUE)
        for term in terms
    )


class History(Part):
    """Reads how long tasks took. One is overdue if it has waited longer than its kind's `Usual.overdue_ms`."""

    def durations(self, profile: str, limit: int = 5_000) -> list[tuple[str, str | None, int]]:
        """Return model, variant and costTime (ms) of the most recent successes, oldest first."""
        rows = self._database.rows(
            "SELECT model, variant, cost_time_ms FROM tasks WHERE removal = 0 AND profile = ? "
            "AND finished_at_ms IS NOT NULL AND state = 2 AND cost_time_ms IS NOT NULL AND model IS NOT NULL "
            "ORDER BY finished_at_ms DESC LIMIT ?",
            [profile, limit],
        )
        return [(str(model), variant, int(cost_ms)) for model, variant, cost_ms in reversed(rows)]

    def waiting(self, profile: str, limit: int = 1_000) -> list[tuple[str, str | None, int]]:
        """Return model, variant and age (ms) at the last check of waiting tasks, newest first."""
        rows = self._database.rows(
            f"SELECT model, variant, checked_at_ms - {BEGUN} FROM tasks "
            "WHERE removal = 0 AND profile = ? AND state = 1 AND model IS NOT NULL AND problem_kind IS NULL "
            "AND checked_at_ms IS NOT NULL ORDER BY seq LIMIT ?",
            [profile, limit],
        )
        return [(str(model), variant, int(age_ms)) for model, variant, age_ms in rows]

    def overdue(self, profile: str | None, now_ms: int) -> list[int]:
        """Return the `seq` of every task of a profile (None: of all) that is overdue at `now_ms`."""
        profiles = [profile]
        if profile is None:
            # Each gateway has a history of its own.
            sql = "SELECT profile FROM counts WHERE state = 1 AND tasks > 0"
            profiles = [name for (name,) in self._database.rows(sql)]
        return [seq for name in profiles if name for seq, _ in self._overdue(name, now_ms)]

    def overdue_by_label(self, profile: str, now_ms: int) -> dict[str | None, int]:
        """Return how many tasks of each label are overdue; labels without any are left out."""
        return Counter(label for _, label in self._overdue(profile, now_ms))

    def _overdue(self, profile: str, now_ms: int) -> list[tuple[int, str | None]]:
        # `state < 2` is there to match the index of unfinished tasks, or SQLite would not use it.
        waiting = self._database.rows(
            f"SELECT seq, label, model, variant, ? - {BEGUN} FROM tasks "
            "WHERE removal = 0 AND profile = ? AND state < 2 AND state = 1",
            [now_ms, profile],
        )
        if not waiting:
            return []
        # Imported late, as few lists have waiting tasks when they are read.
        from taskdash.domain.usual import Durations

        history, found = Durations(self.durations(profile)), []
        history.see_waiting(self.waiting(profile))
        for seq, label, model, variant, age_ms in waiting:
            usual = history.usual(model, variant)
            if usual is not None and age_ms > usual.overdue_ms:
                found.append((seq, label))
        return found
