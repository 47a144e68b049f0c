"""Defines the status that a watcher reports to its own dashboard and, through the store, to other processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from taskdash.domain.task import ProblemKind

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECTION: Final = "connection"
_TOLD: Final[dict[str, type]] = {
    **dict.fromkeys(("problem", "message", "paths_remark", "tier", "learned"), str),
    **dict.fromkeys(("per_second", "per_minute", "held_until_ms"), int),
    **dict.fromkeys(("key_doubted", "over_budget"), bool),
}


class WatchStatus(NamedTuple):
    """A snapshot of the watcher's status. Times are Unix milliseconds."""

    leading: bool = False
    """Whether this process sends the checks."""
    has_key: bool = True
    watcher_pid: int | None = None
    """The process that sends them; None if none is known."""
    watcher_stopped: bool = False
    """Whether the other watcher holds the lease but is stopped (SIGSTOP), so nothing is checked."""
    differs: str = ""
    """The difference from the process that sends the checks: "API key", "base URL", or `CONNECTION`, if that one
    cannot reach the gateway and this one may; "" for none."""
    key_doubted: bool = False
    """Whether the sending process's key was refused, with no proper answer since."""
    paused: bool = False
    """Whether this or another dashboard has paused scheduled checks."""
    used: int = 0
    """Checks sent in the last 60 s."""
    per_second: int = 0
    per_minute: int = 0
    """With `per_second`, the limits of the budget."""
    tier: str | None = None
    """The key's tier, if it is known or assumed."""
    learned: str | None = None
    """A line on the key's limits as reported by the server."""
    problem: ProblemKind | None = None
    """The problem with the gateway or the key, not with a single task."""
    message: str = ""
    paths_remark: str = ""
    """A line on paths in the config that the gateway may not have."""
    held_until_ms: int | None = None
    """When checks resume, or a refused key is tried again; None if at most the budget holds checks up."""
    over_budget: bool = False
    """Whether due checks have to wait for the budget."""
    due: int = 0
    """The number of tasks due for a check."""
    new: int = 0
    """How many of them were never checked."""
    next_check_at_ms: int | None = None
    """When the next check falls due, at the latest; None if nothing is left to check."""
    store_problem: str | None = None
    """Why the store cannot be used at present; nothing is checked until it can."""
    failure: str | None = None
    """Why this watcher has crashed; this process sends no more checks."""


def told_by(status: WatchStatus) -> dict[str, Any]:
    """Return the fields of a leader's status that followers cannot find out for themselves, to be stored."""
    return {name: getattr(status, name) for name in _TOLD}


def told_in(note: Mapping[str, Any]) -> WatchStatus:
    """Return the status that a leader stored; fields that make no sense are ignored."""
    told = {name: note[name] for name, kind in _TOLD.items() if isinstance(note.get(name), kind)}
    problem = next((kind for kind in ProblemKind if kind == told.get("problem")), None)
    return WatchStatus(**told | {"problem": problem})
