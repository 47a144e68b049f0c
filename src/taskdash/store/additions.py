"""Adds IDs to the list. A module of its own, so that `taskdash add` need not import the rest of the store."""

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
    """The result of an `add`: the IDs added and those already listed, each in the order given."""

    added: tuple[str, ...]
    listed: tuple[str, ...]


class Additions(Part):
    """Adds tasks to the list of any profile."""

    def add(
        self,
        profile: str,
        task_ids: Iterable[str],
        now_ms: int,
        *,
        label: str | None = None,
        hints: Mapping[str, str] | None = None,
    ) -> Added:
        """Put IDs at the top of the list, in the order given; they are on disk when this returns.

        An ID already on the list keeps its place and label. `hints` maps an ID to the API path that it was found
        with, which is tried first.
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


def clean_label(label: str | None) -> str | None:
    """Return a label as it is stored: one inert line of at most 200 characters, or None if nothing is left."""
    return inert_line(label, MAX_LABEL_CHARS) or None if label else None


def folded_search_text(*texts: str | None) -> str:
    """Return the text that filter words are matched against: the fields of `SEARCHED`, in that order, folded.

    Field n stands between the control characters n and n + 1, which inert text never contains. So a single search
    can serve any field, and no match spans two.
    """
    return fold("".join([f"{mark}{text or ''}" for mark, text in zip_longest("\1\2\3\4\5\6\7", texts)]))
