"""Reads a summary of a list for a shell prompt or status line, without writing, in less time than anyone notices."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from taskdash.domain.task import State
from taskdash.store.faults import as_store_error
from taskdash.store.store import Store
from taskdash.store.store_file import connect, refuse_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Rows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
    """Runs a query and returns all its rows."""

# The same as in `store.rows`, which takes longer to import than a glance takes altogether.
STATES: Final = dict(enumerate(State))
PATIENCE_S: Final = 1.0
"""How long to wait for a list that another program has locked."""


class Glance(NamedTuple):
    """A summary of a list."""

    counts: dict[State, int]
    credits: float | None
    """The cost of the tasks created since the given moment; None if no record of them states one."""


def glance(path: Path, profile: str | None, since_ms: int) -> Glance:
    """Return a summary of the list of a profile (None: of all). A missing file counts as empty and is not created.

    Raises StoreError if the list cannot be read.
    """
    file = Path(os.path.realpath(path))
    try:
        if not file.exists():
            return Glance({}, None)
        with closing(connect(file, "ro", PATIENCE_S)) as connection:
            refuse_foreign(connection.execute, path)
            return _read(lambda sql, values: connection.execute(sql, values).fetchall(), profile, since_ms)
    except sqlite3.OperationalError:
        # A stopped process has it locked, or a killed one has left a transaction to roll back.
        with Store(path, busy_timeout_s=PATIENCE_S, only_reads=True) as store:
            return _read(store.rows, profile, since_ms)
    except (sqlite3.Error, OSError) as error:
        raise as_store_error(error, path, file) from error


def _read(rows: Rows, profile: str | None, since_ms: int) -> Glance:
    # A list of an earlier version is read without migrating it.
    there = rows(
        "SELECT name FROM sqlite_master WHERE name = 'counts' "
        "UNION ALL SELECT name FROM pragma_table_info('tasks') WHERE name = 'credits'",
        (),
    )
    if not there:
        return Glance({}, None)
    # Every profile is named, because each index starts with it.
    mine, values = ("IN (SELECT profile FROM counts)", []) if profile is None else ("= ?", [profile])
    sql = f"SELECT state, sum(tasks) FROM counts WHERE profile {mine} AND tasks > 0 GROUP BY state"
    counts = {STATES[code]: count for code, count in rows(sql, values) if code in STATES}
    tasks = f"FROM tasks WHERE profile {mine} AND removal = 0 AND"
    if len(there) < 2 or not rows(f"SELECT 1 {tasks} credits >= 0 LIMIT 1", values):
        return Glance(counts, None)
    # A task belongs to the same day as in `stats --by day`. Each half is an index search.
    is_since = "create_time_ms >= ?", "create_time_ms IS NULL AND added_at_ms >= ?"
    parts = " UNION ALL ".join(f"SELECT credits {tasks} {each}" for each in is_since)
    spent = rows(f"SELECT sum(credits) FROM ({parts})", [*values, since_ms] * 2)
    return Glance(counts, spent[0][0])
