"""Changes the list as the user asks: adds IDs, labels tasks, removes them, and undoes that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.store.database import Part, repeatable
from taskdash.store.rows import (
    IN_LIST,
    as_json,
    clean_label,
    clean_note,
    folded_search_text,
    search_text,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping, Sequence

REMOVAL_KEPT_MS: Final = 24 * 3_600_000
OF_TASKS: Final = ("bodies", "search", "saved", "contents", "verdicts", "untold", "warned", "unsaved")
"""The tables whose rows belong to the task with their `seq`, and go with it."""


class Added(NamedTuple):
    """Tells which IDs were added and which were listed already, each in the order given."""

    added: tuple[str, ...]
    listed: tuple[str, ...]


class Additions(Part):
    """Adds tasks to the list of any profile."""

    @repeatable
    def add(
        self,
        profile: str,
        task_ids: Collection[str],
        now_ms: int,
        *,
        label: str | None = None,
        hints: Mapping[str, str] | None = None,
    ) -> Added:
        """Put IDs at the top of the list, in the order given; they are on disk when this returns.

        An ID already on the list keeps its place and label. `hints` maps an ID to the API path that it was found
        with, which is tried first.
        """
        wanted, label, hints = list(dict.fromkeys(task_ids)), clean_label(label), hints or {}
        with self._database.writing() as connection:
            listed = self.listed(profile, wanted)
            added = [task_id for task_id in wanted if task_id not in listed]
            first = take_places(connection, len(added))
            connection.executemany(
                "INSERT INTO tasks (seq, profile, task_id, label, added_at_ms, next_check_at_ms, path_hint) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (first + n, profile, task_id, label, now_ms, now_ms, hints.get(task_id))
                    for n, task_id in enumerate(added)
                ),
            )
            connection.executemany(
                "INSERT INTO search (seq, profile, folded) VALUES (?, ?, ?)",
                ((first + n, profile, folded_search_text(task_id, label)) for n, task_id in enumerate(added)),
            )
            # Adding a listed ID again may bring a better hint.
            connection.executemany(
                "UPDATE tasks SET path_hint = ? WHERE removal = 0 AND profile = ? AND task_id = ?",
                ((hints[task_id], profile, task_id) for task_id in wanted if task_id in hints),
            )
        return Added(tuple(added), tuple(task_id for task_id in wanted if task_id in listed))

    def listed(self, profile: str, task_ids: Iterable[str]) -> set[str]:
        """Return those of `task_ids` that are already on the list."""
        sql = f"SELECT task_id FROM tasks WHERE removal = 0 AND profile = ? AND task_id {IN_LIST}"
        return {task_id for (task_id,) in self._database.rows(sql, [profile, as_json(task_ids)])}


def take_places(connection: sqlite3.Connection, count: int) -> int:
    """Take `count` places above all others in the caller's transaction; return the `seq` of the first."""
    sql = "UPDATE numbers SET value = value - ? WHERE name = 'lowest_seq' RETURNING value"
    return int(connection.execute(sql, (count,)).fetchone()[0])


class Labels(NamedTuple):
    """Holds the label and the note of a task."""

    label: str | None
    note: str | None


class Edit(NamedTuple):
    """Holds the label and note of a task before and after an edit."""

    seq: int
    before: Labels
    after: Labels


class Restored(NamedTuple):
    """Tells how many removed tasks came `back`, and which had been added `again`."""

    back: int
    again: dict[int, int]
    """Maps the `seq` of tasks whose ID had been added again to that of the task that has the ID now."""


class Edits(Part):
    """Removes and labels the tasks of any profile."""

    @repeatable
    def remove(self, seqs: Sequence[int], now_ms: int) -> int:
        """Take tasks off the list in one transaction; return the number that `restore` takes.

        Tasks removed more than a day ago are deleted for good.
        """
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

        An ID that was added again meanwhile keeps its new place. Of its two records that which is further on stays, or
        else the removed one, with saved files and verdicts. Labels and notes are joined.
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
        sql = "SELECT min(state, 2), label, note, asked_at_ms FROM tasks WHERE seq = ?"
        rows = (connection.execute(sql, (seq,)).fetchone() for seq in (old, new))
        (old_state, *before, _), (new_state, *after, asked_at_ms) = rows
        if new_state > old_state:
            connection.execute("DELETE FROM tasks WHERE seq = ?", (old,))
        else:
            connection.execute("DELETE FROM tasks WHERE seq = ?", (new,))
            for table in OF_TASKS:
                connection.execute(f"UPDATE {table} SET seq = ? WHERE seq = ?", (new, old))
            connection.execute("UPDATE tasks SET seq = ?, removal = 0 WHERE seq = ?", (new, old))
            if asked_at_ms is not None:
                asked = "UPDATE tasks SET asked_at_ms = ?1, next_check_at_ms = ?1 WHERE seq = ?2"
                connection.execute(asked, (asked_at_ms, new))
        self._write_labels(connection, {new: _united(Labels(*before), Labels(*after))})

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
        return {task.seq: Labels(task.label, task.note) for task in self._database.tasks.by_seq(seqs)}

    def _write_labels(self, connection: sqlite3.Connection, labels: Mapping[int, Labels]) -> None:
        connection.executemany(
            "UPDATE tasks SET label = ?, note = ? WHERE seq = ?",
            ((*each, seq) for seq, each in labels.items()),
        )
        for task in self._database.tasks.by_seq([*labels]):
            connection.execute("UPDATE search SET folded = ? WHERE seq = ?", (search_text(task), task.seq))


def _united(before: Labels, after: Labels) -> Labels:
    """Merge two labels and notes: those of `after` come first, and nothing of `before` is lost."""
    lines = [after.note]
    if before.note != after.note:
        lines.append(before.note)
    if before.label and after.label and before.label != after.label:
        lines.append(f"label: {before.label}")
    return Labels(after.label or before.label, clean_note("\n".join(filter(None, lines))))
