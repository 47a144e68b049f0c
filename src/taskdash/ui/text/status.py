"""The banner in words: a snapshot of the watcher in, text out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from textual.content import Content

from taskdash.domain.durations import age, duration
from taskdash.domain.task import ProblemKind

if TYPE_CHECKING:
    from taskdash.watch.status import WatchStatus

FEW_NEW: Final = 20
"""So many new IDs are checked so soon that no bar is worth it."""
BAR_CELLS: Final = 12
_SET_TIER: Final = "set tier in the config if your key allows more"
_COMFORT: Final = " Your list still works."
"""The first to go where a banner has not room for all it says."""


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
        words = f"{sentence(key_advice)}{_COMFORT}"
    else:
        words = _problem(status, now_ms) or warning or _crowd(status, crowd, room) or _slow(status)
    return Content(words.removesuffix(_COMFORT) if len(words) > room else words)


def sentence(text: str) -> str:
    """Return a message as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def is_tier_assumed(status: WatchStatus) -> bool:
    """Return whether nobody has set the tier, so that checks may be slower than they could be."""
    return status.tier is not None and "assumed" in status.tier


def _problem(status: WatchStatus, now_ms: int) -> str:
    if status.failure:
        return f"{sentence(status.failure)} Restart taskdash; nothing on your list is lost."
    if status.store_problem:
        return f"Nothing is checked: {status.store_problem}"
    if status.watcher_stopped:
        return (
            f"The process watching this list ({status.watcher_pid}) is stopped: no checks until it resumes."
        )
    if status.problem:
        return _gateway_problem(status.problem, status, now_ms)
    if status.paused:
        return "Paused: no automatic checks (p resumes, r/R check now)."
    return ""


def _gateway_problem(problem: ProblemKind, status: WatchStatus, now_ms: int) -> str:
    until_ms = status.held_until_ms
    resumes = f"; trying again {age(min(0, now_ms - until_ms))}" if until_ms else ""
    said = f" ({status.message})" if status.message else ""
    code = f" ({found[0]})" if (found := re.search(r"\bHTTP \d{3}\b", status.message)) else ""
    said_of = {
        ProblemKind.UNAUTHORIZED: f"API key rejected{code}{resumes}. Fix it and restart, or press r to retry.",
        ProblemKind.RATE_LIMITED: f"Rate limited: checks are on hold{resumes}.{_COMFORT}",
        ProblemKind.NO_CREDITS: f"No credits: checks are slowed down{resumes}{said}.",
        ProblemKind.UNREACHABLE: f"Offline: {status.message or 'the server cannot be reached'}{resumes}.{_COMFORT}",
        ProblemKind.SERVER_ERROR: f"Server error{resumes}{said}.",
    }
    return said_of.get(problem, "")


def _slow(status: WatchStatus) -> str:
    if status.over_budget and is_tier_assumed(status):
        return f"{status.due:,} checks wait for the budget of tier {status.tier}: {_SET_TIER}."
    return status.paths_remark or status.learned or ""


def _crowd(status: WatchStatus, crowd: int, room: int) -> str:
    if status.new <= FEW_NEW or not status.per_minute:
        return ""
    share = (crowd - status.new) / crowd if crowd else 0.0
    bar = "▰" * round(share * BAR_CELLS) + "▱" * (BAR_CELLS - round(share * BAR_CELLS))
    done = f"{crowd - status.new:,} of {crowd:,}"
    left = duration(1000 * status.new / min(status.per_second, status.per_minute / 60))
    words = f"First check: {bar} {done}, about {left} left"
    if not is_tier_assumed(status):
        return words
    told = f"{words} ({status.tier}: {_SET_TIER})"
    return told if len(told) <= room else f"First check: {done}, {left}: {_SET_TIER}"
