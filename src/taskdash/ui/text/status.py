"""The status line and the banner in words: a snapshot of the watcher in, text out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from textual.content import Content

from taskdash.domain.durations import age, duration
from taskdash.domain.task import ProblemKind, State
from taskdash.domain.words import SYMBOLS

if TYPE_CHECKING:
    from taskdash.watch.status import WatchStatus

FEW_NEW: Final = 20
"""So many new IDs are checked so soon that no bar is worth it."""
BAR_CELLS: Final = 12
_SET_TIER: Final = "set tier in the config if your key allows more"
_COMFORT: Final = " Your list still works."
"""The first to go where a banner has not room for all it says."""


def status_text(
    profile: str, counts: dict[State, int], status: WatchStatus, now_ms: int, width: int
) -> Content:
    """Return the line on top, its least important parts dropped until it fits `width` cells.

    Args:
        profile: The one in use.
        counts: Of the list, by state.
        status: What the watcher says.
        now_ms: The time.
        width: Cells of the line.
    """
    shown = "  ".join(f"{SYMBOLS[state]} {count:,}" for state, count in counts.items() if count)
    parts = [
        (0, Content.assemble((" taskdash ", "bold reverse"), (f" {profile}", "bold"))),
        (2, Content(shown)),
        (1, _watching(status)),
        (3, Content.styled(_budget(status), "$text-muted")),
        (4, Content.styled(_next(status, now_ms), "$text-muted")),
    ]
    kept = [part for part in parts if part[1]]
    while len(kept) > 1 and sum(len(text) + 3 for _, text in kept) > width:
        kept.remove(max(kept, key=lambda part: part[0]))
    return Content("  ").join(text for _, text in kept)


def banner_text(
    status: WatchStatus,
    key_advice: str | None,
    now_ms: int,
    crowd: int = 0,
    warning: str = "",
    width: int = 200,
) -> Content:
    """Return what is wrong and what to do about it, or how far a crowd of new IDs is; empty when all is well.

    Args:
        status: What the watcher says.
        key_advice: How to set a key, where none is set.
        now_ms: The time.
        crowd: How many new IDs there were when the most of them waited.
        warning: What else the user has to know, told once the gateway works.
        width: Cells of the line.
    """
    room = width - 2
    if key_advice:
        words = f"{key_advice[:1].upper()}{key_advice[1:].rstrip('.')}.{_COMFORT}"
    else:
        words = _problem(status, now_ms) or warning or _crowd(status, crowd, room) or _slow(status)
    return Content(words.removesuffix(_COMFORT) if len(words) > room else words)


def _problem(status: WatchStatus, now_ms: int) -> str:
    if status.failure:
        return f"{status.failure[:1].upper()}{status.failure[1:]}. Restart taskdash; nothing on your list is lost."
    if status.store_problem:
        return f"Nothing is checked: {status.store_problem}"
    if status.watcher_stopped:
        return (
            f"The process watching this list ({status.watcher_pid}) is stopped: no checks until it resumes."
        )
    if status.problem:
        return _gateway_problem(status, now_ms)
    if status.paused:
        return "Paused: no automatic checks (p resumes, r/R check now)."
    return ""


def _gateway_problem(status: WatchStatus, now_ms: int) -> str:
    resumes = f"; trying again {_in(status.held_until_ms - now_ms)}" if status.held_until_ms else ""
    said = f" ({status.message})" if status.message else ""
    code = f" ({found[0]})" if (found := re.search(r"\bHTTP \d{3}\b", status.message)) else ""
    return (
        {
            ProblemKind.UNAUTHORIZED: f"API key rejected{code}. Fix it and restart, or press r to retry.",
            ProblemKind.RATE_LIMITED: f"Rate limited: checks are on hold{resumes}.{_COMFORT}",
            ProblemKind.NO_CREDITS: f"No credits: checks are slowed down{resumes}{said}.",
            ProblemKind.UNREACHABLE: f"Offline: {status.message or 'the server cannot be reached'}{resumes}.{_COMFORT}",
            ProblemKind.SERVER_ERROR: f"Server error{resumes}{said}.",
        }.get(status.problem, "")
        if status.problem
        else ""
    )


def _slow(status: WatchStatus) -> str:
    if status.over_budget and status.tier and "assumed" in status.tier:
        return f"{status.due:,} checks wait for the budget of tier {status.tier}: {_SET_TIER}."
    return status.learned or ""


def _crowd(status: WatchStatus, crowd: int, room: int) -> str:
    if status.new <= FEW_NEW or not status.per_minute:
        return ""
    share = (crowd - status.new) / crowd if crowd else 0.0
    bar = "▰" * round(share * BAR_CELLS) + "▱" * (BAR_CELLS - round(share * BAR_CELLS))
    done = f"{crowd - status.new:,} of {crowd:,}"
    left = duration(1000 * status.new / min(status.per_second, status.per_minute / 60))
    words = f"First check: {bar} {done}, about {left} left"
    if status.tier is None or "assumed" not in status.tier:
        return words
    told = f"{words} ({status.tier}: {_SET_TIER})"
    return told if len(told) <= room else f"First check: {done}, {left}: {_SET_TIER}"


def _watching(status: WatchStatus) -> Content:
    """Return who watches, and what keeps it from checking."""
    follows = "" if status.leading or not status.watcher_pid else f"following pid {status.watcher_pid}"
    if follows and status.differs:
        follows += f" with another {status.differs}"
    if trouble := _trouble(status):
        return Content.styled(", ".join(filter(None, (trouble, follows))), "$text-warning")
    if status.leading:
        return Content.styled("watching", "$text-success")
    return Content.styled(follows or "starting", "$text-muted")


def _trouble(status: WatchStatus) -> str:
    if not status.has_key:
        return "no key"
    if status.problem is ProblemKind.UNREACHABLE:
        return "offline"
    if status.problem in (ProblemKind.UNAUTHORIZED, ProblemKind.RATE_LIMITED):
        return status.problem.value
    return "paused" if status.paused else ""


def _budget(status: WatchStatus) -> str:
    tier = f", {status.tier}" if status.tier else ""
    return f"{status.used:,}/{status.per_minute:,} checks a minute{tier}" if status.per_minute else ""


def _next(status: WatchStatus, now_ms: int) -> str:
    if status.paused or status.problem is ProblemKind.UNAUTHORIZED or not status.has_key:
        return ""
    if status.due > 1:
        return f"{status.due:,} due"
    if status.next_check_at_ms is None:
        return "nothing to check"
    return f"next {_in(status.next_check_at_ms - now_ms)}"


def _in(wait_ms: int) -> str:
    return age(-max(0, wait_ms))


def list_title(lines: range, total: int, label: str | None) -> Content:
    """Return what stands over the table: which lines of how many are shown, and the label that all of them have."""
    title = f"Tasks {lines.start + 1:,}–{lines.stop:,} of {total:,}" if lines else "Tasks"
    return Content.assemble(title, " · ", (label, "$text-secondary")) if label and lines else Content(title)
