"""What a filter found, kept until the list changes: each key then costs a slice of it, not another search.

All of it is one array of numbers, 8 bytes a task. SQLite hands it over as one text: a row for each task would take
and give the interpreter's lock each time, and the screen would wait in between.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from itertools import compress
from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.query import ExpiryTerm, Query, Sort, SortKey, SpanTerm, TextTerm
from taskdash.store.database import IN_LIST, as_json
from taskdash.store.query_sql import STATE_CODES, order, where, where_searched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.domain.query import Term
    from taskdash.domain.task import State
    from taskdash.store.database import Database

LAG_MS: Final = 1_000
"""How much older than the list a result may be that serves keys."""
_SPANS_HOLD_MS: Final = 1_000
"""How long a comparison with an age, or with what is left of a life, holds."""
_FEW: Final = 4_000
"""Tasks up to which sorting them is quicker than reading the whole list in the order."""


Version = tuple[int, int]


class Found:
    """The tasks of one filter, of any state, and in the orders that were asked for."""

    def __init__(self, query: Query, at_ms: int, version: Version, codes: array[int]) -> None:
        self.profile = query.profile
        self.terms = query.terms
        self.at_ms = at_ms
        self.version = version
        self._codes = codes
        """`seq` times 4 plus the state's code, ascending."""
        self.by_state = Counter(code & 3 for code in codes)
        """How many have each state's code."""
        self.listing: tuple[tuple[frozenset[State] | None, Sort], array[int]] | None = None
        """States and order that were asked for last, and the `seq` of those tasks."""

    def in_states(self, states: frozenset[State] | None) -> array[int]:
        """Return the `seq` of those in these states, ascending."""
        if states is None:
            return array("q", (code >> 2 for code in self._codes))
        wanted = {STATE_CODES[state] for state in states}
        return array("q", (code >> 2 for code in self._codes if code & 3 in wanted))


class Matches:
    """The last filter of one store's list with what it found."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last: Found | None = None
        self._order: tuple[tuple[str | None, Sort, Version], array[int]] | None = None

    def found(self, query: Query, now_ms: int, *, may_lag: bool = False) -> Found:
        """Return what matches the filter of `query`; with `may_lag` it may be a moment older than the list."""
        version = self._database.version()
        last = self._last
        if last is not None and (last.profile, last.terms) == (query.profile, query.terms):
            age_ms = now_ms - last.at_ms
            is_current = last.version == version and 0 <= age_ms < _holds_ms(query.terms)
            if is_current or (may_lag and 0 <= age_ms < LAG_MS):
                return last
        # What it held is free before the next search begins.
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

    def _in_order(self, seqs: array[int], profile: str | None, sort: Sort) -> array[int]:
        if sort.key is SortKey.ADDED:
            return seqs[::-1] if sort.reverse else seqs
        if len(seqs) <= _FEW:
            sql = f"SELECT seq FROM tasks WHERE seq {IN_LIST} ORDER BY {order(sort)}"
            return numbers(self._database, sql, [as_json(seqs)])
        wanted, whole = set(seqs), self._whole_list(profile, sort)
        return array("q", compress(whole, (seq in wanted for seq in whole)))

    def _whole_list(self, profile: str | None, sort: Sort) -> array[int]:
        """Return every task in an order, kept as well: the next letter of a word sorts by it again."""
        key = profile, sort, self._database.version()
        if self._order is None or self._order[0] != key:
            condition, values = where(Query(profile, sort=sort), 0)
            sql = f"SELECT seq FROM tasks WHERE {condition} ORDER BY {order(sort)}"
            self._order = key, numbers(self._database, sql, values)
        return self._order[1]

    def _search(self, query: Query, now_ms: int) -> array[int]:
        texts = tuple(term for term in query.terms if isinstance(term, TextTerm))
        if len(texts) == len(query.terms):
            table, (condition, values) = "search", where_searched(query.profile, texts)
        else:
            table, (condition, values) = "tasks", where(Query(query.profile, None, query.terms), now_ms)
        sql = f"SELECT seq * 4 + state FROM {table} WHERE {condition}"
        return array("q", sorted(numbers(self._database, sql, values)))


def numbers(database: Database, sql: str, values: Sequence[Any]) -> array[int]:
    """Return the one column of a query, in its order, all in one step of SQLite."""
    # A LIMIT, even none, keeps SQLite from dropping an ORDER BY that an aggregate seems not to need.
    text = database.value(f"WITH found (n) AS ({sql} LIMIT -1) SELECT json_group_array(n) FROM found", values)
    return array("q", json.loads(text))


def _holds_ms(terms: tuple[Term, ...]) -> float:
    moving = any(
        isinstance(term, ExpiryTerm) or (isinstance(term, SpanTerm) and term.field == "age") for term in terms
    )
    return _SPANS_HOLD_MS if moving else float("inf")
