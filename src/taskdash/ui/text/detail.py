"""What the detail pane says of a task, as styled text. Pure: a task and the time in, lines out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style

from taskdash.domain.durations import NONE, ago, duration
from taskdash.domain.task import Json, State, Task, TaskDetail, json_text
from taskdash.domain.words import (
    SYMBOLS,
    countdown,
    expiry_of,
    moment,
    plural,
    started_ms,
    state_word,
    waited_ms,
)
from taskdash.results.links import UnsafeLinkError, checked_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from taskdash.domain.usual import Usual

SENSELESS = "?"
MAX_LINKS_SHOWN = 50
_LABEL_CELLS = 12
_TIME_LABEL_CELLS = 10
"""With these a moment and how long it is ago fit on one line of the pane in a terminal 120 columns wide."""
_STATE_STYLES = {
    State.NEW: "bold $text-muted",
    State.WAITING: "bold $text-warning",
    State.SUCCESS: "bold $text-success",
    State.FAIL: "bold $text-error",
}


def detail_text(
    detail: TaskDetail, now_ms: int, usual: Callable[[Task], Usual | None], ttl_ms: int | None = None
) -> Content:
    """Return the whole pane for one task as of `now_ms`; `ttl_ms` is how long result links live."""
    task = detail.task
    sections = (
        _head(task, now_ms, usual),
        _problem(task, now_ms),
        _failure(task),
        _links(detail, now_ms, ttl_ms),
        _saved(detail),
        _prompt(task),
        _inputs(detail),
        _labels(task),
        _times(detail, now_ms),
        _extra(detail),
    )
    return Content("\n\n").join(section for section in sections if section.plain)


def _head(task: Task, now_ms: int, usual: Callable[[Task], Usual | None]) -> Content:
    parts: list[tuple[str, str] | str] = [
        (f"{SYMBOLS[task.state]} {state_word(task)}", _STATE_STYLES[task.state])
    ]
    if task.state is State.SUCCESS and task.cost_time_ms is not None:
        parts.append(f"  in {duration(task.cost_time_ms, measured=True)}")
    elif task.state is State.WAITING:
        parts.append(f"  for {duration(waited_ms(task, now_ms))}")
        if task.progress:
            parts.append(f", {task.progress.removesuffix('%')} %")
        if (known := usual(task)) is not None:
            words = f" · usual {'over ' if known.is_more else ''}{duration(known.ms, measured=True)}"
            is_overdue = now_ms - started_ms(task) >= known.overdue_from_ms
            parts.append((f"{words}, overdue", "$text-warning") if is_overdue else (words, "$text-muted"))
    elif task.state is State.NEW:
        parts.append(("  not answered yet", "$text-muted"))
    model = [Content(task.model)] if task.model else []
    return _lines([Content.assemble(*parts), Content.styled(task.task_id, "$text-muted"), *model])


def _problem(task: Task, now_ms: int) -> Content:
    if (problem := task.problem) is None:
        return Content("")
    head = f"! {problem.kind.value} (since {ago(problem.since_ms, now_ms)})"
    return _lines([Content.styled(head, "$text-warning"), Content(problem.message)])


def _failure(task: Task) -> Content:
    if task.state is not State.FAIL:
        return Content("")
    # Its patterns take a millisecond to compile: not before the first frame of a list without failures.
    from taskdash.domain.failures import classify

    reason = classify(task.fail_code, task.fail_msg, task.raw_state)
    code = f", code {task.fail_code}" if task.fail_code else ""
    said = (
        Content.styled(task.fail_msg, "$text-error") if task.fail_msg else Content("The answer says no more.")
    )
    return _section(f"Failure: {reason.value}{code}", [said])


def _expiry(detail: TaskDetail, now_ms: int, ttl_ms: int | None) -> list[Content]:
    if ttl_ms is None or (expiry := expiry_of(detail.task, ttl_ms)) is None:
        return []
    words, style = countdown(expiry, now_ms), "$text-muted"
    if len(detail.saved) < len(detail.result_urls):
        if expiry.left_ms(now_ms) <= 0:
            style = "$text-error"
        elif expiry.is_soon(ttl_ms, now_ms):
            words, style = f"{words}, not saved", "$text-warning"
    return [Content.styled(words, style)]


def _links(detail: TaskDetail, now_ms: int, ttl_ms: int | None) -> Content:
    urls = detail.result_urls
    if not urls:
        return Content("No link in the result" if detail.task.state is State.SUCCESS else "")
    lines = [_link(n, url) for n, url in enumerate(urls[:MAX_LINKS_SHOWN], 1)]
    if len(urls) > MAX_LINKS_SHOWN:
        lines.append(Content.styled(f"and {len(urls) - MAX_LINKS_SHOWN:,} more", "$text-muted"))
    return _section(plural(len(urls), "result"), [*_expiry(detail, now_ms, ttl_ms), *lines])


def _link(number: int, url: str) -> Content:
    head = (f"{number if number < 10 else ' '} ", "$text-accent bold")
    try:
        return Content.assemble(head, (url, Style(underline=True, link=checked_url(url))))
    except UnsafeLinkError as error:
        return Content.assemble(head, url, (f" (is not opened: {error})", "$text-muted"))


def _saved(detail: TaskDetail) -> Content:
    paths, count = [saved.path for saved in detail.saved], detail.task.result_count
    title = "Saved" if len(paths) >= count else f"Saved: {len(paths):,} of {count:,}"
    return _section(title, [Content(path) for path in paths[:MAX_LINKS_SHOWN]])


def _prompt(task: Task) -> Content:
    return _section("Prompt", [Content(task.prompt)]) if task.prompt else Content("")


def _inputs(detail: TaskDetail) -> Content:
    param = detail.param
    if not isinstance(param, dict):
        return _section("Request", [Content(json_text(param))]) if param else Content("")
    inputs = param.get("input")
    pairs = [(key, value) for key, value in param.items() if key != "model"]
    if isinstance(inputs, dict) and inputs:
        pairs = [*inputs.items(), *(pair for pair in pairs if pair[0] != "input")]
    return _section("Inputs", [_pair(key, json_text(value)) for key, value in pairs if key != "prompt"])


def _labels(task: Task) -> Content:
    yours = {"label": task.label, "note": task.note}
    return _section("Yours", [_pair(name, text) for name, text in yours.items() if text])


def _times(detail: TaskDetail, now_ms: int) -> Content:
    task, extra = detail.task, detail.extra
    times = {"created": _time(task.create_time_ms, now_ms, "createTime" in extra)}
    if task.complete_time_ms is not None or "completeTime" in extra:
        times["completed"] = _time(task.complete_time_ms, now_ms, "completeTime" in extra)
    if task.state.finished:
        is_odd = task.cost_time_ms is None and "costTime" in extra
        times["costTime"] = SENSELESS if is_odd else duration(task.cost_time_ms, measured=True)
    times["added"] = _time(task.added_at_ms, now_ms)
    times["checked"] = _time(task.checked_at_ms, now_ms)
    if task.checks > 1:
        times["checks"] = f"{task.checks:,}"
    if task.next_check_at_ms is not None and not task.state.finished:
        is_now = task.next_check_at_ms < now_ms + 1000
        times["next check"] = "now" if is_now else ago(task.next_check_at_ms, now_ms)
    return _section("Times", [_pair(name, value, _TIME_LABEL_CELLS) for name, value in times.items()])


def _extra(detail: TaskDetail) -> Content:
    pairs: list[tuple[str, Json]] = list(detail.extra.items())
    if detail.credits_consumed is not None:
        pairs.insert(0, ("creditsConsumed", detail.credits_consumed))
    return _section("Also in the record", [_pair(key, json_text(value)) for key, value in pairs])


def _section(title: str, lines: Iterable[Content]) -> Content:
    body = list(lines)
    return _lines([Content.styled(title, "bold $text-primary"), *body]) if body else Content("")


def _lines(lines: Iterable[Content]) -> Content:
    return Content("\n").join(lines)


def _pair(key: str, value: str | Content, cells: int = _LABEL_CELLS) -> Content:
    return Content.assemble((f"{key:<{cells}} ", "$text-muted"), value)


def _time(at_ms: int | None, now_ms: int, senseless: bool = False) -> str | Content:
    # Senseless is what cannot be: it stands as it was under "Also in the record".
    if at_ms is None:
        return SENSELESS if senseless else NONE
    return Content.assemble(moment(at_ms), (f" {ago(at_ms, now_ms)}", "$text-muted"))
