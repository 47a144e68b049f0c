"""Putting IDs on the list. Apart from the rest of it, so that `taskdash add` loads nothing else of the store."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.untrusted import fold, inert_line
from taskdash.store.database import IN_LIST, Part, as_json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping


MAX_LABEL_CHARS: Final = 200
SEARCHED: Final = ("id", "label", "note", "prompt", "model", "failure")
"""The fields that a bare filter word is looked up in, in the order of `folded_search_text`."""


class Added(NamedTuple):
    """Tells what an `add` did: IDs new to the list and IDs that stood on it, each in the order given."""

    added: tuple[str, ...]
    listed: tuple[str, ...]


class Additions(Part):
    """The tasks of every profile in one store, as far as adding to them needs."""

    def add(
        self,
        profile: str,
        task_ids: Iterable[str],
        now_ms: int,
        *,
        label: str | None = None,
        hints: Mapping[str, str] | None = None,
    ) -> Added:
        """Put IDs on the list, above all others and in the order given; on disk when this returns.

        An ID that is listed already stays where it is and keeps its label. `hints` has the path that an ID was found
        with, which is asked first.
        """
        wanted, clean = list(dict.fromkeys(task_ids)), clean_label(label)
        return self._database.again(lambda: self._add(profile, wanted, now_ms, clean, hints or {}))

    def _add(
        self, profile: str, wanted: list[str], now_ms: int, label: str | None, hints: Mapping[str, str]
    ) -> Added:
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
            # Whoever adds an ID once more may know more of it.
            connection.executemany(
                "UPDATE tasks SET path_hint = ? WHERE removal = 0 AND profile = ? AND task_id = ?",
                ((hints[task_id], profile, task_id) for task_id in wanted if task_id in hints),
            )
        return Added(tuple(added), tuple(task_id for task_id in wanted if task_id in listed))

    def listed(self, profile: str, task_ids: Iterable[str]) -> set[str]:
        """Return those of `task_ids` that are on the list already."""
        sql = f"SELECT task_id FROM tasks WHERE removal = 0 AND profile = ? AND task_id {IN_LIST}"
        return {task_id for (task_id,) in self._database.rows(sql, [profile, as_json(task_ids)])}


def take_places(connection: sqlite3.Connection, count: int) -> int:
    """Take so many places above all others for the caller's transaction; return the `seq` of the first."""
    sql = "UPDATE numbers SET value = value - ? WHERE name = 'lowest_seq' RETURNING value"
    return int(connection.execute(sql, (count,)).fetchone()[0])


def clean_label(label: str | None) -> str | None:
    """Return a label as it is kept: one inert line of at most 200 characters; None where nothing is left."""
    return inert_line(label, MAX_LABEL_CHARS) or None if label else None


def folded_search_text(*texts: str | None) -> str:
    """Return all that a filter word may match, folded: the texts of `SEARCHED` in their order, as far as there are any.

    Field n stands between the control characters n and n + 1, which no text that was made inert has: so one search
    serves any field, and none matches across two.
    """
    return fold("".join([f"{mark}{text or ''}" for mark, text in zip_longest("\1\2\3\4\5\6\7", texts)]))
