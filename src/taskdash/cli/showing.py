"""`taskdash show`, `open` and `which`: what is known of a task, its results in a browser, and the task of a file."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.options import (
    command,
    complete_files,
    complete_ids,
    form_options,
    number,
    selection_options,
)
from taskdash.cli.output import cell_width, padded, print_json, print_lines, talk
from taskdash.cli.selection import read_details
from taskdash.domain.errors import TaskdashError
from taskdash.domain.failures import classify
from taskdash.domain.gateways import RECORD_PATH
from taskdash.domain.task import State, Verdict, inputs_of, json_text
from taskdash.domain.task_json import task_json
from taskdash.domain.untrusted import inert_line, raw_text
from taskdash.domain.words import (
    NO_REASON,
    NONE,
    REMOVED,
    ago,
    amount,
    countdown,
    duration_word,
    expiry_of,
    moment,
    plural,
    state_word,
)
from taskdash.results.links import UnsafeLinkError, checked_url
from taskdash.results.saved_results import Origin, origin_from, origin_in, sidecar_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.domain.task import Json, Task, TaskDetail
    from taskdash.store.saved import SavedAs
    from taskdash.store.store import Store

MAX_NAME_CELLS: Final = 20
_NUMBER: Final = number(1, 10_000)
_MAX_SIDECAR_BYTES: Final = 32 * 1_048_576


@command("Print a task in full.", example="taskdash show 5064bd1a --json | jq -r '.resultUrls[]'")
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=complete_ids)
@selection_options
@form_options(json="Output JSON.", raw="Output the last response with a record, as it was sent.")
@click.pass_obj
def show(session: Session, task_id: str | None, *, selection: Selection, form: str | None) -> int:
    """Print a task, or all selected tasks, in full.

    An ID may be shortened to a unique prefix of 6 characters or more. A full ID that is not listed is added first. With
    --filter, --state or --label, the JSON is an array.
    """
    details = read_details(session, [task_id] if task_id else [], selection)
    if form == "raw":
        return _print_raw(session, details)
    if form == "json":
        items: list[Json] = [task_json(detail) for detail in details]
        print_json(items[0] if task_id else items)
        return 0
    ttls_ms = session.settings.ttls_ms(None)
    for n, detail in enumerate(details):
        pairs = _pairs(detail, session.now_ms(), ttls_ms.get(detail.task.profile))
        print_lines([*([""] if n else []), *_pair_lines(pairs)])
    return 0


def _print_raw(session: Session, details: Sequence[TaskDetail]) -> int:
    if len(details) > 1:
        raise click.UsageError(f"--raw prints one task, and {len(details):,} match: name one")
    detail = details[0]
    if not detail.raw:
        task_id = detail.task.task_id
        talk(f"taskdash: {task_id} has no record yet: check it with `{session.line('check', task_id)}`")
        return 1
    sys.stdout.flush()
    sys.stdout.buffer.write(session.keys.redact_bytes(raw_text(detail.raw)))
    return 0


def _pairs(detail: TaskDetail, now_ms: int, ttl_ms: int | None) -> list[tuple[str, str]]:
    """Return the names and values to show of a task, in the order of the dashboard's detail view."""
    task = detail.task
    took, problem, expiry = duration_word(task, now_ms), task.problem, expiry_of(task, ttl_ms)
    links = f"{countdown(expiry, now_ms)} ({moment(expiry.at_ms)})" if expiry else None
    since = f" (since {ago(problem.since_ms, now_ms)})" if problem else ""
    pairs: list[tuple[str, str | None]] = [
        ("prompt", task.prompt),
        *(_failure(task) if task.state is State.FAIL else []),
        *((f"result {n}", url) for n, url in enumerate(detail.result_urls, 1)),
        *((f"saved {saved.number}", saved.path) for saved in detail.saved),
        *((verdict.value, _numbers(detail, verdict)) for verdict in Verdict),
        ("state", state_word(task)),
        ("duration", None if took == NONE else f"{took}, overdue" if detail.is_overdue else took),
        *((name, json_text(value)) for name, value in inputs_of(detail.param)),
        ("created", _time(task.create_time_ms, now_ms)),
        ("completed", _time(task.complete_time_ms, now_ms)),
        ("added", _time(task.added_at_ms, now_ms)),
        ("checked", _time(task.checked_at_ms, now_ms)),
        ("path", None if task.record_path == RECORD_PATH else task.record_path),
        ("links", REMOVED if task.purged else links),
        ("label", task.label),
        ("note", task.note),
        ("credits", detail.credits_consumed if task.credits is None else amount(task.credits)),
        *((name, json_text(value)) for name, value in detail.extra.items()),
        ("problem", f"{problem.kind.value}: {problem.message}{since}" if problem else None),
        ("task ID", task.task_id),
        ("model", task.model),
    ]
    return [(name, value) for name, value in pairs if value]


def _numbers(detail: TaskDetail, verdict: Verdict) -> str:
    numbers = [n for n, given in sorted(detail.verdicts.items()) if given is verdict]
    results = "result" if len(numbers) == 1 else "results"
    return f"{results} {', '.join(map(str, numbers))}" if numbers else ""


def _failure(task: Task) -> list[tuple[str, str | None]]:
    kind = classify(task.fail_code, task.fail_msg, task.raw_state).value
    code = f" (code {task.fail_code})" if task.fail_code else ""
    return [("reason", task.fail_msg or NO_REASON), ("failure", f"{kind}{code}")]


def _time(at_ms: int | None, now_ms: int) -> str | None:
    return f"{moment(at_ms)} ({ago(at_ms, now_ms)})" if at_ms is not None else None


def _pair_lines(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return names and values as aligned lines; on a terminal, prose is wrapped."""
    indent = 2 + max(min(MAX_NAME_CELLS, cell_width(name)) for name, _ in pairs)
    if sys.stdout.isatty():
        from taskdash.cli.screen import named_lines

        return named_lines(pairs, indent)
    lines = []
    for name, value in pairs:
        first, *rest = value.splitlines() or [""]
        lines += [padded(f"{name}  ", indent) + first, *(f"{'':<{indent}}{part}" for part in rest)]
    return lines


@command("Open a result in the browser.", example="taskdash open 5064bd1a 2 --print", name="open")
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=complete_ids)
@click.argument("number", metavar="[N]", type=_NUMBER, default=1)
@selection_options
@click.option("--print", "only_print", is_flag=True, help="Print the URL instead of opening it.")
@click.pass_obj
def open_result(
    session: Session, task_id: str | None, number: int, *, selection: Selection, only_print: bool
) -> int:
    """Open result N of a task (default: 1) in the browser. An ID may be shortened to a unique prefix.

    Instead of an ID, --filter, --state or --label may select one task, or any number with --print. A full ID that is
    not listed is added first.

    Uses open_command from the config, else the program in BROWSER, else the desktop's browser. If no browser can open
    here (over SSH, or without a display), the link is printed and copied.
    """
    if task_id and selection.is_given and number == 1 and task_id.isdigit():
        number, task_id = _NUMBER(task_id), None
    details = read_details(session, [task_id] if task_id else [], selection)
    if len(details) > 1 and not only_print:
        raise TaskdashError(f"{len(details):,} tasks match {selection}: name one, or use --print")
    having = [detail for detail in details if len(detail.result_urls) >= number]
    return max(_open(session, detail, number, only_print=only_print) for detail in having or details[:1])


def _open(session: Session, detail: TaskDetail, number: int, *, only_print: bool) -> int:
    task, urls = detail.task, detail.result_urls
    if number > len(urls):
        count = plural(len(urls), "result link") if urls else "no result link"
        hint = "" if task.state.finished else f"; `{session.line('wait', task.task_id)}` waits for it"
        talk(f"taskdash: {task.task_id} has {count} ({task.state}){hint}")
        return 1
    try:
        url = checked_url(urls[number - 1])
    except UnsafeLinkError as error:
        talk(f"taskdash: result {number} was not opened: {error}; see `{session.line('show', task.task_id)}`")
        return 1
    if only_print:
        print_lines([url])
        return 0
    return _browse(session, url)


def _browse(session: Session, url: str) -> int:
    """Open a link in the browser; print and copy it if no browser can open here."""
    # `show` has no use for what starts other programs.
    from taskdash.results.desktop import SENT, ClipboardError, find_clipboard, open_url, terminal_sequence

    environ = session.keyless_environ()
    opened = open_url(url, command=session.settings.open_command, environ=environ)
    if opened.ok:
        talk(opened.message)
        return 0
    copied = ""
    if program := find_clipboard(environ):
        try:
            program.copy(url)
            copied = f": link copied with {program.name}"
        except ClipboardError as error:
            talk(f"taskdash: {error}")
    has_terminal = sys.stderr is not None and sys.stderr.isatty() and environ.get("TERM") != "dumb"
    if not copied and has_terminal and (sequence := terminal_sequence(url)):
        sys.stderr.write(sequence)
        sys.stderr.flush()
        copied = f": link copied ({SENT})"
    talk(f"taskdash: {opened.message}{copied}: {url}")
    return 1


@command(
    "Tell which task a file came from.",
    example="taskdash which best/*.png | cut -f2 | taskdash pick -",
    name="which",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, shell_complete=complete_files)
@form_options(json="Output JSON.")
@click.pass_obj
def which(session: Session, files: Sequence[str], *, form: str | None) -> int:
    """Tell which task and result each file came from: file, ID:N, and how it was recognised, tab-separated.

    A file is recognised by the list (its path there, or its content if it was moved or renamed), by its own metadata
    (see embed in the config) or by the sidecar beside it, which can be given too; by "path" alone, it has changed since
    it was saved. Exits with 1 if any file is not recognised.
    """
    found: list[tuple[str, str, list[Origin]]] = []
    with session.open_store(only_reads=True) as store:
        for file in files:
            name = inert_line(file)
            try:
                by, origins = next((each for each in _known(store, Path(file)) if each[1]), ("", []))
                why = "" if by else "no task found for it"
            except (OSError, ValueError, RuntimeError) as error:
                by, origins = "", []
                why = f"cannot be read: {getattr(error, 'strerror', None) or 'not a file'}"
            if why:
                talk(session.keys.redact_line(f"taskdash: {name}: {why}"))
            found.append((name, by, origins))
    if form == "json":
        items: list[Json] = []
        for name, by, origins in found:
            items += [_item(name, by, *origin) for origin in origins] or [_item(name, None, None, None, None)]
        print_json(items)
    else:
        print_lines(_line(name, by, origin) for name, by, origins in found for origin in origins)
    return 0 if all(by for _, by, _ in found) else 1


def _known(store: Store, path: Path) -> Iterator[tuple[str, list[Origin]]]:
    """Yield each way to recognise a file, with its results by that: several if they have the same content.

    Raises ValueError if it is not a regular file, or its name is invalid.
    """
    # Slow to import, and `show` has no use for it.
    import hashlib

    path = path.resolve()
    if not stat.S_ISREG(path.stat().st_mode):
        # A pipe may never end, or have no writer.
        raise ValueError
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        there = store.saved.results_at(path)
        here = [each for each in there if each.size in (None, size) and each.sha256 in (None, digest)]
        yield "list", _origins(here)
        file.seek(0)
        yield "metadata", list(filter(None, [origin_in(file)]))
    yield "sidecar", list(filter(None, [_in_sidecar(path)]))
    yield "content", _origins(store.saved.results_with(digest))
    yield "path", _origins(there)


def _origins(saved: Sequence[SavedAs]) -> list[Origin]:
    return [*dict.fromkeys(Origin(each.profile, each.task_id, each.n) for each in saved)]


def _in_sidecar(path: Path) -> Origin | None:
    # The sidecar itself may be given: `which best/*` matches both.
    for sidecar in (path.with_name(sidecar_name(path.name)), path):
        with suppress(OSError):
            if sidecar.suffix == ".json" and sidecar.is_file():
                with sidecar.open("rb") as file:
                    return origin_from(file.read(_MAX_SIDECAR_BYTES))
    return None


def _line(name: str, by: str, origin: Origin) -> str:
    result = origin.task_id if origin.number is None else f"{origin.task_id}:{origin.number}"
    return f"{name}\t{result}\t{by}"


def _item(name: str, by: str | None, profile: str | None, task_id: str | None, number: int | None) -> Json:
    return {"file": name, "taskId": task_id, "result": number, "profile": profile, "by": by}
