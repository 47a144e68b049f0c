"""Defines what a watcher says of itself, to its own dashboard and, through the store, to the others."""

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
    """A snapshot. Times are Unix milliseconds."""

    leading: bool = False
    """Whether this process sends the checks."""
    has_key: bool = True
    watcher_pid: int | None = None
    """Who sends them; None where nobody is known to."""
    watcher_stopped: bool = False
    """The other watcher holds the lease but is stopped (SIGSTOP), so nothing is checked."""
    differs: str = ""
    """What this process has another of than the one that sends the checks: "API key", "base URL", or, as far as it
    knows, `CONNECTION`, as that one reaches nobody; "" for nothing."""
    key_doubted: bool = False
    """The key of the one that sends them was refused, and no proper answer came since."""
    paused: bool = False
    """A dashboard, this or another, wants scheduled checks stopped."""
    used: int = 0
    """Checks sent in the last 60 s."""
    per_second: int = 0
    per_minute: int = 0
    """What the budget allows."""
    tier: str | None = None
    """The key's tier, where it is known or assumed."""
    learned: str | None = None
    """What the server said of the key's limits, for people."""
    problem: ProblemKind | None = None
    """What is wrong with the gateway or the key, not with a single task."""
    message: str = ""
    paths_remark: str = ""
    """A line on paths of the config that may not be there."""
    held_until_ms: int | None = None
    """When checks go on, or a refused key is tried again; None where nothing but the budget holds checks up."""
    over_budget: bool = False
    """Whether checks that are due have to wait for the budget."""
    due: int = 0
    """Tasks that want a check by now."""
    new: int = 0
    """Those among them that were never checked."""
    next_check_at_ms: int | None = None
    """When the next check falls due, at the latest; None where nothing is left to check."""
    store_problem: str | None = None
    """Why the store cannot be used, while it cannot; nothing is checked until it can."""
    failure: str | None = None
    """Why this watcher has ended against its will: nothing is checked by this process any more."""


def told_by(status: WatchStatus) -> dict[str, Any]:
    """Return what of a leader's status followers cannot find out for themselves, as it is written down."""
    return {name: getattr(status, name) for name in _TOLD}


def told_in(note: Mapping[str, Any]) -> WatchStatus:
    """Return what a leader wrote down of its status; what makes no sense counts as not told."""
    told = {name: note[name] for name, kind in _TOLD.items() if isinstance(note.get(name), kind)}
    problem = next((kind for kind in ProblemKind if kind == told.get("problem")), None)
    return WatchStatus(**told | {"problem": problem})
