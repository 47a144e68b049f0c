"""`taskdash doctor`: whether everything taskdash needs is right here, and what to do where it is not."""

from __future__ import annotations

import asyncio
import os
import platform
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

import click

from taskdash import __version__
from taskdash.cli.configuring import checked_settings
from taskdash.cli.doctor_terminal import terminal_findings
from taskdash.cli.findings import Finding, Grade, table
from taskdash.cli.options import command, pass_session
from taskdash.cli.output import print_json, print_lines, talk
from taskdash.config.keys import find_key
from taskdash.config.settings import Settings
from taskdash.domain.durations import ago
from taskdash.domain.errors import KeyMissingError, TaskdashError
from taskdash.domain.task import ProblemKind
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import plural
from taskdash.results.download_status import size_words
from taskdash.store.examination import KNOWN_VERSION, SQLITE_VERSION, Examined, examine, last_copy_s
from taskdash.watch.machine import is_alive, is_stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from taskdash.cli.session import Session
    from taskdash.config.profile import Profile

_PACKAGES: Final = ("textual", "rich", "httpx", "click", "pillow")
_NO_TASK: Final = "taskdash-doctor"
"""An ID that no gateway has a task of: asking for it costs nothing."""
_KNOWS_KEY: Final = (None, ProblemKind.NOT_FOUND, ProblemKind.REJECTED, ProblemKind.NO_CREDITS)
"""Only a gateway that takes the key answers so."""


@command("Check terminal, config, key, list and versions.", example="taskdash doctor --online")
@click.option(
    "--online", is_flag=True, help="Also send one request, for a task that does not exist, to try the key."
)
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@pass_session
def doctor(session: Session, *, online: bool, as_json: bool) -> int:
    """Check whether everything taskdash needs is right here: terminal, config, API key, list, watcher and versions.

    Changes nothing. Exits with 0 if all is right, 1 if something is wrong; something optional that is missing is not
    wrong. No API key is printed.
    """
    findings = [_redacted(session, each) for each in _findings(session, online=online)]
    wrong = sum(each.grade is Grade.WRONG for each in findings)
    if as_json:
        print_json({"ok": not wrong, "checks": [each.json() for each in findings]})
    else:
        print_lines(table(findings))
        talk(f"{plural(wrong, 'problem')} found (×)" if wrong else "No problems found.")
    return 1 if wrong else 0


def _redacted(session: Session, each: Finding) -> Finding:
    return each._replace(value=session.redacted(each.value), next_step=session.redacted(each.next_step))


def _findings(session: Session, *, online: bool) -> Iterator[Finding]:
    settings, faults = _settings(session)
    view = (settings or Settings()).view
    yield from _sure("terminal", partial(terminal_findings, session.environ, view))
    yield from faults
    if settings:
        yield from _sure("key", partial(_key, session, settings.in_use, online=online))
    examined: list[Examined] = []
    yield from _sure("list", partial(_store, session, examined))
    if settings and examined:
        yield _watcher(settings.profile, examined[0])
    yield from _versions()


def _sure(area: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield what is found; what keeps it from being found is wrong, too."""
    try:
        yield from look()
    except KeyMissingError as error:
        what, _, advice = str(error).partition(". ")
        yield Finding(area, "origin", what, Grade.WRONG, advice or error.next_step)
    except TaskdashError as error:
        # Most end with what to do: that has a line of its own here.
        advice = error.next_step
        what = str(error).removesuffix(f": {advice[:1].lower()}{advice[1:]}".rstrip("."))
        yield Finding(area, "state", what, Grade.WRONG, advice)


def _settings(session: Session) -> tuple[Settings | None, list[Finding]]:
    """Return the settings in force, None where they are wrong, and what there is to say of them."""
    try:
        settings = checked_settings(session)
    except TaskdashError as error:
        first, *rest = str(error).split("\n")
        advice = f"Fix it with: {session.line('config edit')}"
        head = [Finding("config", "file", first, Grade.NOTE)] if rest else []
        *lines, last = (Finding("config", "fault", line, Grade.WRONG) for line in rest or [first])
        return None, [*head, *lines, last._replace(next_step=advice)]
    shown = inert_line(str(settings.config_file or session.config_path))
    value = shown if settings.config_file else f"{shown} does not exist: using the defaults"
    profile = f"{settings.profile}, {settings.in_use.base_url}"
    return settings, [Finding("config", "file", value), Finding("config", "profile", profile)]


def _key(session: Session, profile: Profile, *, online: bool) -> Iterator[Finding]:
    found = find_key(profile, session.environ)
    session.keys.add(found.secret)
    yield Finding("key", "origin", found.origin)
    if not online:
        return
    # httpx takes a while to load.
    from taskdash.api.client import Gateway

    gateway = Gateway(profile.base_url, found.secret, auth_header=profile.auth_header, connections=1)

    async def ask() -> Finding:
        answer = await gateway.fetch_record(_NO_TASK, profile.record_paths[0])
        await gateway.aclose()
        if answer.problem in _KNOWS_KEY:
            return Finding("key", "online", "accepted by the gateway")
        what = f"{answer.problem}: {answer.message}"
        if answer.problem is ProblemKind.UNAUTHORIZED:
            return Finding(
                "key", "online", what, Grade.WRONG, "Set the right key, and check the profile's base_url."
            )
        return Finding("key", "online", what, Grade.WRONG, "The key could not be tested. Try again later.")

    yield asyncio.run(ask())


def _store(session: Session, examined: list[Examined]) -> Iterator[Finding]:
    path = session.store_path
    shown = inert_line(str(path))
    found = examine(path)
    if found is None:
        yield Finding("list", "file", f"{shown} does not exist yet: adding a task creates it")
        return
    examined.append(found)
    private = "" if found.is_private else "Others can read it; the next command makes it private."
    grade = Grade.NOTE if private else Grade.OK
    yield Finding("list", "file", f"{shown}, {size_words(found.size_bytes)}", grade, private)
    older = f", version {found.version}: upgraded to {KNOWN_VERSION} when it is next used"
    sound = f"OK, {plural(found.tasks, 'task')}{older if found.version < KNOWN_VERSION else ''}"
    yield Finding("list", "contents", sound)
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        yield Finding(
            "list", "access", "read-only", Grade.WRONG, f"Check the permissions of {shown} and its folder."
        )
    copied_s = last_copy_s(path)
    when = "none yet: one is made on each day that the list is used"
    if copied_s is not None:
        when = ago(round(1000 * copied_s), session.now_ms())
    yield Finding("list", "last copy", when)


def _watcher(profile: str, examined: Examined) -> Finding:
    process = examined.watchers.get(profile)
    if process is None or not is_alive(process):
        return Finding(
            "watcher", "process", "not running: tasks are checked while the dashboard, check or wait runs"
        )
    if is_stopped(process):
        advice = f"Resume it: kill -CONT {process.pid}"
        return Finding("watcher", "process", f"process {process.pid} is stopped", Grade.WRONG, advice)
    return Finding("watcher", "process", f"process {process.pid} is running")


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "taskdash", __version__)
    yield Finding(
        "versions", "python", f"{platform.python_version()} on {platform.system()} {platform.release()}"
    )
    for name in _PACKAGES:
        try:
            yield Finding("versions", name, version(name))
        except PackageNotFoundError:
            yield Finding("versions", name, "not installed", Grade.NOTE)
    yield Finding("versions", "sqlite", SQLITE_VERSION)
