"""Reads the list: windows of it, counts, and tasks with all that is known of them.

The matches of a filter are cached until the list changes. So each key press costs a slice of them, not another search.
They are one array of numbers, 8 bytes a task. SQLite returns them as one text: fetching a row per task would acquire
and release the GIL each time, and the screen would stall in between.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.errors import UnknownTaskError
from taskdash.domain.id_forms import has_known_form
from taskdash.domain.query import Query, Sort, SortKey, TextTerm
from taskdash.domain.untrusted import inert_line
from taskdash.store.database import Part
from taskdash.store.query_sql import (
    HAS_RESULTS,
    OWN_LIFE,
    is_moving,
    order,
    precedes,
    sort_column,
    where,
    where_searched,
)
from taskdash.store.rows import (
    DETAIL_COLUMNS,
    HEAD_COLUMNS,
    IN_LIST,
    LIST_BODY_COLUMNS,
    SAVED_COLUMNS,
    STATE_CODES,
    TASK_COLUMNS,
    TASK_WIDTH,
    as_json,
    by_state,
    detail_from_row,
    read_tasks,
    task_from_row,
    urls_from_text,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from taskdash.domain.query import Term
    from taskdash.domain.task import State, Task, TaskDetail
    from taskdash.store.store import Store

MIN_PREFIX_CHARS: Final = 6
LAG_MS: Final = 1_000
"""How far matches that serve key presses may lag behind the list."""
_MOVING_HOLD_MS: Final = 1_000
"""How long matches stay valid that depend on the time."""
_FEW: Final = 4_000
"""Up to this many tasks, sorting them is quicker than reading the whole list in order."""
_PORTION: Final = 500
_PORTION_BYTES: Final = 4 * 1_048_576


@dataclass(slots=True)
class _Found:
    """Holds the tasks that match a filter, in any state, and those last listed, in their order."""

    profile: str | None
    terms: tuple[Term, ...]
    at_ms: int
    version: tuple[int, int]
    codes: array[int]
    """`seq` times 4 plus the state's code, ascending."""
    by_state: Counter[int]
    listing: tuple[tuple[frozenset[State] | None, Sort], array[int]] | None = None
    """The states and order last requested, and the `seq` of those tasks."""
    labels: tuple[str | None, ...] | None = None
    """Their first and last label; None until requested."""

    def in_states(self, states: frozenset[State] | None) -> array[int]:
        """Return the `seq` of the tasks in these states (None: in any), ascending."""
        if states is None:
            return array("q", (code >> 2 for code in self.codes))
        wanted = {STATE_CODES[state] for state in states}
        return array("q", (code >> 2 for code in self.codes if code & 3 in wanted))


class TaskList(Part):
    """Reads the tasks of every profile in one store. With `may_lag`, matches of a filter may be a moment old."""

    def __init__(self, database: Store) -> None:
        super().__init__(database)
        self._last_found: _Found | None = None

    def rows(
        self,
        query: Query,
        now_ms: int,
        *,
        limit: int = -1,
        offset: int = 0,
        may_lag: bool = False,
        whole: bool = False,
    ) -> list[Task]:
        """Return the tasks of `query` in its order, or a window of `limit` rows.

        For tables: prompts and failure texts are cut to `HEAD_CHARS` characters, unless `whole`.
        """
        columns = TASK_COLUMNS if whole else HEAD_COLUMNS
        if query.terms and limit >= 0:
            # Includes tasks removed since, for a moment: without them the rows below would be on the wrong lines.
            seqs = self._matching(query, now_ms, may_lag=may_lag)[offset : offset + limit]
            return self._in_order(seqs, condition="1", columns=columns)
        condition, values = where(self._database, query, now_ms)
        in_order = f"ORDER BY {order(query.sort)}"
        # The window is found in an index alone; only its own rows are read whole.
        chosen = f"SELECT seq FROM tasks WHERE {condition} {in_order} LIMIT ? OFFSET ?"
        sql = f"SELECT {columns} FROM tasks WHERE seq IN ({chosen}) {in_order}"
        return [task_from_row(row) for row in self._database.rows(sql, [*values, limit, offset])]

    def seqs(self, query: Query, now_ms: int, *, may_lag: bool = False) -> list[int]:
        """Return the `seq` of every task of `query`, in its order."""
        if query.terms:
            return list(self._matching(query, now_ms, may_lag=may_lag))
        condition, values = where(self._database, query, now_ms)
        sql = f"SELECT seq FROM tasks WHERE {condition} ORDER BY {order(query.sort)}"
        return list(_numbers(self._database, sql, values))

    def listed_seqs(self, seqs: Sequence[int]) -> set[int]:
        """Return those of `seqs` that are on the list."""
        sql = f"SELECT seq FROM tasks WHERE removal = 0 AND seq {IN_LIST}"
        return {seq for (seq,) in self._database.rows(sql, [as_json(seqs)])}

    def removals(self) -> int:
        """Return how many removals there have been; while that is unchanged, no listed task has gone."""
        return int(self._database.value("SELECT seq FROM sqlite_sequence WHERE name = 'removals'") or 0)

    def rank(self, query: Query, seq: int, now_ms: int, *, may_lag: bool = False) -> int | None:
        """Return how many tasks precede this one in the order of `query`; None if it is not among them."""
        if query.terms:
            try:
                return self._matching(query, now_ms, may_lag=may_lag).index(seq)
            except ValueError:
                return None
        condition, values = where(self._database, query, now_ms)
        key = sort_column(query.sort)
        rows = self._database.rows(f"SELECT {key} FROM tasks WHERE {condition} AND seq = ?", [*values, seq])
        if not rows:
            return None
        before = precedes(query.sort, rows[0][0], seq)
        return sum(self._count(query, now_ms, condition, bound) for condition, bound in before)

    def _count(self, query: Query, now_ms: int, condition: str, bound: Sequence[Any]) -> int:
        listed, values = where(self._database, query, now_ms)
        sql = f"SELECT count(*) FROM tasks WHERE {listed} AND {condition}"
        return int(self._database.value(sql, [*values, *bound]))

    def counts(self, query: Query, now_ms: int, *, may_lag: bool = False) -> dict[State, int]:
        """Return how many tasks `query` has in each state, ignoring the states that it asks for."""
        if not query.terms:
            sql = "SELECT state, sum(tasks) FROM counts WHERE profile = coalesce(?, profile) GROUP BY state"
            return by_state(self._database.rows(sql, [query.profile]))
        return by_state(self._found(query, now_ms, may_lag=may_lag).by_state.items())

    def labels(self, query: Query, now_ms: int, *, may_lag: bool = False) -> tuple[str | None, ...]:
        """Return the end labels of the tasks of `query`, in any state."""
        if query.terms:
            matches = self._found(query, now_ms, may_lag=may_lag)
            if matches.labels is None:
                seqs = matches.in_states(None)
                # If there are many, the labels of the whole list will do.
                condition, values = where(self._database, Query(query.profile), now_ms)
                if len(seqs) <= _FEW:
                    condition, values = f"seq {IN_LIST}", [as_json(seqs)]
                matches.labels = _end_labels(self._database, condition, values) if seqs else ()
            return matches.labels
        if query.profile is not None:
            return _end_labels(self._database, *where(self._database, Query(query.profile), now_ms))
        # Profile by profile, through its index; across all of them SQLite would read the whole list.
        names = self._database.rows("SELECT DISTINCT profile FROM counts")
        found = {label for (name,) in names for label in self.labels(Query(name), now_ms)}
        ends = sorted(filter(None, found))
        return *([None] if None in found else []), *dict.fromkeys([*ends[:1], *ends[-1:]])

    def by_seq(self, seqs: Sequence[int]) -> list[Task]:
        """Return the tasks of `seqs` that are on the list, in that order."""
        return self._in_order(seqs, condition="removal = 0")

    def heads(self, seqs: Sequence[int]) -> list[Task]:
        """Return tasks as `by_seq` does, with long texts cut to `HEAD_CHARS` characters."""
        return self._in_order(seqs, condition="removal = 0", columns=HEAD_COLUMNS)

    def _in_order(self, seqs: Sequence[int], condition: str, columns: str = TASK_COLUMNS) -> list[Task]:
        sql = f"SELECT {columns} FROM tasks WHERE {condition} AND seq {IN_LIST}"
        found = {row[0]: row for row in self._database.rows(sql, [as_json(seqs)])}
        return [task_from_row(found[seq]) for seq in seqs if seq in found]

    def detail(self, seq: int, *, raw: bool = True) -> TaskDetail | None:
        """Return a task with its bodies, but the raw one, which may be large, only if `raw`; None if unlisted."""
        return next(self.details([seq], raw=raw), None)

    def details(
        self, seqs: Sequence[int], *, raw: bool = True, now_ms: int | None = None
    ) -> Iterator[TaskDetail]:
        """Yield tasks with their bodies, the raw one only if `raw`, in the order of `seqs`.

        They are read in portions, to save memory. With `now_ms`, those overdue at that time are marked.
        """
        overdue = frozenset(() if now_ms is None else self._database.history.overdue(None, now_ms))
        columns = DETAIL_COLUMNS if raw else f"{LIST_BODY_COLUMNS}, x''"
        for portion in self._portions(seqs):
            bound = [as_json(portion)]
            saved: dict[int, list[tuple[Any, ...]]] = {}
            for seq, *file in self._database.rows(
                f"SELECT seq, {SAVED_COLUMNS} FROM saved WHERE seq {IN_LIST} ORDER BY seq, n", bound
            ):
                saved.setdefault(seq, []).append(tuple(file))
            verdicts = self._database.verdicts.of(portion)
            for task, body in self._joined(TASK_COLUMNS, columns, portion):
                detail = detail_from_row(task, body, saved.get(task.seq, ()), verdicts.get(task.seq, {}))
                yield replace(detail, is_overdue=True) if task.seq in overdue else detail

    def links(self, seqs: Sequence[int]) -> Iterator[tuple[Task, tuple[str, ...]]]:
        """Yield the heads of tasks with their result links, in the order of `seqs`, and read nothing else."""
        for start in range(0, len(seqs), _PORTION):
            for task, body in self._joined(HEAD_COLUMNS, "result_urls", seqs[start : start + _PORTION]):
                yield task, urls_from_text(body[0])

    def _joined(self, columns: str, body: str, seqs: Sequence[int]) -> Iterator[tuple[Task, tuple[Any, ...]]]:
        """Yield tasks with columns of their bodies.

        In one read: a check recorded between two would pair the state of one answer with the body of another.
        """
        rows = self._database.rows(
            f"SELECT {columns}, {body} FROM tasks LEFT JOIN bodies USING (seq) WHERE removal = 0 AND seq {IN_LIST}",
            [as_json(seqs)],
        )
        found = {row[0]: row for row in rows}
        for seq in seqs:
            if row := found.get(seq):
                yield task_from_row(row), row[TASK_WIDTH:]

    def _portions(self, seqs: Sequence[int]) -> Iterator[list[int]]:
        """Split `seqs` so that the bodies of a portion do not take much more than `_PORTION_BYTES`."""
        # The raw body contains all the others, and SQLite knows its length without reading it.
        sql = f"SELECT seq, length(raw) FROM bodies WHERE seq {IN_LIST}"
        sizes: dict[int, int] = dict(self._database.rows(sql, [as_json(seqs)]))
        portion: list[int] = []
        left = _PORTION_BYTES
        for seq in seqs:
            left -= sizes.get(seq, 0)
            if portion and (left < 0 or len(portion) == _PORTION):
                yield portion
                portion, left = [], _PORTION_BYTES - sizes.get(seq, 0)
            portion.append(seq)
        if portion:
            yield portion

    def has_own_lives(self, profile: str | None = None) -> bool:
        """Return whether a profile (None: any) has results whose links state their own expiry."""
        # The index has few entries, if any, but SQLite would choose to read the whole list.
        listed = f"tasks INDEXED BY tasks_by_own_expiry WHERE {HAS_RESULTS} AND {OWN_LIFE}"
        sql = f"SELECT 1 FROM {listed} AND profile = coalesce(?, profile) LIMIT 1"
        return bool(self._database.value(sql, [profile]))

    def shown(self, query: Query, seqs: Collection[int], now_ms: int) -> int:
        """Return how many of `seqs` are among the tasks of `query`."""
        if query.terms:
            return len(set(seqs).intersection(self.seqs(query, now_ms, may_lag=True)))
        return self._count(query, now_ms, f"seq {IN_LIST}", [as_json(seqs)])

    def find(self, profile: str, text: str) -> Task:
        """Return the task whose ID is `text`, or the only one whose ID starts with it (6 characters or more).

        Only an ID of a known form can be shortened. The start of any other may be the ID of another task:
        `job-1000` does not stand for `job-10001`.

        Raises:
            UnknownTaskError: there is none, or there are several.
        """
        if not text.isascii():
            # All IDs are ASCII, and SQLite cannot bind the surrogates of bytes that are not UTF-8.
            raise _unknown(profile, text)
        of_profile = "FROM tasks WHERE removal = 0 AND profile = ? AND"
        if found := read_tasks(self._database, f"{of_profile} task_id = ?", [profile, text]):
            return found[0]
        is_short = 0 < len(text.strip()) < MIN_PREFIX_CHARS
        hint = f" (a prefix needs {MIN_PREFIX_CHARS} characters)" if is_short else ""
        if len(text) >= MIN_PREFIX_CHARS:
            # A range instead of LIKE, which ignores case, and whose % and _ would have to be escaped.
            near = f"{of_profile} task_id >= ? AND task_id < ? LIMIT 2"
            longer = read_tasks(self._database, near, [profile, text, text + "\U0010ffff"])
            if len(longer) == 1 and has_known_form(longer[0].task_id) and not has_known_form(text):
                return longer[0]
            if longer:
                hint = "; several IDs start with it: give one in full"
            if len(longer) == 1:
                hint = f"; did you mean {longer[0].task_id}?"
        raise _unknown(profile, text, hint)

    def find_detail(self, profile: str, text: str) -> TaskDetail:
        """Return the task that `find` finds, with its bodies; raise as `find` does."""
        detail = self.detail(self.find(profile, text).seq)
        if detail is None:
            raise _unknown(profile, text)  # another process has removed it since it was found
        return detail

    # The matches of a filter

    def _found(self, query: Query, now_ms: int, *, may_lag: bool = False) -> _Found:
        """Return the matches of `query`'s filter; with `may_lag` they may be up to `LAG_MS` old."""
        version = self._database.data_version(), self._database.connection.total_changes
        last = self._last_found
        if last is not None and (last.profile, last.terms) == (query.profile, query.terms):
            age_ms = now_ms - last.at_ms
            holds = age_ms < _MOVING_HOLD_MS or not is_moving(query.terms)
            if age_ms >= 0 and ((last.version == version and holds) or (may_lag and age_ms < LAG_MS)):
                return last
        # Free the old matches before the next search begins.
        self._last_found = last = None
        texts = tuple(term for term in query.terms if isinstance(term, TextTerm))
        if len(texts) == len(query.terms):
            table, (condition, values) = "search", where_searched(query.profile, texts)
        else:
            table, (condition, values) = "tasks", where(self._database, query._replace(states=None), now_ms)
        codes = _numbers(self._database, f"SELECT seq * 4 + state FROM {table} WHERE {condition}", values)
        counts = Counter(code & 3 for code in codes)
        found = _Found(query.profile, query.terms, now_ms, version, array("q", sorted(codes)), counts)
        self._last_found = found
        return found

    def _matching(self, query: Query, now_ms: int, *, may_lag: bool = False) -> array[int]:
        """Return the `seq` of every task that a filter matches, in the order of `query`."""
        found = self._found(query, now_ms, may_lag=may_lag)
        wanted = query.states, query.sort
        if found.listing is None or found.listing[0] != wanted:
            found.listing = wanted, self._sorted(found.in_states(query.states), query.profile, query.sort)
        return found.listing[1]

    def _sorted(self, seqs: array[int], profile: str | None, sort: Sort) -> array[int]:
        if sort.key is SortKey.ADDED:
            return seqs[::-1] if sort.reverse else seqs
        if len(seqs) <= _FEW:
            sql = f"SELECT seq FROM tasks WHERE seq {IN_LIST} ORDER BY {order(sort)}"
            return _numbers(self._database, sql, [as_json(seqs)])
        wanted, (condition, values) = set(seqs), where(self._database, Query(profile, sort=sort), 0)
        sql = f"SELECT seq FROM tasks WHERE {condition} ORDER BY {order(sort)}"
        whole = _numbers(self._database, sql, values)
        return array("q", compress(whole, (seq in wanted for seq in whole)))


def _unknown(profile: str, text: str, hint: str = "") -> UnknownTaskError:
    # An empty variable of a script arrives as an ID.
    name = inert_line(text, 128).strip() or "an empty ID"
    return UnknownTaskError(f"{name} is not on the list of profile {inert_line(profile)}{hint}")


def _end_labels(database: Store, condition: str, values: Sequence[Any]) -> tuple[str | None, ...]:
    """Return the first and last label under a condition, once if they are equal, after None if some have none."""
    ends = "IS NULL", "IS NOT NULL ORDER BY label", "IS NOT NULL ORDER BY label DESC"
    sql = f"SELECT label FROM tasks WHERE {condition} AND label"
    labels = [label for end in ends for (label,) in database.rows(f"{sql} {end} LIMIT 1", values)]
    # The file may have been edited by hand.
    return tuple(dict.fromkeys(None if label is None else inert_line(str(label)) for label in labels))


def _numbers(database: Store, sql: str, values: Sequence[Any]) -> array[int]:
    """Return the only column of a query, in its order, in a single step of SQLite."""
    # A LIMIT, even an unlimited one, keeps SQLite from dropping an ORDER BY that an aggregate seems not to need.
    text = database.value(f"WITH found (n) AS ({sql} LIMIT -1) SELECT json_group_array(n) FROM found", values)
    return array("q", json.loads(text))
