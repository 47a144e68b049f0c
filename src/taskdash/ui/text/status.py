"""Renders the top line, the banner, the title of the list, and the status view. Pure: snapshots in, text out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from taskdash.domain.query import SortKey
from taskdash.domain.task import ProblemKind
from taskdash.domain.words import age, ago, duration, plural, time_left

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from taskdash.domain.batches import Progress
    from taskdash.domain.query import Sort
    from taskdash.watch.thread import WatchStatus

FEW_NEW: Final = 20
"""Up to this many new IDs are checked too soon for a bar to be worth it."""
_CROWD_CELLS: Final = 12
_SET_TIER: Final = "set tier in the config if your key allows more"
_COMFORT: Final = " Your list still works."
"""Dropped first if a banner has no room for the whole text."""
_BAR_CELLS: Final = 8
_MOST_LABEL_CELLS: Final = 24
_LEAST_GAP: Final = 3
_ORDERS: Final = {key: key.value for key in SortKey} | {SortKey.COST: "duration", SortKey.ID: "ID"}
_TROUBLES: Final = {
    ProblemKind.UNREACHABLE: "offline",
    ProblemKind.UNAUTHORIZED: "API key rejected",
    ProblemKind.RATE_LIMITED: "rate limited",
    ProblemKind.NO_CREDITS: "no credits",
    ProblemKind.SERVER_ERROR: "server error",
}


def banner_of(
    status: WatchStatus,
    key_advice: str | None,
    now_ms: int,
    crowd: int = 0,
    remark: str = "",
    width: int = 200,
) -> tuple[str, bool]:
    """Return the text of the banner, and whether something is wrong; the text is "" when all is well.

    It says what is wrong and what to do about it, or how far the checks of a crowd of new IDs are.

    `crowd` is the peak number of new IDs; `remark` is shown unless there is worse to report.
    """
    room = width - 2
    wrong = _hindrance(status, key_advice, now_ms)
    said = "" if wrong else remark or _crowd(status, crowd, room)
    wrong = wrong or ("" if said else _slow(status))
    words = wrong or said or status.learned or ""
    return words.removesuffix(_COMFORT) if len(words) > room else words, bool(wrong)


def sentence(text: str) -> str:
    """Return a message as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def is_tier_assumed(status: WatchStatus) -> bool:
    """Return whether the tier is only assumed, so that checks may be slower than they could be."""
    return status.tier is not None and "assumed" in status.tier


def _hindrance(status: WatchStatus, key_advice: str | None, now_ms: int) -> str:
    if key_advice:
        return f"{sentence(key_advice)}{_COMFORT}"
    if status.failure:
        return f"{sentence(status.failure)} Restart taskdash; nothing on your list is lost."
    if status.store_problem:
        return f"Nothing is checked: {status.store_problem}"
    if status.watcher_stopped:
        who = f"The process watching this list ({status.watcher_pid})"
        return f"{who} is stopped: no checks until it resumes."
    if status.problem:
        until_ms = status.held_until_ms
        resumes = f"; trying again {age(min(0, now_ms - until_ms))}" if until_ms else ""
        said = f" ({status.message})" if status.message else ""
        code = f" ({found[0]})" if (found := re.search(r"\bHTTP \d{3}\b", status.message)) else ""
        offline = status.message or "the server cannot be reached"
        return {
            ProblemKind.UNAUTHORIZED: f"API key rejected{code}{resumes}. Fix it and restart, or press r to retry.",
            ProblemKind.RATE_LIMITED: f"Rate limited: checks are on hold{resumes}.{_COMFORT}",
            ProblemKind.NO_CREDITS: f"No credits: checks are slowed down{resumes}{said}.",
            ProblemKind.UNREACHABLE: f"Offline: {offline}{resumes}.{_COMFORT}",
            ProblemKind.SERVER_ERROR: f"Server error{resumes}{said}.",
        }.get(status.problem, "")
    return "Paused: no automatic checks (p resumes, r/R check now)." if status.paused else ""


def _slow(status: WatchStatus) -> str:
    if status.over_budget and is_tier_assumed(status):
        waiting = f"{plural(status.due, 'check')} {'waits' if status.due == 1 else 'wait'}"
        return f"{waiting} for the budget of tier {status.tier}: {_SET_TIER}."
    return status.paths_remark or ""


def _crowd(status: WatchStatus, crowd: int, room: int) -> str:
    if status.new <= FEW_NEW or not status.per_minute:
        return ""
    share = (crowd - status.new) / crowd if crowd else 0.0
    bar = "▰" * round(share * _CROWD_CELLS) + "▱" * (_CROWD_CELLS - round(share * _CROWD_CELLS))
    done = f"{crowd - status.new:,} of {crowd:,}"
    left = duration(1000 * status.new / min(status.per_second, status.per_minute / 60))
    words = f"First check: {bar} {done}, about {left} left"
    if not is_tier_assumed(status):
        return words
    told = f"{words} ({status.tier}: {_SET_TIER})"
    return told if len(told) <= room else f"First check: {done}, {left}: {_SET_TIER}"


def top_line(
    profile: str,
    progress: Progress | None,
    left_ms: int | None,
    status: WatchStatus,
    width: int,
    others: Mapping[str, WatchStatus],
) -> Content:
    """Return the top line: the progress of the batch on the left, on the right what holds checks up, the worst first.

    If there is no room, the time left is dropped first, then the bar and the batch, then the last note on the right.
    """
    name = Content.assemble((" taskdash ", "bold"), profile)
    wrong = [_trouble(status), "paused" if status.paused else ""]
    notes = [(words, "$text-warning") for words in wrong if words]
    if not status.leading and status.watcher_pid:
        notes.append((_follows(status), "$text-muted"))
    troubles = ((name, _trouble(other)) for name, other in others.items())
    notes += [(f"{name}: {trouble}", "$text-warning") for name, trouble in troubles if trouble]
    while True:
        right = Content(" · ").join(Content.styled(*note) for note in notes)
        for batch in _batches(progress, left_ms):
            room = width - name.cell_length - batch.cell_length - right.cell_length - 1
            if room >= (_LEAST_GAP if right else 0):
                return Content.assemble(name, batch, " " * room, right) if right else name + batch
        if not notes:
            return name
        notes.pop()


def _batches(progress: Progress | None, left_ms: int | None) -> Iterator[Content]:
    """Yield ever shorter texts on a batch, from all of it down to nothing."""
    if progress is not None:
        label = progress.label
        if cell_len(label) > _MOST_LABEL_CELLS:
            label = set_cell_size(label, _MOST_LABEL_CELLS - 1).rstrip() + "…"
        filled = min(_BAR_CELLS, int(progress.share * _BAR_CELLS))
        bar = (("▰" * filled, "$text-primary"), ("▱" * (_BAR_CELLS - filled), "$text-muted"))
        head, count = ("   ", (label, "$text-secondary"), " "), f"{progress.done:,}/{progress.total:,}"
        if left_ms is not None:
            yield Content.assemble(*head, *bar, " ", count, (f" · {time_left(left_ms)}", "$text-muted"))
        yield Content.assemble(*head, *bar, " ", count)
        yield Content.assemble(*head, count)
    yield Content("")


def _trouble(status: WatchStatus) -> str:
    if status.failure:
        return "watcher ended"
    if status.store_problem:
        return "list unavailable"
    if status.watcher_stopped:
        return "watcher stopped"
    if not status.has_key:
        return "no API key"
    return _TROUBLES.get(status.problem, "") if status.problem else ""


def _follows(status: WatchStatus) -> str:
    differs = f" with another {status.differs}" if status.differs else ""
    return f"watched by process {status.watcher_pid}{differs}"


def list_title(
    lines: range,
    total: int,
    label: str | None,
    *,
    filtered_from: int | None = None,
    order: str = "",
    unseen: int = 0,
) -> Content:
    """Return the title of the table: the visible lines, the total, the order, and the label that all tasks share."""
    title = f"Tasks {lines.start + 1:,}–{lines.stop:,} of {total:,}" if lines else "Tasks"
    title += "" if filtered_from is None else f", filtered from {filtered_from:,}"
    title += f", {order}" if order and lines else ""
    title += f", {unseen:,} unseen" if unseen and lines else ""
    return Content.assemble(title, " · ", (label, "$text-secondary")) if label and lines else Content(title)


def unseen_order(sort: Sort, seen: Collection[SortKey | None]) -> str:
    """Return the table's order in words; "" if a column title shows it by an arrow, or it is the usual one."""
    if sort.key is SortKey.ADDED:
        return "oldest first" if sort.reverse and sort.key not in seen else ""
    return "" if sort.key in seen else f"by {_ORDERS[sort.key]} {'▼' if sort.reverse else '▲'}"


def status_rows(
    status: WatchStatus, key_advice: str | None, last_check_ms: int | None, now_ms: int, own_pid: int
) -> list[tuple[str, str]]:
    """Return the status view's rows on the watcher, names and values, without those that have no value."""
    watcher = f"this process ({own_pid})" if status.leading else _follows(status)
    if not status.leading:
        watcher = watcher.removeprefix("watched by ") if status.watcher_pid else ""
    stopped = ", stopped" if status.watcher_stopped else ""
    key = "missing" if key_advice or not status.has_key else "set"
    rejected = status.problem is ProblemKind.UNAUTHORIZED
    budget = (
        f"{status.used:,} of {status.per_minute:,} checks in the last minute" if status.per_minute else ""
    )
    return [
        (name, value)
        for name, value in (
            ("Trouble", _hindrance(status, key_advice, now_ms) or _slow(status)),
            ("Watcher", f"{watcher or ('starting' if key == 'set' else 'none without a key')}{stopped}"),
            ("API key", "rejected by the gateway" if rejected else key),
            ("Tier", status.tier or ("your own limits" if status.per_minute else "")),
            ("Budget", budget),
            ("Per second", f"up to {status.per_second:,}" if status.per_second else ""),
            ("Server limits", status.learned or ""),
            ("Next check", _next(status, now_ms)),
            ("Next try", age(min(0, now_ms - status.held_until_ms)) if status.held_until_ms else ""),
            ("Last check", ago(last_check_ms, now_ms) if last_check_ms is not None else "none yet"),
            ("Checks", "paused" if status.paused else "automatic"),
        )
        if value
    ]


def other_row(status: WatchStatus) -> str:
    """Return one line on the watcher of another profile: its trouble, its budget, and its process."""
    used = f"{status.used:,} of {status.per_minute:,} checks in the last minute" if status.per_minute else ""
    watched = "" if status.leading or not status.watcher_pid else _follows(status)
    return " · ".join(filter(None, (_trouble(status), used, watched))) or "starting"


def _next(status: WatchStatus, now_ms: int) -> str:
    if status.paused or status.problem is ProblemKind.UNAUTHORIZED or not status.has_key:
        return "none is planned"
    if status.due:
        return f"{status.due:,} {'is' if status.due == 1 else 'are'} due"
    if status.next_check_at_ms is None:
        return "nothing left to check"
    return age(min(0, now_ms - status.next_check_at_ms))
