"""What expires and what is saved, as SQL. The end of a task is found here as `domain.telling.ended_ms` finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from taskdash.domain.query import ExpiryTerm, SavedTerm

# As in the index, word for word: SQLite uses it only where it finds the same words again.
ENDED: Final = "coalesce(complete_time_ms, create_time_ms + cost_time_ms, finished_at_ms)"
HAS_RESULTS: Final = "removal = 0 AND state = 2 AND result_count > 0"
UNSAVED: Final = "result_count > saved_count"


def expiry_condition(term: ExpiryTerm, now_ms: int) -> tuple[str, list[Any]]:
    """Tasks whose links live so long, each profile by its own measure."""
    found, values = [], list[Any]()
    for profile, ttl_ms in term.ttls_ms:
        dead_ms = now_ms - ttl_ms
        limits = f"{ENDED} <= ?" if term.operator is None else f"{ENDED} > ? AND {ENDED} {term.operator} ?"
        found.append(f"{HAS_RESULTS} AND profile = ? AND {limits}")
        values += [profile, dead_ms] if term.operator is None else [profile, dead_ms, dead_ms + term.span_ms]
    if len(found) == 1 and not term.negated:
        return f"({found[0]})", values
    # By the index of ends in each case: the rows themselves are too wide to be read for it.
    return f"seq IN ({' UNION ALL '.join(f'SELECT seq FROM tasks WHERE {each}' for each in found)})", values


def saved_condition(term: SavedTerm, now_ms: int) -> tuple[str, list[Any]]:  # noqa: ARG001 - as for every term
    """Tasks with results, by whether all are saved."""
    saved = f"NOT ({UNSAVED})" if term.is_saved else UNSAVED
    return f"(state = 2 AND result_count > 0 AND {saved})", []
