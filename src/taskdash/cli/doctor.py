"""`taskdash doctor`: checks everything that taskdash needs on this machine, and suggests fixes."""

from __future__ import annotations

import asyncio
import os
import platform
import select
import shutil
import sys
import termios
import textwrap
import time
import tty
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import click
from rich.console import Console

from taskdash import __version__
from taskdash.cli.configuring import checked_settings
from taskdash.cli.options import command
from taskdash.cli.output import padded, print_json, print_lines, talk
from taskdash.config.keys import find_key
from taskdash.config.settings import Settings
from taskdash.domain.errors import KeyMissingError, TaskdashError
from taskdash.domain.task import ProblemKind
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import ago, plural, size_words
from taskdash.results.desktop import find_clipboard
from taskdash.results.previews import can_decode, install_line
from taskdash.store.recovery import SQLITE_VERSION, Examined, examine, last_copy_s
from taskdash.store.schema import KNOWN_VERSION
from taskdash.ui.terminal_answers import WAIT_S, Answers, AnswerSieve, questions
from taskdash.ui.widgets.drawing import Drawing, cell_size, find_drawing
from taskdash.watch.machine import is_alive, is_stopped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from taskdash.cli.process import Session
    from taskdash.config.profile import Profile
    from taskdash.config.settings import View
    from taskdash.domain.record import Answer
    from taskdash.domain.task import Json

_PACKAGES: Final = ("textual", "rich", "httpx", "click", "pillow")
_NO_TASK: Final = "taskdash-doctor"
"""The ID of no task on any gateway: asking for it costs nothing."""
_KNOWS_KEY: Final = (None, ProblemKind.NOT_FOUND, ProblemKind.REJECTED, ProblemKind.NO_CREDITS)
"""The problems (None: a record) that only a gateway that accepts the key answers with."""
_LEAST: Final = (80, 24)
_COLOURS: Final = {"truecolor": "16.7 million", "256": "256", "standard": "16", "windows": "16"}
_DRAWINGS: Final = {Drawing.KITTY: "kitty graphics", Drawing.SIXEL: "sixel", Drawing.BLOCKS: "half blocks"}
_MULTIPLEXERS: Final = {"tmux": "TMUX", "screen": "STY", "zellij": "ZELLIJ"}


Grade: TypeAlias = Literal["ok", "note", "wrong"]
"""A note is about something optional that is missing, or could be better."""
_SIGNS: Final[Mapping[Grade, str]] = {"ok": "✓", "note": "–", "wrong": "×"}


class Finding(NamedTuple):
    """Says what one check found."""

    name: str
    value: str
    next_step: str = ""
    given_grade: Grade | None = None
    area: str = ""

    @property
    def grade(self) -> Grade:
        """Return the grade: OK unless another is given, or there is something to do."""
        return self.given_grade or ("note" if self.next_step else "ok")

    def json(self) -> dict[str, Json]:
        """Return the finding as `doctor --json` prints it."""
        return {
            "area": self.area,
            "name": self.name,
            "state": self.grade,
            "value": self.value,
            "next": self.next_step or None,
        }


@command("Check terminal, config, key, list and versions.", example="taskdash doctor --online")
@click.option(
    "--online", is_flag=True, help="Also test the key with one request, for a task that does not exist."
)
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@click.pass_obj
def doctor(session: Session, *, online: bool, as_json: bool) -> int:
    """Check everything taskdash needs: terminal, config, API key, list, watcher and versions.

    Changes nothing. Exits with 0 if all is well, 1 if something is wrong; missing optional parts do not count. No API
    key is printed.
    """
    findings = [
        each._replace(
            value=session.keys.redact_line(each.value), next_step=session.keys.redact_line(each.next_step)
        )
        for each in _findings(session, online=online)
    ]
    wrong = sum(each.grade == "wrong" for each in findings)
    if as_json:
        print_json({"ok": not wrong, "checks": [each.json() for each in findings]})
    else:
        print_lines(_table(findings))
        talk(f"{plural(wrong, 'problem')} found (×)" if wrong else "No problems found.")
    return 1 if wrong else 0


def _findings(session: Session, *, online: bool) -> Iterator[Finding]:
    settings, faults = _settings(session)
    yield from _in("terminal", _terminal(session.environ, (settings or Settings()).view))
    yield from _in("config", faults)
    if settings:
        yield from _in("key", _key(session, settings.in_use, online=online))
    examined: list[Examined] = []
    yield from _in("list", _store(session, examined))
    if settings and examined:
        yield from _in("watcher", [_watcher(settings.profile, examined[0])])
    yield from _in("versions", _versions())


def _in(area: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings of an area, and an error that looking for them raises as one more."""
    try:
        for each in findings:
            yield each._replace(area=area)
    except KeyMissingError as error:
        what, _, advice = str(error).partition(". ")
        yield Finding("origin", what, advice or error.next_step, "wrong", area)
    except TaskdashError as error:
        # Most messages end with the advice, which has a line of its own here.
        advice = error.next_step
        what = str(error).removesuffix(f": {advice[:1].lower()}{advice[1:]}".rstrip("."))
        yield Finding("state", what, advice, "wrong", area)


def _settings(session: Session) -> tuple[Settings | None, list[Finding]]:
    """Return the settings in force, or None if they are invalid, and the findings about them."""
    try:
        settings = checked_settings(session)
    except TaskdashError as error:
        first, *rest = str(error).split("\n")
        advice = f"Fix it with: {session.line('config edit')}"
        head = [Finding("file", first, "", "note")] if rest else []
        *lines, last = (Finding("fault", line, "", "wrong") for line in rest or [first])
        return None, [*head, *lines, last._replace(next_step=advice)]
    shown = inert_line(str(settings.config_file or session.config_path))
    value = shown if settings.config_file else f"{shown} does not exist: using the defaults"
    profile = f"{settings.profile}, {settings.in_use.base_url}"
    return settings, [Finding("file", value), Finding("profile", profile)]


def _key(session: Session, profile: Profile, *, online: bool) -> Iterator[Finding]:
    found = find_key(profile, session.environ)
    session.keys.add(found.secret)
    yield Finding("origin", found.origin)
    if not online:
        return
    # httpx is slow to import.
    from taskdash.api.client import Gateway

    gateway = Gateway(profile.base_url, found.secret, auth_header=profile.auth_header)

    async def ask() -> Answer:
        answer = await gateway.fetch_record(_NO_TASK, profile.record_paths[0])
        await gateway.aclose()
        return answer

    answer = asyncio.run(ask())
    if answer.problem in _KNOWS_KEY:
        yield Finding("online", "accepted by the gateway")
        return
    advice = "The key could not be tested. Try again later."
    if answer.problem is ProblemKind.UNAUTHORIZED:
        advice = "Set the right key, and check the profile's base_url."
    yield Finding("online", f"{answer.problem}: {answer.message}", advice, "wrong")


def _store(session: Session, examined: list[Examined]) -> Iterator[Finding]:
    path = session.store_path
    shown = inert_line(str(path))
    found = examine(path)
    if found is None:
        yield Finding("file", f"{shown} does not exist yet: adding a task creates it")
        return
    examined.append(found)
    advice = "" if found.is_private else "Others can read it; the next command makes it private."
    yield Finding("file", f"{shown}, {size_words(found.size_bytes)}", advice)
    older = f", version {found.version}: upgraded to {KNOWN_VERSION} when it is next used"
    sound = f"OK, {plural(found.tasks, 'task')}{older if found.version < KNOWN_VERSION else ''}"
    yield Finding("contents", sound)
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        advice = f"Check the permissions of {shown} and its folder."
        yield Finding("access", "read-only", advice, "wrong")
    copied_s = last_copy_s(path)
    when = "none yet: one is made on each day that the list is used"
    if copied_s is not None:
        when = ago(round(1000 * copied_s), session.now_ms())
    yield Finding("last copy", when)


def _watcher(profile: str, examined: Examined) -> Finding:
    process = examined.watchers.get(profile)
    if process is None or not is_alive(process):
        how = "not running: tasks are checked while the dashboard, check or wait runs"
        return Finding("process", how)
    if is_stopped(process):
        advice = f"Resume it: kill -CONT {process.pid}"
        return Finding("process", f"process {process.pid} is stopped", advice, "wrong")
    return Finding("process", f"process {process.pid} is running")


def _versions() -> Iterator[Finding]:
    yield Finding("taskdash", __version__)
    python = f"{platform.python_version()} on {platform.system()} {platform.release()}"
    yield Finding("python", python)
    for name in _PACKAGES:
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            yield Finding(name, "not installed", "", "note")
    yield Finding("sqlite", SQLITE_VERSION)


# The terminal


def _ask_terminal(environ: Mapping[str, str]) -> Answers:
    """Query the terminal and return its answers within `WAIT_S`; keys pressed meanwhile are lost."""
    sieve, text = AnswerSieve(), questions(environ)
    source, target = sys.stdin.fileno(), sys.stderr.fileno()
    if not text or os.getpgrp() != os.tcgetpgrp(source):
        return sieve.answers
    modes = termios.tcgetattr(source)
    try:
        tty.setcbreak(source)
        os.write(target, text.encode())
        sieve.asked(0.0)
        until_s = time.monotonic() + WAIT_S
        while not sieve.answers.is_complete and (left_s := until_s - time.monotonic()) > 0:
            if select.select([source], [], [], left_s)[0]:
                sieve.sift(os.read(source, 4_096).decode("utf-8", "replace"), 0.0)
    finally:
        # Drop late answers: the shell would take them for keystrokes.
        termios.tcsetattr(source, termios.TCSAFLUSH, modes)
    return sieve.answers


def _terminal(environ: Mapping[str, str], view: View) -> Iterator[Finding]:
    """Yield the findings about the terminal, for the view settings of the config."""
    # The dashboard draws on stderr, and reads keys from stdin.
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        yield Finding("size", "not a terminal; the dashboard needs one", "", "note")
        return
    columns, rows = os.get_terminal_size(sys.stderr.fileno())
    is_small = columns < _LEAST[0] or rows < _LEAST[1]
    advice = "Enlarge it to 80x24 or more; below that, the dashboard leaves columns out." if is_small else ""
    yield Finding("size", f"{columns}x{rows}", advice)
    says = _ask_terminal(environ)
    term = inert_line(environ.get("TERM", ""), 60)
    yield Finding("name", f"{says.name} (TERM is {term})" if says.name else f"TERM is {term}")
    colours = Console(file=sys.stderr).color_system or ""
    if environ.get("NO_COLOR"):
        yield Finding("colours", "none, as NO_COLOR is set")
    else:
        more = (
            "" if colours == "truecolor" else "If the terminal has 16.7 million: export COLORTERM=truecolor"
        )
        yield Finding("colours", _COLOURS.get(colours, "none"), more)
    light = {True: "light", False: "dark", None: "unknown"}[says.is_light]
    asks = 'The theme auto takes it for dark: set view.theme to "textual-light" if it is light.'
    yield Finding("background", light, asks if view.theme == "auto" and says.is_light is None else "")
    yield _pictures(environ, view.preview_as, says, colours)
    if program := find_clipboard(environ):
        yield Finding("clipboard", f"through {program.name}")
    else:
        advice = "If copies do not arrive: allow OSC 52 in the terminal, or install wl-clipboard or xclip."
        how = "through the terminal (OSC 52), which does not say whether it took it"
        yield Finding("clipboard", how, advice)
    inside = next((name for name, variable in _MULTIPLEXERS.items() if environ.get(variable)), "none")
    yield Finding("multiplexer", inside)


def _pictures(environ: Mapping[str, str], preview_as: str, says: Answers, colours: str) -> Finding:
    if not can_decode():
        value, advice = "none: the extra preview is not installed", f"Run: {install_line()}"
        return Finding("pictures", value, advice)
    drawing = find_drawing(
        preview_as,
        environ,
        says,
        true_colour=colours == "truecolor",
        knows_cells=cell_size(sys.stderr.fileno()) is not None,
    )
    advice = ""
    if drawing is Drawing.BLOCKS and environ.get("TMUX"):
        advice = "In kitty or Ghostty: tmux set -g allow-passthrough on"
    return Finding("pictures", _DRAWINGS[drawing], advice)


# The table


def _table(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the lines of a table: area, sign, name and value, and the advice below the value."""
    found = list(findings)
    areas, names = max(len(each.area) for each in found), max(len(each.name) for each in found)
    # In a pipe, do not wrap lines of any usual length.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1_000
    last = ""
    for each in found:
        area = "" if each.area == last else each.area
        head = f"{padded(area, areas)}  {_SIGNS[each.grade]} {padded(each.name, names)}  "
        last = each.area
        for text in (each.value, each.next_step and f"→ {each.next_step}"):
            for line in textwrap.wrap(text, max(20, width - len(head)), break_on_hyphens=False):
                yield f"{head}{line}".rstrip()
                head = " " * len(head)
