"""Copies parts of tasks to the clipboard, and reports how that went, without a screen."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from taskdash.api.request import NoRequestError, request_again
from taskdash.config.files import make_private_dir, replace_private_file
from taskdash.config.keys import DEFAULT_KEY_VARIABLE
from taskdash.domain.curl import NEXT_COMMAND, Endpoint, create_command, record_command
from taskdash.domain.gateways import RECORD_PATH
from taskdash.domain.task import Json, State, Task, TaskDetail
from taskdash.domain.untrusted import inert_line, raw_text
from taskdash.domain.words import plural
from taskdash.results.desktop import MAX_TERMINAL_BYTES, SENT, ClipboardError, find_clipboard
from taskdash.ui.acts import no_links
from taskdash.ui.messages import Feedback, copied, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from taskdash.store.store import Store
    from taskdash.ui.context import Context

AT_A_TIME: Final = 200
"""Tasks to read at a time, so that the list can read in between."""
PREVIEW_CHARS: Final = 200
NO_RECORD: Final = "no record yet"
COSTS: Final = "Running it creates a new task and costs credits."


class NothingToCopyError(Exception):
    """Says why a task does not have the text to copy."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Offers a text in the copy menu."""

    key: str
    title: str
    preview: str
    note: str
    """A sentence or two on what the text is and what using it does."""
    reason: str = ""
    """Why it cannot be chosen; "" if it can."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Makes a kind of text to copy from one task, and joins those of several."""

    key: str
    title: str
    note: str
    make: Callable[[Context, TaskDetail], str]
    noun: str
    join: str = "\n"
    line: Callable[[str], str] = str
    """Turns the text into one line, when several tasks are copied."""
    preview: str = ""
    """Shown instead of the text itself."""
    more: str = ""
    is_for_one: bool = False
    is_had: Callable[[Task], bool] = lambda _: True
    """Returns whether a task may have such a text, judging by its row alone."""


class Copying:
    """Copies for the copy menu and its keys."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def ids(self, tasks: Sequence[Task]) -> Feedback:
        return copied("\n".join(task.task_id for task in tasks), plural(len(tasks), "task ID"))

    async def links(self, tasks: Sequence[Task]) -> Feedback:
        if len(tasks) == 1 and not tasks[0].result_count:
            return no_links(tasks[0])
        seqs = [task.seq for task in tasks if task.result_count]
        found = await self._context.store.run(lambda store: list(store.tasks.links(seqs)))
        links = [link for _, links in found for link in links]
        if not links:
            return warning("No result links in these tasks.")
        return copied("\n".join(links), plural(len(links), "link"))

    async def choices(self, tasks: Sequence[Task]) -> list[Choice]:
        """Return the menu for these tasks: exact for one, judged by their rows alone for several."""
        if len(tasks) > 1:
            return [self._choice_for_many(kind, tasks) for kind in KINDS]
        detail = await self._context.store.run(lambda store: store.tasks.detail(tasks[0].seq))
        if detail is None:
            return []
        return await asyncio.to_thread(lambda: [self._choice(kind, detail) for kind in KINDS])

    async def copy(self, tasks: Sequence[Task], key: str) -> Feedback:
        kind = next(kind for kind in KINDS if kind.key == key)
        if kind is _IDS:
            return self.ids(tasks)
        if kind is _LINKS:
            return await self.links(tasks)
        texts, reasons = await self._made(kind, tasks)
        if not texts:
            return warning(f"Nothing to copy: {reasons[0] if reasons else 'no longer on the list'}.")
        lacking = f" Skipped {plural(len(reasons), 'task')}: {reasons[0]}." if reasons else ""
        more = self._named(kind.more, tasks[0])
        if len(tasks) == 1:
            return copied(texts[0], f"the {kind.title}", more)
        return copied(kind.join.join(map(kind.line, texts)), plural(len(texts), kind.noun), more + lacking)

    async def _made(self, kind: _Kind, tasks: Sequence[Task]) -> tuple[list[str], list[str]]:
        """Return the texts, and the reason for each task without one; reads in parts, off the event loop."""
        texts: list[str] = []
        reasons: list[str] = []
        seqs = [task.seq for task in tasks]

        def make(details: Sequence[TaskDetail]) -> None:
            for detail in details:
                try:
                    texts.append(kind.make(self._context, detail))
                except NothingToCopyError as error:
                    reasons.append(str(error))

        for start in range(0, len(seqs), AT_A_TIME):
            part = seqs[start : start + AT_A_TIME]
            details = await self._context.store.run(partial(_read_details, seqs=part))
            await asyncio.to_thread(make, details)
        return texts, reasons

    def _choice(self, kind: _Kind, detail: TaskDetail) -> Choice:
        try:
            text = kind.make(self._context, detail)
        except NothingToCopyError as error:
            return Choice(kind.key, kind.title, "", kind.note, str(error))
        preview = kind.preview or inert_line(text[: 2 * PREVIEW_CHARS], PREVIEW_CHARS)
        note = self._named(kind.note, detail.task)
        if kind is _LINKS and len(detail.result_urls) > 1:
            preview = f"{plural(len(detail.result_urls), 'link')}: {preview}"
        return Choice(kind.key, kind.title, preview, note)

    def _choice_for_many(self, kind: _Kind, tasks: Sequence[Task]) -> Choice:
        if kind.is_for_one:
            return Choice(kind.key, kind.title, "", kind.note, "one task at a time")
        having = sum(map(kind.is_had, tasks))
        preview = f"{plural(having, kind.noun)}{f' of {len(tasks):,} tasks' if having < len(tasks) else ''}"
        if kind is _LINKS:
            preview = f"{plural(sum(task.result_count for task in tasks), 'link')}"
        note = self._named(kind.note, tasks[0])
        return Choice(kind.key, kind.title, preview, note, "" if having else "none of these tasks has one")

    def _named(self, words: str, task: Task) -> str:
        return words.replace("$KEY", endpoint_of(self._context, task).key_words)


def _read_details(store: Store, seqs: Sequence[int]) -> list[TaskDetail]:
    return list(store.tasks.details(seqs))


def endpoint_of(context: Context, task: Task) -> Endpoint:
    """Return the endpoint that a task's command lines send their requests to."""
    settings = context.settings
    profile = settings.profiles.get(task.profile, settings.in_use)
    return Endpoint(profile.base_url, profile.api_key_env or DEFAULT_KEY_VARIABLE, profile.auth_header)


def _links(_context: Context, detail: TaskDetail) -> str:
    if not detail.result_urls:
        why = no_links(detail.task).text.rstrip(".")
        raise NothingToCopyError(f"{why[:1].lower()}{why[1:]}")
    return "\n".join(detail.result_urls)


def _prompt(_context: Context, detail: TaskDetail) -> str:
    if not detail.task.prompt:
        raise NothingToCopyError("no prompt in its record" if detail.raw else NO_RECORD)
    return detail.task.prompt


def _param(_context: Context, detail: TaskDetail) -> str:
    if detail.param is None:
        raise NothingToCopyError("no param in its record" if detail.raw else NO_RECORD)
    return json.dumps(detail.param, ensure_ascii=False, indent=2)


def _record(_context: Context, detail: TaskDetail) -> str:
    if not detail.raw:
        raise NothingToCopyError(NO_RECORD)
    return raw_text(detail.raw).decode("utf-8")


def _record_command(context: Context, detail: TaskDetail) -> str:
    task = detail.task
    return record_command(endpoint_of(context, task), task.task_id, task.record_path or RECORD_PATH)


def _body(detail: TaskDetail) -> dict[str, Json]:
    try:
        return request_again(detail)
    except NoRequestError as error:
        raise NothingToCopyError(str(error)) from None


_IDS: Final = _Kind("i", "task ID", "The task's ID.", lambda _, detail: detail.task.task_id, "task ID")
_LINKS: Final = _Kind(
    "l",
    "links",
    "The result links, one per line.",
    _links,
    "link",
    is_had=lambda task: task.result_count > 0,
)
_CREATE: Final = _Kind(
    "n",
    "createTask command",
    f"A curl command with the same model and inputs and its own X-Request-ID. {COSTS} "
    "Running it twice still creates only one. $KEY stands for your key.",
    lambda context, detail: create_command(endpoint_of(context, detail.task), _body(detail), str(uuid4())),
    "createTask command",
    join=NEXT_COMMAND,
    preview="curl command to run it again (new task, costs credits)",
    more=f" {COSTS} $KEY stands for your key.",
    is_had=lambda task: task.state is not State.NEW,
)
KINDS: Final = (
    _IDS,
    _LINKS,
    _Kind(
        "p",
        "prompt",
        "The prompt, as shown.",
        _prompt,
        "prompt",
        line=inert_line,
        is_had=lambda task: bool(task.prompt),
    ),
    _Kind(
        "a",
        "param",
        "The request as its record has it, as JSON.",
        _param,
        "param",
        line=lambda text: json.dumps(json.loads(text), ensure_ascii=False),
        is_had=lambda task: task.state is not State.NEW,
    ),
    _Kind(
        "b",
        "createTask body",
        "The JSON body that asks for the same again, one per line, for a script of your own.",
        lambda _context, detail: json.dumps(_body(detail)),
        "request",
        is_had=_CREATE.is_had,
    ),
    _Kind(
        "r",
        "record",
        "The last response with a record, as it was sent; an API key in it is shown as ***.",
        _record,
        "record",
        is_for_one=True,
    ),
    _Kind(
        "c",
        "recordInfo command",
        "A curl command to fetch the record, as taskdash does; it costs nothing. $KEY stands for your key.",
        _record_command,
        "recordInfo command",
        preview="curl command to fetch the record",
        more=" $KEY stands for your key.",
    ),
    _CREATE,
)


async def deliver(context: Context, feedback: Feedback, keep: Callable[..., None]) -> Feedback:
    """Copy the text that comes with `feedback`, with API keys redacted; return the message to show.

    A clipboard program of the desktop comes first, if the user sits at this machine; then the terminal is asked to fill
    the clipboard, which it does not confirm. A text too large for the terminal is written to a private file.

    `keep` remembers a text, for pasting within the dashboard, and with `to_terminal` asks the terminal to copy it.
    """
    if feedback.copy is None:
        return feedback
    # Half a surrogate pair cannot be encoded.
    text = context.keys.redact(feedback.copy.encode("utf-8", "replace").decode())
    failure = ""
    program = await asyncio.to_thread(find_clipboard, context.environ)
    if program is not None:
        try:
            await asyncio.to_thread(program.copy, text)
        except ClipboardError as error:
            failure = f"; {inert_line(str(error), 200)}"
        else:
            keep(text, to_terminal=False)
            return Feedback(f"{feedback.text} with {program.name}.{feedback.more}", feedback.severity)
    size = len(text.encode())
    if size <= MAX_TERMINAL_BYTES:
        keep(text, to_terminal=True)
        return Feedback(f"{feedback.text} ({SENT}{failure}).{feedback.more}", feedback.severity)
    limit = f"{-(-size // 1024):,} KiB, limit {MAX_TERMINAL_BYTES // 1024} KiB"
    saved = await asyncio.to_thread(_save, context.copy_path, text)
    words = f"too large for the terminal's clipboard ({limit}{failure}){saved}"
    return Feedback(f"{feedback.what}: {words}.{feedback.more}", "error")


def _save(path: Path | None, text: str) -> str:
    """Write a text to a file that only the user can read; return the end of the message on it."""
    if path is None:
        return ""
    try:
        make_private_dir(path.parent)
        replace_private_file(path, text.encode())
    except OSError as error:
        return f", and it could not be saved to a file: {error.strerror}"
    return f": saved to {inert_line(str(path))}"
