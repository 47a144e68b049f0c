"""Defines the schema, as an append-only sequence of migrations, one a release, and brings a file up to date.

Never edit a migration that was released; add another. A file with a higher version than this program knows was written
by a newer taskdash, and is left exactly as it is.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.errors import StoreChangedError, StoreError
from taskdash.domain.untrusted import inert_line
from taskdash.store.store_file import keep_copy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Execute = Callable[[str], sqlite3.Cursor]
    """Executes a statement, waiting for other processes' locks."""

APPLICATION_ID: Final = 0x7461736B
"""The application ID of every store: "task" in ASCII."""

_RELEASE_1_0: Final = """
-- One row a task. `seq` is the default order, ascending: each paste takes the numbers just below all earlier ones.
-- `removal` is 0 for what is on the list; a removed task keeps its row under the number of its removal.
CREATE TABLE tasks (
    seq INTEGER PRIMARY KEY,
    removal INTEGER NOT NULL DEFAULT 0,
    profile TEXT NOT NULL,
    task_id TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    raw_state TEXT,
    model TEXT,
    variant TEXT,
    label TEXT,
    cost_time_ms INTEGER,
    complete_time_ms INTEGER,
    create_time_ms INTEGER,
    progress TEXT,
    result_count INTEGER NOT NULL DEFAULT 0,
    added_at_ms INTEGER NOT NULL,
    checked_at_ms INTEGER,
    next_check_at_ms INTEGER,
    asked_at_ms INTEGER,
    finished_at_ms INTEGER,
    checks INTEGER NOT NULL DEFAULT 0,
    misses INTEGER NOT NULL DEFAULT 0,
    problem_kind TEXT,
    problem_message TEXT,
    problem_since_ms INTEGER,
    fail_code TEXT,
    fail_msg TEXT,
    note TEXT,
    prompt TEXT,
    -- How many results were saved, kept by triggers.
    saved_count INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX tasks_by_id ON tasks (profile, task_id) WHERE removal = 0;
-- One index an order of the list. Each has `seq`, `state` and `removal` as well, so that a window of any state is
-- found in the index alone (SQLite does not see that the index's own condition makes up for a missing `removal`).
CREATE INDEX tasks_by_place ON tasks (profile, seq, state, removal) WHERE removal = 0;
CREATE INDEX tasks_by_state ON tasks (profile, state, seq, removal) WHERE removal = 0;
CREATE INDEX tasks_by_label ON tasks (profile, label, seq, state, removal) WHERE removal = 0;
CREATE INDEX tasks_by_model ON tasks (profile, model, seq, state, removal) WHERE removal = 0;
CREATE INDEX tasks_by_cost ON tasks (profile, cost_time_ms, seq, state, removal) WHERE removal = 0;
CREATE INDEX tasks_by_creation ON tasks (profile, create_time_ms, seq, state, removal, added_at_ms)
    WHERE removal = 0;
CREATE INDEX tasks_by_check ON tasks (profile, checked_at_ms, seq, state, removal) WHERE removal = 0;
CREATE INDEX tasks_by_word ON tasks (profile, task_id, seq, state, removal) WHERE removal = 0;
CREATE INDEX tasks_by_problem ON tasks (profile, problem_kind, seq, state, removal)
    WHERE removal = 0 AND problem_kind IS NOT NULL;
-- What the watcher looks for. IDs never checked are always due, so they need no time.
CREATE INDEX tasks_by_due ON tasks (profile, next_check_at_ms, seq, checked_at_ms, removal)
    WHERE removal = 0 AND next_check_at_ms IS NOT NULL AND checked_at_ms IS NOT NULL;
CREATE INDEX tasks_never_checked ON tasks (profile, seq, next_check_at_ms, checked_at_ms, removal)
    WHERE removal = 0 AND next_check_at_ms IS NOT NULL AND checked_at_ms IS NULL;
CREATE INDEX tasks_by_request ON tasks (profile, asked_at_ms, seq) WHERE removal = 0 AND asked_at_ms IS NOT NULL;
CREATE INDEX tasks_by_end ON tasks (profile, finished_at_ms) WHERE removal = 0 AND finished_at_ms IS NOT NULL;
-- When results expire is counted from a task's end, as well as that is known.
CREATE INDEX tasks_by_expiry
    ON tasks (profile, coalesce(complete_time_ms, create_time_ms + cost_time_ms, finished_at_ms), seq, state, removal)
    WHERE removal = 0 AND state = 2 AND result_count > 0;
CREATE INDEX tasks_removed ON tasks (removal) WHERE removal > 0;

-- How many tasks each state has, kept by triggers: counting 100,000 for every frame would not do.
CREATE TABLE counts (
    profile TEXT NOT NULL,
    state INTEGER NOT NULL,
    tasks INTEGER NOT NULL,
    PRIMARY KEY (profile, state)
) WITHOUT ROWID;
CREATE TRIGGER tasks_counted AFTER INSERT ON tasks WHEN new.removal = 0 BEGIN
    INSERT INTO counts VALUES (new.profile, new.state, 1)
        ON CONFLICT (profile, state) DO UPDATE SET tasks = tasks + 1;
END;
CREATE TRIGGER tasks_uncounted AFTER DELETE ON tasks WHEN old.removal = 0 BEGIN
    UPDATE counts SET tasks = tasks - 1 WHERE profile = old.profile AND state = old.state;
END;
CREATE TRIGGER tasks_recounted AFTER UPDATE OF state, removal, profile ON tasks
    WHEN (new.removal = 0, new.profile, new.state) IS NOT (old.removal = 0, old.profile, old.state) BEGIN
    UPDATE counts SET tasks = tasks - 1
        WHERE old.removal = 0 AND profile = old.profile AND state = old.state;
    INSERT INTO counts SELECT new.profile, new.state, 1 WHERE new.removal = 0
        ON CONFLICT (profile, state) DO UPDATE SET tasks = tasks + 1;
    UPDATE search SET removal = new.removal, profile = new.profile, state = new.state WHERE seq = new.seq;
END;

-- What only the detail of one task shows; apart, so that reading the list never pages over it.
CREATE TABLE bodies (
    seq INTEGER PRIMARY KEY,
    raw BLOB NOT NULL,
    param TEXT,
    result_urls TEXT NOT NULL DEFAULT '[]',
    credits_consumed TEXT,
    extra TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE saved (
    seq INTEGER NOT NULL,
    n INTEGER NOT NULL,
    path TEXT NOT NULL,
    saved_at_ms INTEGER NOT NULL,
    -- How large the file was: one that has another size is no longer what was saved. NULL: nobody knows.
    bytes INTEGER,
    PRIMARY KEY (seq, n)
) WITHOUT ROWID;
CREATE TRIGGER saved_counted AFTER INSERT ON saved BEGIN
    UPDATE tasks SET saved_count = (SELECT count(*) FROM saved WHERE seq = new.seq) WHERE seq = new.seq;
END;
CREATE TRIGGER saved_uncounted AFTER DELETE ON saved BEGIN
    UPDATE tasks SET saved_count = (SELECT count(*) FROM saved WHERE seq = old.seq) WHERE seq = old.seq;
END;
CREATE INDEX tasks_unsaved ON tasks (profile, seq) WHERE removal = 0 AND state = 2 AND result_count > saved_count;

-- Ends that are still to be told, once in each way: a row is deleted before it is told (`store.news`).
CREATE TABLE untold (seq INTEGER NOT NULL, way TEXT NOT NULL, PRIMARY KEY (seq, way)) WITHOUT ROWID;
-- Tasks of which the user was warned that their results expire.
CREATE TABLE warned (seq INTEGER PRIMARY KEY);
-- Everything a filter word may match, case-folded, as LIKE folds the case of ASCII only. Read from end to end for
-- every word: 100,000 texts take some 30 ms so, three times as long beside the wide rows of `tasks`, for which a
-- trigger repeats here what every search asks. An index of trigrams (FTS5) finds common words no sooner, is three
-- times as big, and doubles the cost of each write.
CREATE TABLE search (
    seq INTEGER PRIMARY KEY,
    removal INTEGER NOT NULL DEFAULT 0,
    profile TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    folded TEXT NOT NULL
);
CREATE TRIGGER tasks_purged AFTER DELETE ON tasks BEGIN
    DELETE FROM bodies WHERE seq = old.seq;
    DELETE FROM saved WHERE seq = old.seq;
    DELETE FROM untold WHERE seq = old.seq;
    DELETE FROM warned WHERE seq = old.seq;
    DELETE FROM search WHERE seq = old.seq;
END;

CREATE TABLE removals (removal INTEGER PRIMARY KEY AUTOINCREMENT, removed_at_ms INTEGER NOT NULL);
CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO numbers VALUES ('lowest_seq', 0);

-- What whoever watches next must know of a profile's gateway: limits it told us, and until when to keep quiet.
CREATE TABLE gateways (
    profile TEXT PRIMARY KEY,
    watcher_pid INTEGER,
    watcher_started TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT '{}',
    learned TEXT NOT NULL DEFAULT '{}',
    quiet TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;

-- Checks of the last minutes, reserved before they are sent. `clock_s` is the machine's monotonic clock, which a
-- change of the wall clock does not touch; `boot` tells whether it is still the same one.
CREATE TABLE sent (
    n INTEGER PRIMARY KEY,
    profile TEXT NOT NULL,
    boot TEXT NOT NULL,
    clock_s REAL NOT NULL,
    checks INTEGER NOT NULL
);
CREATE INDEX sent_by_profile ON sent (profile, n);
-- Processes that show or need this list, told from later ones with the same number by when they started.
CREATE TABLE viewers (
    pid INTEGER NOT NULL,
    started TEXT NOT NULL DEFAULT '',
    profile TEXT NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0,
    follows INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (profile, pid)
) WITHOUT ROWID;

-- Tasks whose results could not be saved automatically: how often it was tried, and when it is next; NULL: never.
CREATE TABLE unsaved (
    seq INTEGER PRIMARY KEY,
    tries INTEGER NOT NULL,
    next_try_at_ms INTEGER,
    reason TEXT NOT NULL
);
CREATE INDEX unsaved_by_time ON unsaved (next_try_at_ms) WHERE next_try_at_ms IS NOT NULL;
CREATE TRIGGER unsaved_purged AFTER DELETE ON tasks BEGIN
    DELETE FROM unsaved WHERE seq = old.seq;
END;
"""

_RELEASE_2_0: Final = """
-- What was added under a label since it was last complete is a batch: a number that its tasks share, given while one
-- of them is unfinished. 0: of none, or added before there were any.
ALTER TABLE tasks ADD COLUMN batch INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER tasks_batched AFTER INSERT ON tasks
    WHEN new.label IS NOT NULL AND new.state < 2 AND new.batch = 0 BEGIN
    UPDATE tasks SET batch = coalesce((
        SELECT batch FROM tasks WHERE removal = 0 AND profile = new.profile AND label = new.label
            AND state < 2 AND batch <> 0 AND seq <> new.seq LIMIT 1), new.seq) WHERE seq = new.seq;
END;
CREATE TRIGGER tasks_rebatched AFTER UPDATE OF label ON tasks
    WHEN new.label IS NOT NULL AND new.label IS NOT old.label AND new.state < 2 BEGIN
    UPDATE tasks SET batch = coalesce((
        SELECT batch FROM tasks WHERE removal = 0 AND profile = new.profile AND label = new.label
            AND state < 2 AND batch <> 0 AND seq <> new.seq LIMIT 1), new.seq) WHERE seq = new.seq;
END;

-- An import used to number saved files from 1, whichever results they were of; those have no size. Where all results
-- of a task were saved, their numbers are right.
DELETE FROM saved WHERE bytes IS NULL
    AND seq IN (SELECT seq FROM tasks WHERE state = 2 AND result_count > saved_count);

-- Whether a process would watch in place of one whose key is refused: its own key, or gateway, is another.
ALTER TABLE viewers ADD COLUMN rivals INTEGER NOT NULL DEFAULT 0;

-- The API path that knew a task, the one that its ID was pasted with, and how many in a row did not know it.
ALTER TABLE tasks ADD COLUMN record_path TEXT;
ALTER TABLE tasks ADD COLUMN path_hint TEXT;
ALTER TABLE tasks ADD COLUMN path_misses INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET record_path = '/api/v1/jobs/recordInfo' WHERE state <> 0;

-- What a task cost; when the first of its links dies by their own word, else since when they replace earlier ones.
ALTER TABLE tasks ADD COLUMN credits REAL;
ALTER TABLE tasks ADD COLUMN result_expires_at_ms INTEGER;
ALTER TABLE tasks ADD COLUMN renewed_at_ms INTEGER;
ALTER TABLE tasks ADD COLUMN purged INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET credits = (SELECT credits_consumed FROM bodies WHERE bodies.seq = tasks.seq)
    WHERE seq IN (SELECT seq FROM bodies WHERE credits_consumed IS NOT NULL);
UPDATE tasks SET credits = NULL WHERE typeof(credits) <> 'real' OR credits NOT BETWEEN 0 AND 1e15;
CREATE INDEX tasks_by_credits ON tasks (profile, credits, seq, state, removal) WHERE removal = 0;
DROP INDEX tasks_by_expiry;
CREATE INDEX tasks_by_expiry
    ON tasks (profile, coalesce(renewed_at_ms, complete_time_ms, create_time_ms + cost_time_ms, finished_at_ms),
        seq, state, removal, result_expires_at_ms)
    WHERE removal = 0 AND state = 2 AND result_count > 0 AND result_expires_at_ms IS NULL;
CREATE INDEX tasks_by_own_expiry ON tasks (profile, result_expires_at_ms, seq, state, removal)
    WHERE removal = 0 AND state = 2 AND result_count > 0 AND result_expires_at_ms IS NOT NULL;

-- What somebody thinks of the results of a task, from 1, and how many have which verdict, kept by triggers.
CREATE TABLE verdicts (
    seq INTEGER NOT NULL,
    n INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    given_at_ms INTEGER NOT NULL,
    PRIMARY KEY (seq, n)
) WITHOUT ROWID;
ALTER TABLE tasks ADD COLUMN picked_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN rejected_count INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER verdict_counted AFTER INSERT ON verdicts BEGIN
    UPDATE tasks SET (picked_count, rejected_count) = (
        SELECT count(*) FILTER (WHERE verdict = 'picked'), count(*) FILTER (WHERE verdict = 'rejected')
        FROM verdicts WHERE seq = new.seq) WHERE seq = new.seq;
END;
CREATE TRIGGER verdict_uncounted AFTER DELETE ON verdicts BEGIN
    UPDATE tasks SET (picked_count, rejected_count) = (
        SELECT count(*) FILTER (WHERE verdict = 'picked'), count(*) FILTER (WHERE verdict = 'rejected')
        FROM verdicts WHERE seq = old.seq) WHERE seq = old.seq;
END;
CREATE TRIGGER verdicts_purged AFTER DELETE ON tasks BEGIN
    DELETE FROM verdicts WHERE seq = old.seq;
END;

-- What a label's tasks add up to is read in the indexes alone, as the rows themselves are too wide.
DROP INDEX tasks_by_label;
CREATE INDEX tasks_by_label ON tasks (profile, label, seq, state, removal, credits, result_count, saved_count,
    result_expires_at_ms, renewed_at_ms, complete_time_ms, create_time_ms, cost_time_ms, finished_at_ms,
    added_at_ms) WHERE removal = 0;
CREATE INDEX tasks_unfinished
    ON tasks (profile, state, label, model, variant, create_time_ms, added_at_ms, seq, removal)
    WHERE removal = 0 AND state < 2;

-- Whether a task has ended and nobody has looked at it since, in whichever dashboard.
ALTER TABLE tasks ADD COLUMN unseen INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tasks_unseen ON tasks (unseen, profile, seq, state, removal) WHERE removal = 0 AND unseen = 1;

-- The SHA-256 of saved files. It outlives their rows in `saved`, so that a file that was moved is known again.
CREATE TABLE contents (
    seq INTEGER NOT NULL,
    n INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (seq, n, sha256)
) WITHOUT ROWID;
CREATE TRIGGER contents_purged AFTER DELETE ON tasks BEGIN
    DELETE FROM contents WHERE seq = old.seq;
END;

-- What the tasks of a day have cost is read in the index alone, by who asks every few seconds.
DROP INDEX tasks_by_creation;
CREATE INDEX tasks_by_creation ON tasks (profile, create_time_ms, seq, state, removal, added_at_ms, credits)
    WHERE removal = 0;
"""

MIGRATIONS: Final = ((3, _RELEASE_1_0), (12, _RELEASE_2_0))
"""The version of each release's files, and the step that leads there. Those in between were never released."""
KNOWN_VERSION: Final = MIGRATIONS[-1][0]

_OWN_INDEXES: Final = "('tasks_by_id', 'tasks_by_place', 'tasks_by_word')"
"""Indexes whose names identify a taskdash store, whatever its header says."""


def refuse_foreign(execute: Execute, path: Path) -> None:
    """Raise StoreError for a file of another program or a newer taskdash; nothing must be written before this.

    Raise StoreChangedError if it is a taskdash store with a damaged header.
    """
    shown, version = inert_line(str(path)), first(execute, "PRAGMA user_version")
    is_foreign = first(execute, "PRAGMA application_id") != APPLICATION_ID
    if is_foreign and first(execute, "SELECT count(*) FROM sqlite_master"):
        if first(execute, f"SELECT count(*) FROM sqlite_master WHERE name IN {_OWN_INDEXES}") == 3:
            raise StoreChangedError(f"the header of the store {shown} is damaged")
        raise StoreError(
            f"{shown} is a database of another program: name another store with --store, or move it away"
        )
    if version > KNOWN_VERSION:
        raise StoreError(
            f"the store {shown} was written by a newer taskdash (version {version}, this one knows "
            f"{KNOWN_VERSION}): upgrade taskdash, or name another store with --store",
            code="store_newer",
            next_step="Upgrade taskdash, or name another store with --store.",
        )


def bring_up_to_date(execute: Execute, file: Path, *, is_emptied: bool) -> None:
    """Run the migrations that the file has not had, all in one transaction, after keeping a copy of the file.

    Raise StoreChangedError if the file has to be recovered instead: it was emptied since it was created, as seen before
    it was opened, or no release has its version.
    """
    if first(execute, "PRAGMA user_version") >= KNOWN_VERSION:
        return
    execute("BEGIN IMMEDIATE")
    try:
        # Read again under the lock, as another process may have migrated it meanwhile.
        done = first(execute, "PRAGMA user_version")
        if (done and done not in dict(MIGRATIONS)) or (not done and is_emptied):
            raise StoreChangedError(  # noqa: TRY301 - the transaction is undone below
                f"the store {inert_line(str(file))} is empty and was not always, or of no release's version"
            )
        if 0 < done < KNOWN_VERSION:
            keep_copy(file)
        statement = ""
        # One by one, as `executescript` would commit the transaction around them.
        for line in "".join(script for version, script in MIGRATIONS if version > done).splitlines(
            keepends=True
        ):
            statement += line
            if sqlite3.complete_statement(statement):
                execute(statement)
                statement = ""
        execute(f"PRAGMA application_id = {APPLICATION_ID}")
        execute(f"PRAGMA user_version = {max(done, KNOWN_VERSION)}")
        execute("COMMIT")
    except BaseException:
        # The first error is the one to report; some errors roll back themselves.
        with suppress(sqlite3.Error):
            execute("ROLLBACK")
        raise


def first(execute: Execute, sql: str) -> Any:  # noqa: ANN401 - a cell has the type of its column
    """Return the first cell of a query."""
    return execute(sql).fetchone()[0]
