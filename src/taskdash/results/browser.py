"""How a link is opened, without harm to the terminal or the machine.

It is one argument of a command that no shell reads, with nothing of ours as its input or output. `webbrowser` of the
standard library would pass on whatever it is given, and runs a browser of the text kind in our own terminal.

Where the user sits at another machine, or there is no screen, no browser is started: it would open where nobody
looks, or ask its questions on our terminal. The command of the config is the user's own word, and always tried.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from taskdash.config.private_files import users_umask
from taskdash.results.links import UnsafeLinkError, checked_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KERNEL: Final = Path("/proc/sys/kernel/osrelease")
TIMEOUT_S: Final = 0.7
"""How long a browser is waited for to fail; one that takes longer has started."""
_SSH_VARIABLES: Final = ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")
_TERMINAL_BROWSERS: Final = frozenset({"w3m", "www-browser", "links", "links2", "elinks", "lynx"})
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"})
_LINUX_OPENERS: Final = (
    ("xdg-open",),
    ("gio", "open"),
    ("x-www-browser",),
    ("firefox",),
    ("chromium",),
    ("google-chrome",),
)
# Programs of Windows, of the kind that read no command line as PowerShell and cmd do.
_WINDOWS_OPENERS: Final = (("wslview",), ("rundll32.exe", "url.dll,FileProtocolHandler"), ("explorer.exe",))
# Explorer says 1 whatever came of it.
_GOOD_CODES: Final = {"explorer.exe": (0, 1)}


@dataclass(frozen=True, slots=True)
class Opened:
    """The outcome: whether a browser was started, and what to tell the user."""

    ok: bool
    message: str


class NoBrowserError(Exception):
    """There is no browser to start here; the message says why."""


def open_url(url: str, *, command: Sequence[str] = (), environ: Mapping[str, str]) -> Opened:
    """Open a link with `command` of the config, else with what BROWSER names, else with the desktop's own opener.

    Args:
        url: from outside.
        command: a program and its arguments; the link takes the place of `%s`, else comes last.
        environ: what the browser gets, with nothing in it that it has no use for; also says where we are.
    """
    try:
        safe = checked_url(url)
        arguments = list(command) or find_browser(environ)
    except UnsafeLinkError as error:
        return Opened(False, f"not opened: {error}")
    except NoBrowserError as error:
        return Opened(False, f"no browser here ({error})")
    program = shutil.which(arguments[0], path=environ.get("PATH"))
    if program is None:
        return Opened(False, f"the browser {arguments[0]} is not on the PATH")
    return _start(program, _filled(arguments, safe), environ)


def find_browser(environ: Mapping[str, str]) -> list[str]:
    """Return the command that opens a link where the user sees it.

    Raises:
        NoBrowserError: there is none.
    """
    if is_remote(environ):
        raise NoBrowserError("this is an SSH session")
    path = environ.get("PATH")
    named = _named_browser(environ.get("BROWSER", ""), path)
    if named:
        return named
    if sys.platform == "darwin":
        return ["open"]
    in_windows = is_wsl(environ)
    if not (in_windows or environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        raise NoBrowserError("no BROWSER is set, and there is no display")
    for opener in _WINDOWS_OPENERS if in_windows else _LINUX_OPENERS:
        if shutil.which(opener[0], path=path):
            return list(opener)
    raise NoBrowserError(
        "in WSL, and no program of Windows is on the PATH" if in_windows else "none is installed"
    )


def _named_browser(named: str, path: str | None) -> list[str]:
    for name in named.split(os.pathsep):
        try:
            arguments = shlex.split(name)
        except ValueError:
            continue
        if arguments and arguments[-1] == "&":
            arguments.pop()
        if not arguments or Path(arguments[0]).name in _TERMINAL_BROWSERS:
            continue
        if shutil.which(arguments[0], path=path):
            return arguments
    return []


def _start(program: str, arguments: Sequence[str], environ: Mapping[str, str]) -> Opened:
    name = Path(program).name
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell, one argument, an encoded http(s) URL
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            umask=users_umask(),
            env=dict(environ),
        )
    except OSError as error:
        return Opened(False, f"the browser {name} did not start ({error.strerror})")
    try:
        code = process.wait(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        # It stays; somebody has to take note of its end, or it would be a zombie until ours.
        threading.Thread(target=process.wait, name="browser", daemon=True).start()
        return Opened(True, "opened in the browser")
    if code in _GOOD_CODES.get(name.lower(), (0,)):
        return Opened(True, "opened in the browser")
    return Opened(False, f"the browser {name} failed (exit {code})")


def _filled(arguments: Sequence[str], safe: str) -> list[str]:
    """Return the arguments after the program, with the link in the place of `%s`, else as the last one.

    In a text that a shell is to read, `&` and `;` of a link would be commands. A shell, whoever starts it, gets such
    a text as an argument with blanks in it: that one stays as it is, and the link becomes an argument of its own.
    """
    rest = arguments[1:]
    names_shell = any(Path(argument).name in _SHELLS for argument in arguments)
    is_text = any("%s" in argument and any(map(str.isspace, argument)) for argument in rest)
    if names_shell or is_text or not any("%s" in argument for argument in rest):
        return [*rest, safe]
    return [argument.replace("%s", safe) for argument in rest]


def is_remote(environ: Mapping[str, str]) -> bool:
    """Return whether the user sits at another machine: what opens here, opens where nobody looks."""
    return any(environ.get(name) for name in _SSH_VARIABLES)


def is_wsl(environ: Mapping[str, str]) -> bool:
    """Return whether this Linux runs inside Windows, whose programs can be started from here."""
    if environ.get("WSL_DISTRO_NAME") or environ.get("WSL_INTEROP"):
        return True
    try:
        return "microsoft" in KERNEL.read_text("ascii", "replace").lower()
    except OSError:
        return False
