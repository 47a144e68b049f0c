"""Renders a task for the detail pane as styled text. Pure: a task and the time in, lines out.

The most wanted comes first: the prompt, the reason for a failure, the results. Missing values take up no line.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style

from taskdash.domain.gateways import RECORD_PATH
from taskdash.domain.task import State, Task, TaskDetail, inputs_of, json_text
from taskdash.domain.words import (
    REMOVED,
    SYMBOLS,
    age,
    ago,
    countdown,
    duration,
    expiry_of,
    moment,
    notice_ms,
    started_ms,
    state_word,
    waited_ms,
)
from taskdash.results.links import UnsafeLinkError, checked_url, shortened_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdash.domain.usual import Usual

SENSELESS = "?"
MAX_LINKS_SHOWN = 50
_NAME_CELLS = 12
_MOMENT_CELLS = _NAME_CELLS + len("  2026-11-29 05:36:44  ")
_LEAST_LINK_CELLS = 20
_LEAST_VALUE_CELLS = 16
_LOCAL_TIME = r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d[\d:.]*"
_STATE_STYLES = {
    State.NEW: "bold $text-muted",
    State.WAITING: "bold $text-primary",
    State.SUCCESS: "bold $text-success",
    State.FAIL: "bold $text-error",
}


def detail_text(
    detail: TaskDetail,
    now_ms: int,
    usual: Callable[[Task], Usual | None],
    ttl_ms: int | None = None,
    width: int = 80,
) -> Content:
    """Return the text of the whole pane for one task; links are shortened to fit on one line."""
    task, cost = detail.task, detail.credits_consumed
    failed = task.state is State.FAIL
    extra = [*([] if cost is None else [("credits", cost)]), *detail.extra.items()]
    blocks = (
        [Content(task.prompt)] if task.prompt else [],
        _failure(task) if failed else [],
        _results(detail, width),
        [
            *([] if failed else [_state(detail, now_ms, usual)]),
            *(_pair(name, json_text(value), width) for name, value in inputs_of(detail.param)),
            *_times(detail, now_ms, ttl_ms, width),
            *([_pair("label", Content.styled(task.label, "$text-secondary"), width)] if task.label else []),
            *([_pair("note", task.note, width)] if task.note else []),
            *(_pair(name, json_text(value), width) for name, value in extra),
        ],
        _problem(task, now_ms),
        [_identity(task, width)],
    )
    return Content("\n\n").join(Content("\n").join(lines) for lines in blocks if lines)


def result_target(detail: TaskDetail, number: int) -> str | None:
    """Return the target of a result's line (from 1): the saved file, else the link; None if neither can be opened."""
    path = next((saved.path for saved in detail.saved if saved.number == number), None)
    try:
        if path is not None and Path(path).is_absolute():
            return Path(path).as_uri()
        return checked_url(detail.result_urls[number - 1])
    except (UnsafeLinkError, UnicodeError, IndexError):
        return None


def _state(detail: TaskDetail, now_ms: int, usual: Callable[[Task], Usual | None]) -> Content:
    task = detail.task
    head, parts = f"{SYMBOLS[task.state]} {state_word(task)}", []
    if task.state is State.SUCCESS and (task.cost_time_ms is not None or "costTime" in detail.extra):
        took = SENSELESS if task.cost_time_ms is None else duration(task.cost_time_ms, measured=True)
        parts.append(f" in {took}")
    elif task.state is State.WAITING:
        parts.append(f" {duration(waited_ms(task, now_ms))}")
        if task.progress:
            parts.append(f" · {task.progress.removesuffix('%')}%")
    elif task.state is State.NEW:
        parts.append(" · not answered yet")
    known = usual(task) if task.state is State.WAITING else None
    if known is None:
        return Content.assemble((head, _STATE_STYLES[task.state]), *parts)
    words = f" · usual {'over ' if known.is_more else ''}{duration(known.ms, measured=True)}"
    is_overdue = now_ms - started_ms(task) > known.overdue_ms
    shown = (f"{words}, overdue", "$text-warning") if is_overdue else (words, "$text-muted")
    return Content.assemble((head, _STATE_STYLES[task.state]), *parts, shown)


def _failure(task: Task) -> list[Content]:
    # Imported late: the rules are many, and most tasks succeed.
    from taskdash.domain.failures import classify

    reason = classify(task.fail_code, task.fail_msg, task.raw_state).value
    head = Content.styled(f"{SYMBOLS[task.state]} {state_word(task)}", _STATE_STYLES[task.state])
    code = f" · code {task.fail_code}" if task.fail_code else ""
    took = "" if task.cost_time_ms is None else f" · after {duration(task.cost_time_ms, measured=True)}"
    said = Content(task.fail_msg) if task.fail_msg else Content.styled("no reason given", "$text-muted")
    return [Content.assemble(head, f" · {reason}{code}{took}"), said]


def _results(detail: TaskDetail, width: int) -> list[Content]:
    count, saved = len(detail.result_urls), {each.number: each.path for each in detail.saved}
    if not count and not saved:
        if detail.task.purged:
            return [Content.styled(REMOVED, "$text-warning")]
        return [Content("No links in the result")] if detail.task.state is State.SUCCESS else []
    numbers = sorted({*range(1, min(count, MAX_LINKS_SHOWN) + 1), *saved})[:MAX_LINKS_SHOWN]
    lines = [_result(detail, number, saved.get(number), width) for number in numbers]
    if count > len(numbers):
        lines.append(Content.styled(f"and {count - len(numbers):,} more", "$text-muted"))
    if detail.task.purged:
        lines.append(Content.styled(REMOVED, "$text-warning"))
    return lines


def _result(detail: TaskDetail, number: int, path: str | None, width: int) -> Content:
    head = (f"{number if number < 10 else ' '} ", "$text-accent bold")
    target = result_target(detail, number)
    style = Style() if target is None else Style(underline=True, link=target)
    verdict = f" · {given}" if (given := detail.verdicts.get(number)) else ""
    width -= len(verdict)
    if path is not None:
        room = max(_LEAST_LINK_CELLS, width - len("1 saved "))
        name = path if len(path) <= room else shortened_url(Path(path).name, room)
        return Content.assemble(head, ("saved ", "$text-muted"), (name, style), (verdict, "$text-muted"))
    url = detail.result_urls[number - 1]
    shown = shortened_url(url, max(_LEAST_LINK_CELLS, width - len("1 ")))
    return Content.assemble(head, (shown, style), not_opened(url), (verdict, "$text-muted"))


def not_opened(url: str) -> Content:
    """Return a note, to be put after a link, on why it is not opened; empty if it is."""
    try:
        checked_url(url)
    except UnsafeLinkError as error:
        return Content.styled(f" (is not opened: {error})", "$text-muted")
    return Content("")


def _times(detail: TaskDetail, now_ms: int, ttl_ms: int | None, width: int) -> list[Content]:
    task, extra = detail.task, detail.extra

    def time(at_ms: int | None, name: str = "") -> Content:
        if at_ms is None:
            # A time without a zone is shown as sent; anything else is `?` here and shown as sent at the end.
            sent = extra.get(name)
            if isinstance(sent, str) and re.fullmatch(_LOCAL_TIME, sent, re.ASCII):
                return Content(sent)
            return Content(SENSELESS if name in extra else "")
        told = (ago(at_ms, now_ms), age(now_ms - at_ms))
        if width + 2 < _MOMENT_CELLS:
            return Content.styled(told[0], "$text-muted")
        when = next((f"  {when}" for when in told if _MOMENT_CELLS + len(when) <= width), "")
        return Content.assemble(moment(at_ms), (when, "$text-muted"))

    times = {
        "created": time(task.create_time_ms, "createTime"),
        "completed": time(task.complete_time_ms, "completeTime"),
        "added": time(task.added_at_ms),
        "checked": time(task.checked_at_ms),
        "checks": Content(f"{task.checks:,}" if task.checks > 1 else ""),
        "path": Content("" if task.record_path in (None, RECORD_PATH) else task.record_path or ""),
    }
    if task.next_check_at_ms is not None and not task.state.finished:
        times["next check"] = Content(age(min(0, now_ms - task.next_check_at_ms)))
    expiry = _expiry(detail, now_ms, ttl_ms, width)
    return [*(_pair(name, text, width) for name, text in times.items() if text), *expiry]


def _expiry(detail: TaskDetail, now_ms: int, ttl_ms: int | None, width: int) -> list[Content]:
    if detail.task.purged or (expiry := expiry_of(detail.task, ttl_ms)) is None:
        return []
    name, _, when = countdown(expiry, now_ms).partition(" ")
    style = "$text-muted"
    if len(detail.saved) < len(detail.result_urls) and expiry.left_ms(now_ms) < notice_ms(
        expiry.life_ms or ttl_ms or 0
    ):
        when, style = f"{when}, not saved", "$text-warning"
    at = f"{moment(expiry.at_ms)}  " if _MOMENT_CELLS + len(when) <= width else ""
    return [_pair(name, Content.assemble(at, (when, style)), width)]


def _problem(task: Task, now_ms: int) -> list[Content]:
    if (problem := task.problem) is None:
        return []
    head = f"! {problem.kind.value} · first seen {ago(problem.since_ms, now_ms)}"
    return [Content.styled(head, "$text-warning"), Content(problem.message)]


def _identity(task: Task, width: int) -> Content:
    # Never cut, as it may be copied: in a narrow pane the model goes on a line of its own.
    gap = " · " if len(task.task_id) + len(task.model or "") + len(" · ") <= width else "\n"
    return Content.styled(gap.join(filter(None, (task.task_id, task.model))), "$text-muted")


def _pair(name: str, value: str | Content, width: int) -> Content:
    """Return a name and its value, with further lines aligned below the first if there is room for a column."""
    head = Content.styled(f"{name:<{_NAME_CELLS}}  ", "$text-muted")
    room = width - _NAME_CELLS - 2
    if room < _LEAST_VALUE_CELLS:
        return head + value
    lines = Content.assemble(value).wrap(room)
    if head.cell_length > _NAME_CELLS + 2 and head.cell_length + lines[0].cell_length > width:
        lines = [Content(""), *lines]
    return head + Content(f"\n{' ' * (_NAME_CELLS + 2)}").join(lines)
