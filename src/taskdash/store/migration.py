"""Refuses files that are no store of ours, and brings up to date those that are.

`PRAGMA user_version` counts the steps of `store.schema` that a file has had, `PRAGMA application_id` tells it from
other programs' files. A file with more steps than this program knows was written by a newer taskdash and is left
exactly as it is.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from taskdash.domain.errors import StoreChangedError, StoreError
from taskdash.domain.untrusted import inert_line
from taskdash.store.schema import APPLICATION_ID, MIGRATIONS, OWN_INDEXES
from taskdash.store.store_file import keep_copy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Execute = Callable[[str], sqlite3.Cursor]
    """Executes a statement, waiting for other processes' locks."""


def refuse_foreign(execute: Execute, path: Path) -> None:
    """Leave alone what another program, or a newer taskdash, wrote; nothing is written before this.

    Raises:
        StoreError: it is not for us.
        StoreChangedError: it is ours, and what says so is damaged.
    """
    version, application = first(execute, "PRAGMA user_version"), first(execute, "PRAGMA application_id")
    shown = inert_line(str(path))
    if application != APPLICATION_ID and first(execute, "SELECT count(*) FROM sqlite_master"):
        if first(execute, f"SELECT count(*) FROM sqlite_master WHERE name IN {OWN_INDEXES}") == 3:
            raise StoreChangedError(f"the header of the store {shown} is damaged")
        raise StoreError(
            f"{shown} is a database of another program: name another store with --store, or move it away"
        )
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the store {shown} was written by a newer taskdash (version {version}, this one knows "
            f"{len(MIGRATIONS)}): upgrade taskdash, or name another store with --store",
            code="store_newer",
            next_step="Upgrade taskdash, or name another store with --store.",
        )


def bring_up_to_date(execute: Execute, file: Path, *, is_emptied: bool) -> None:
    """Take the steps that the file has not had, all in one transaction, with a copy of the file beside it.

    Where that fails it stays as it was. One that `is_emptied` was no new one, as far as could be seen before it was
    opened: StoreChangedError is raised, if it is empty.
    """
    if first(execute, "PRAGMA user_version") >= len(MIGRATIONS):
        return
    execute("BEGIN IMMEDIATE")
    try:
        # Read again under the lock: another process may have done it meanwhile.
        done = first(execute, "PRAGMA user_version")
        if not done and is_emptied:
            raise StoreChangedError(  # noqa: TRY301 - the transaction is undone below
                f"the store {inert_line(str(file))} is empty, and was not always"
            )
        if 0 < done < len(MIGRATIONS):
            keep_copy(file)
        for step in MIGRATIONS[done:]:
            for statement in _statements(step):
                execute(statement)
        execute(f"PRAGMA application_id = {APPLICATION_ID}")
        execute(f"PRAGMA user_version = {max(done, len(MIGRATIONS))}")
        execute("COMMIT")
    except BaseException:
        # The first error is the one to tell; some end the transaction themselves.
        with suppress(sqlite3.Error):
            execute("ROLLBACK")
        raise


def first(execute: Execute, sql: str) -> Any:  # noqa: ANN401 - a cell has the type of its column
    """Return the first cell of a query."""
    return execute(sql).fetchone()[0]


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of `script` one by one, as `executescript` would commit the transaction around them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
