"""The list itself: reading, editing and removing tasks."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from taskdash.domain.errors import UnknownTaskError
from taskdash.domain.id_forms import has_known_form
from taskdash.domain.query import NEWEST_FIRST, Query
from taskdash.domain.untrusted import inert, inert_line
from taskdash.store.additions import clean_label
from taskdash.store.database import IN_LIST, Part, as_json
from taskdash.store.query_sql import (
    HAS_RESULTS,
    OWN_LIFE,
    Matches,
    end_labels,
    numbers,
    order,
    precedes,
    sort_column,
    where,
)
from taskdash.store.rows import (
    CHECKED_COLUMNS,
    DETAIL_COLUMNS,
    HEAD_COLUMNS,
    LIST_BODY_COLUMNS,
    SAVED_COLUMNS,
    TASK_COLUMNS,
    TASK_WIDTH,
    by_state,
    detail_from_row,
    read_tasks,
    search_text,
    task_from_row,
    urls_from_text,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from taskdash.domain.task import State, Task, TaskDetail
    from taskdash.store.store import Store

MIN_PREFIX_CHARS: Final = 6
_PORTION: Final = 500
_PORTION_BYTES: Final = 4 * 1_048_576
REMOVAL_KEPT_MS: Final = 24 * 3_600_000


class Labels(NamedTuple):
    """The label and the note of a task."""

    label: str | None
    note: str | None


class Edit(NamedTuple):
    """The label and note of a task before and after an edit."""

    seq: int
    before: Labels
    after: Labels


class Restored(NamedTuple):
    """The result of undoing a removal: how many tasks came `back`, and which had been added `again`."""

    back: int
    again: dict[int, int]
    """Maps the `seq` of tasks whose ID had been added again to that of the task that has the ID now."""


class TaskList(Part):
    """The tasks of every profile in one store.

    The matches of a filter are cached until the list changes; with `may_lag`, a moment longer.
    """

    def __init__(self, database: Store) -> None:
        super().__init__(database)
        self._matches = Matches(database)

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
            seqs = self._matches.seqs(query, now_ms, may_lag=may_lag)[offset : offset + limit]
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
            return list(self._matches.seqs(query, now_ms, may_lag=may_lag))
        condition, values = where(self._database, query, now_ms)
        sql = f"SELECT seq FROM tasks WHERE {condition} ORDER BY {order(query.sort)}"
        return list(numbers(self._database, sql, values))

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
                return self._matches.seqs(query, now_ms, may_lag=may_lag).index(seq)
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
        return by_state(self._matches.found(query, now_ms, may_lag=may_lag).by_state.items())

    def labels(self, query: Query, now_ms: int, *, may_lag: bool = False) -> tuple[str | None, ...]:
        """Return `end_labels` of the tasks of `query`, in any state."""
        if query.terms:
            return self._matches.labels(query, now_ms, may_lag=may_lag)
        if query.profile is not None:
            return end_labels(self._database, *where(self._database, Query(query.profile), now_ms))
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
        return bool(
            self._database.value(
                f"SELECT 1 FROM {listed} AND profile = coalesce(?, profile) LIMIT 1", [profile]
            )
        )

    def newest_seq(self) -> int | None:
        """Return the `seq` of the task that was added last, in any profile; None if the store is empty."""
        seq = self._database.value("SELECT min(seq) FROM tasks")
        return None if seq is None else int(seq)

    def newer(self, query: Query, seq: int, now_ms: int) -> int:
        """Return how many tasks of `query` were added after the one with `seq`, or precede it in its paste."""
        if query.terms:
            # One search serves this and the rows on the screen.
            in_order = self.seqs(query, now_ms, may_lag=True)
            if query.sort == NEWEST_FIRST:
                return bisect_left(in_order, seq)
            return sum(each < seq for each in in_order)
        return self._count(query, now_ms, "seq < ?", [seq])

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
        hint = (
            f" (a prefix needs {MIN_PREFIX_CHARS} characters)"
            if 0 < len(text.strip()) < MIN_PREFIX_CHARS
            else ""
        )
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
            # Another process has removed it since it was found.
            raise _unknown(profile, text)
        return detail

    def remove(self, seqs: Sequence[int], now_ms: int) -> int:
        """Take tasks off the list in one transaction; return the number that `restore` takes.

        Tasks removed more than a day ago are deleted for good.
        """
        return self._database.again(lambda: self._remove(seqs, now_ms))

    def _remove(self, seqs: Sequence[int], now_ms: int) -> int:
        with self._database.writing() as connection:
            connection.execute(
                "DELETE FROM tasks WHERE removal IN (SELECT removal FROM removals WHERE removed_at_ms < ?)",
                (now_ms - REMOVAL_KEPT_MS,),
            )
            connection.execute("DELETE FROM removals WHERE removed_at_ms < ?", (now_ms - REMOVAL_KEPT_MS,))
            cursor = connection.execute("INSERT INTO removals (removed_at_ms) VALUES (?)", (now_ms,))
            removal = int(cursor.lastrowid or 0)
            connection.executemany(
                "UPDATE tasks SET removal = ? WHERE seq = ? AND removal = 0", ((removal, seq) for seq in seqs)
            )
        return removal

    def restore(self, removal: int) -> Restored:
        """Put back the tasks that `remove` took, with records, labels and places.

        An ID that was added again meanwhile keeps its new place, and takes over the removed task's record if it has
        none yet, its saved files and verdicts if the links are the same, and its label and note beside its own.
        """
        with self._database.writing() as connection:
            again = dict(
                connection.execute(
                    "SELECT old.seq, new.seq FROM tasks AS old JOIN tasks AS new USING (profile, task_id) "
                    "WHERE old.removal = ? AND new.removal = 0",
                    (removal,),
                ).fetchall()
            )
            for old, new in again.items():
                self._unite(connection, old, new)
            back = connection.execute("UPDATE tasks SET removal = 0 WHERE removal = ?", (removal,)).rowcount
        return Restored(back, again)

    def _unite(self, connection: sqlite3.Connection, old: int, new: int) -> None:
        columns = ", ".join(CHECKED_COLUMNS)
        next_check = (
            "CASE WHEN tasks.asked_at_ms IS NULL THEN old.next_check_at_ms ELSE tasks.next_check_at_ms END"
        )
        seqs = {"old": old, "new": new}
        is_taken = connection.execute(
            f"UPDATE tasks SET ({columns}, next_check_at_ms) = "
            f"(SELECT {columns}, {next_check} FROM tasks AS old WHERE seq = :old) WHERE seq = :new AND state = 0",
            seqs,
        ).rowcount
        if is_taken:
            connection.execute(
                f"INSERT OR IGNORE INTO bodies (seq, {DETAIL_COLUMNS}) "
                f"SELECT :new, {DETAIL_COLUMNS} FROM bodies WHERE seq = :old",
                seqs,
            )
            connection.execute(
                "INSERT OR IGNORE INTO untold SELECT :new, way FROM untold WHERE seq = :old", seqs
            )
        for table, of_results in (
            ("saved", "n, path, saved_at_ms, bytes"),
            ("contents", "n, sha256"),
            ("verdicts", "n, verdict, given_at_ms"),
        ):
            connection.execute(
                f"INSERT OR IGNORE INTO {table} (seq, {of_results}) "
                f"SELECT :new, {of_results} FROM {table} WHERE seq = :old "
                "AND (SELECT result_urls FROM bodies WHERE seq = :old) "
                "IS (SELECT result_urls FROM bodies WHERE seq = :new)",
                seqs,
            )
        labels = "SELECT label, note FROM tasks WHERE seq = ?"
        before, after = (Labels(*connection.execute(labels, (seq,)).fetchone()) for seq in (old, new))
        self._write_labels(connection, {new: _united(before, after)})
        connection.execute("DELETE FROM tasks WHERE seq = ?", (old,))

    def edit(self, seqs: Sequence[int], *, label: str | None, note: str | None) -> list[Edit]:
        """Set label and note of tasks in one transaction; return the edits, for `undo_edit`.

        None leaves a text as it is, "" removes it.
        """
        with self._database.writing() as connection:
            edits = []
            for seq, before in self._labels(seqs).items():
                new_label = before.label if label is None else clean_label(label)
                new_note = before.note if note is None else clean_note(note)
                edits.append(Edit(seq, before, Labels(new_label, new_note)))
            self._write_labels(connection, {edit.seq: edit.after for edit in edits})
        return edits

    def undo_edit(self, edits: Sequence[Edit]) -> int:
        """Revert whatever nobody has changed since the edits; return how many tasks were reverted completely."""
        undone, whole = {}, 0
        with self._database.writing() as connection:
            now = self._labels([edit.seq for edit in edits])
            for edit in edits:
                if edit.seq in now:
                    changes = [*zip(edit.before, edit.after, now[edit.seq], strict=True)]
                    undone[edit.seq] = Labels(*(old if new == at else at for old, new, at in changes))
                    whole += all(old == new or at in (old, new) for old, new, at in changes)
            self._write_labels(connection, undone)
        return whole

    def _labels(self, seqs: Sequence[int]) -> dict[int, Labels]:
        return {task.seq: Labels(task.label, task.note) for task in self.by_seq(seqs)}

    def _write_labels(self, connection: sqlite3.Connection, labels: Mapping[int, Labels]) -> None:
        connection.executemany(
            "UPDATE tasks SET label = ?, note = ? WHERE seq = ?",
            ((*each, seq) for seq, each in labels.items()),
        )
        for task in self.by_seq([*labels]):
            connection.execute("UPDATE search SET folded = ? WHERE seq = ?", (search_text(task), task.seq))


def _united(before: Labels, after: Labels) -> Labels:
    """Merge two labels and notes: those of `after` come first, and nothing of `before` is lost."""
    lines = [after.note]
    if before.note != after.note:
        lines.append(before.note)
    if before.label and after.label and before.label != after.label:
        lines.append(f"label: {before.label}")
    return Labels(after.label or before.label, clean_note("\n".join(filter(None, lines))))


def _unknown(profile: str, text: str, hint: str = "") -> UnknownTaskError:
    # An empty variable of a script arrives as an ID.
    name = inert_line(text, 128).strip() or "an empty ID"
    return UnknownTaskError(f"{name} is not on the list of profile {inert_line(profile)}{hint}")


def clean_note(note: str | None) -> str | None:
    """Return a note as it is stored: inert, with its line breaks, or None if nothing is left."""
    return inert(note).strip() or None if note else None
