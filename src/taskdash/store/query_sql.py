"""Translates a `domain.query.Query` to SQL, and caches its matches until the list changes.

User input is always bound as values. With the cache each key press costs a slice of the matches, not another search.
They are one array of numbers, 8 bytes a task. SQLite returns them as one text: fetching a row per task would acquire
and release the GIL each time, and the screen would stall in between.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from itertools import compress
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
from taskdash.domain.untrusted import inert_line
from taskdash.store.additions import SEARCHED
from taskdash.store.database import IN_LIST, as_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from taskdash.store.store import Store

STATE_CODES: Final = {State.NEW: 0, State.WAITING: 1, State.SUCCESS: 2, State.FAIL: 3}
"""As stored; their order is the order of `--sort state`."""
# Word for word as in the indexes, or SQLite would not use them. The end of a task is determined as by
# `domain.notices.ended_ms`.
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
_LONGEST_GLOB: Final = 1_000
"""In characters; SQLite refuses very long patterns."""
_FAILED: Final = f"state = {STATE_CODES[State.FAIL]}"

_SINCE: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
"""Maps a comparison of ages to the reverse comparison of the moments that they count from."""

LAG_MS: Final = 1_000
"""How far matches that serve key presses may lag behind the list."""
_SPANS_HOLD_MS: Final = 1_000
"""How long matches by age or remaining lifetime stay valid."""
_FEW: Final = 4_000
"""Up to this many tasks, sorting them is quicker than reading the whole list in order."""

Condition = tuple[str, list[Any]]
Version = tuple[int, int]


def where(database: Store, query: Query, now_ms: int) -> Condition:
    """Return the condition of `query` and the values to bind; ages are counted up to `now_ms`."""
    parts, values = _listed(query.profile)
    if query.states is not None:
        # One index serves a single state in the default order; otherwise the order's index is filtered by state.
        has_index = query.sort.key is SortKey.STATE or (
            query.sort.key is SortKey.ADDED and len(query.states) == 1
        )
        parts.append(_states(query.states) if has_index else f"+{_states(query.states)}")
    texts = tuple(term for term in query.terms if isinstance(term, TextTerm))
    others = tuple(term for term in query.terms if not isinstance(term, TextTerm))
    for term in others:
        sql, bound = _signed(term, _condition(database, query.profile, term, now_ms))
        parts.append(sql)
        values.extend(bound)
    if texts:
        found, bound = where_searched(query.profile, texts)
        # The plus makes SQLite go by the order's index; otherwise it would have to sort the rows found.
        parts.append(f"+seq IN (SELECT seq FROM search WHERE {found})")
        values.extend(bound)
    return " AND ".join(parts), values


def where_searched(profile: str | None, terms: Iterable[TextTerm]) -> Condition:
    """Return the condition on the table `search` for a query of words alone."""
    parts, values = _listed(profile)
    for term in terms:
        sql, bound = _signed(term, _text(term))
        parts.append(sql)
        values.extend(bound)
    return " AND ".join(parts), values


def _listed(profile: str | None) -> tuple[list[str], list[Any]]:
    return (["removal = 0"], []) if profile is None else (["removal = 0", "profile = ?"], [profile])


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
            return _expiry(term, now_ms)
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
    if len(term.text) <= _LONGEST_GLOB:
        # Equivalent to instr, in two thirds of the time.
        text = re.sub(r"[*?[]", r"[\g<0>]", term.text)
        return "folded GLOB ?", [f"*{chr(number)}*{text}*{chr(number + 1)}*" if number else f"*{text}*"]
    if not number:
        return "instr(folded, ?) > 0", [term.text]
    begin, end = f"instr(folded, char({number}))", f"instr(folded, char({number + 1}))"
    return f"instr(substr(folded, {begin} + 1, {end} - {begin} - 1), ?) > 0", [term.text]


def _span(term: SpanTerm, now_ms: int) -> Condition:
    if term.field == "cost":
        return f"cost_time_ms {term.operator} ?", [term.span_ms]
    # Age counts from createTime, else from when the task was added. An index can serve it as a moment.
    than, moment_ms = _SINCE[term.operator], now_ms - term.span_ms
    added = f"create_time_ms IS NULL AND added_at_ms {than} ?"
    return f"(create_time_ms {than} ? OR ({added}))", [moment_ms, moment_ms]


def _expiry(term: ExpiryTerm, now_ms: int) -> Condition:
    """Return the condition on the remaining lifetime of links, as stated by them or by their profile."""
    counted = ((f"{COUNTED} AND profile = ?", LINKS_SINCE, [name], ttl_ms) for name, ttl_ms in term.ttls_ms)
    found, values = [], list[Any]()
    for which, moment, named, life_ms in ((OWN_LIFE, "result_expires_at_ms", list[str](), 0), *counted):
        dead_ms = now_ms - life_ms
        limits = f"{moment} <= ?" if term.operator is None else f"{moment} > ? AND {moment} {term.operator} ?"
        found.append(f"{HAS_RESULTS} AND {which} AND {limits}")
        values += [*named, dead_ms, *([] if term.operator is None else [dead_ms + term.span_ms])]
    # By the indexes of expiry, as the rows themselves are too wide to scan.
    return f"seq IN ({' UNION ALL '.join(f'SELECT seq FROM tasks WHERE {each}' for each in found)})", values


class Found:
    """The tasks that match a filter, in any state, and those last listed, in their order."""

    def __init__(self, query: Query, at_ms: int, version: Version, codes: array[int]) -> None:
        self.profile = query.profile
        self.terms = query.terms
        self.at_ms = at_ms
        self.version = version
        self._codes = codes
        """`seq` times 4 plus the state's code, ascending."""
        self.by_state = Counter(code & 3 for code in codes)
        self.listing: tuple[tuple[frozenset[State] | None, Sort], array[int]] | None = None
        """The states and order last requested, and the `seq` of those tasks."""
        self.labels: tuple[str | None, ...] | None = None
        """Their first and last label; None until requested."""

    def in_states(self, states: frozenset[State] | None) -> array[int]:
        """Return the `seq` of the tasks in these states (None: in any), ascending."""
        if states is None:
            return array("q", (code >> 2 for code in self._codes))
        wanted = {STATE_CODES[state] for state in states}
        return array("q", (code >> 2 for code in self._codes if code & 3 in wanted))


class Matches:
    """Caches the matches of the last filter on one store's list."""

    def __init__(self, database: Store) -> None:
        self._database = database
        self._last: Found | None = None

    def found(self, query: Query, now_ms: int, *, may_lag: bool = False) -> Found:
        """Return the matches of `query`'s filter; with `may_lag` they may be up to `LAG_MS` old."""
        version = self._database.version()
        last = self._last
        if last is not None and (last.profile, last.terms) == (query.profile, query.terms):
            age_ms = now_ms - last.at_ms
            is_current = last.version == version and 0 <= age_ms < _holds_ms(query.terms)
            if is_current or (may_lag and 0 <= age_ms < LAG_MS):
                return last
        # Free the old matches before the next search begins.
        self._last = last = None
        self._last = Found(query, now_ms, version, self._search(query, now_ms))
        return self._last

    def seqs(self, query: Query, now_ms: int, *, may_lag: bool = False) -> array[int]:
        """Return the `seq` of every task of `query`, in its order."""
        found = self.found(query, now_ms, may_lag=may_lag)
        wanted = query.states, query.sort
        if found.listing is None or found.listing[0] != wanted:
            found.listing = wanted, self._in_order(found.in_states(query.states), query.profile, query.sort)
        return found.listing[1]

    def labels(self, query: Query, now_ms: int, *, may_lag: bool = False) -> tuple[str | None, ...]:
        """Return `end_labels` of the tasks that match."""
        found = self.found(query, now_ms, may_lag=may_lag)
        if found.labels is None:
            seqs = found.in_states(None)
            # If there are many, the labels of the whole list will do.
            condition, values = where(self._database, Query(query.profile), now_ms)
            if len(seqs) <= _FEW:
                condition, values = f"seq {IN_LIST}", [as_json(seqs)]
            found.labels = end_labels(self._database, condition, values) if seqs else ()
        return found.labels

    def _in_order(self, seqs: array[int], profile: str | None, sort: Sort) -> array[int]:
        if sort.key is SortKey.ADDED:
            return seqs[::-1] if sort.reverse else seqs
        if len(seqs) <= _FEW:
            sql = f"SELECT seq FROM tasks WHERE seq {IN_LIST} ORDER BY {order(sort)}"
            return numbers(self._database, sql, [as_json(seqs)])
        wanted, (condition, values) = set(seqs), where(self._database, Query(profile, sort=sort), 0)
        sql = f"SELECT seq FROM tasks WHERE {condition} ORDER BY {order(sort)}"
        whole = numbers(self._database, sql, values)
        return array("q", compress(whole, (seq in wanted for seq in whole)))

    def _search(self, query: Query, now_ms: int) -> array[int]:
        texts = tuple(term for term in query.terms if isinstance(term, TextTerm))
        if len(texts) == len(query.terms):
            table, (condition, values) = "search", where_searched(query.profile, texts)
        else:
            query = Query(query.profile, None, query.terms)
            table, (condition, values) = "tasks", where(self._database, query, now_ms)
        sql = f"SELECT seq * 4 + state FROM {table} WHERE {condition}"
        return array("q", sorted(numbers(self._database, sql, values)))


def end_labels(database: Store, condition: str, values: Sequence[Any]) -> tuple[str | None, ...]:
    """Return the first and last label under a condition, once if they are equal, after None if some have none."""
    ends = [
        row[0]
        for end in (
            "label IS NULL",
            "label IS NOT NULL ORDER BY label",
            "label IS NOT NULL ORDER BY label DESC",
        )
        for row in database.rows(f"SELECT label FROM tasks WHERE {condition} AND {end} LIMIT 1", values)
    ]
    # The file may have been edited by hand.
    labels = (None if label is None else inert_line(str(label)) for label in ends)
    return tuple(dict.fromkeys(labels))


def numbers(database: Store, sql: str, values: Sequence[Any]) -> array[int]:
    """Return the only column of a query, in its order, in a single step of SQLite."""
    # A LIMIT, even an unlimited one, keeps SQLite from dropping an ORDER BY that an aggregate seems not to need.
    text = database.value(f"WITH found (n) AS ({sql} LIMIT -1) SELECT json_group_array(n) FROM found", values)
    return array("q", json.loads(text))


def _holds_ms(terms: tuple[Term, ...]) -> float:
    moving = any(
        isinstance(term, ExpiryTerm)
        or (isinstance(term, SpanTerm) and term.field == "age")
        or (isinstance(term, FlagTerm) and term.flag is Flag.OVERDUE)
        for term in terms
    )
    return _SPANS_HOLD_MS if moving else float("inf")
