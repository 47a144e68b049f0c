"""Opens the user's browser and fills the clipboard, without harm to the terminal or the machine.

Both are programs started without a shell, without our terminal as output, and with only the environment given to them.
If the user sits at another machine, or there is no display, no browser is started: it would open where nobody looks,
or ask questions on our terminal. The standard library's `webbrowser` would pass on anything it is given, and runs
text browsers in our own terminal. A command in the config is the user's own choice, and always tried.

The clipboard is filled by a program of the desktop, or by the terminal on request (OSC 52), which sends no reply: some
terminals obey, some ignore it, some truncate. tmux ignores requests of programs unless configured otherwise, but its
own command fills its buffer and passes the request to the outer terminal.
"""

from __future__ import annotations

import base64
import os
import shlex
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taskdash.config.files import users_umask
from taskdash.results.links import UnsafeLinkError, checked_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BROWSER_S: Final = 0.7
"""How long to wait for a browser to fail; one that takes longer has started."""
_SSH_VARIABLES: Final = ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")
_TERMINAL_BROWSERS: Final = frozenset({"w3m", "www-browser", "links", "links2", "elinks", "lynx"})
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"})
_LINUX_OPENERS: Final = (
    *(("xdg-open",), ("gio", "open"), ("x-www-browser",)),
    *(("firefox",), ("chromium",), ("google-chrome",)),
)
# Windows programs that do not interpret a command line, as PowerShell and cmd do.
_WINDOWS_OPENERS: Final = (("wslview",), ("rundll32.exe", "url.dll,FileProtocolHandler"))
CLIPBOARD_S: Final = 2.0
MAX_TERMINAL_BYTES: Final = 65_536
"""Terminals truncate or drop more than this without notice."""
SENT: Final = "sent to the terminal"


# The environment


def is_remote(environ: Mapping[str, str]) -> bool:
    """Return whether the user sits at another machine, so that a browser here would open where nobody looks."""
    return any(environ.get(name) for name in _SSH_VARIABLES)


def is_wsl(environ: Mapping[str, str]) -> bool:
    """Return whether this Linux runs inside Windows, whose programs can be started from here."""
    return bool(environ.get("WSL_DISTRO_NAME") or environ.get("WSL_INTEROP"))


def _apart(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the options for a program that is detached from our terminal and has only this environment."""
    return {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "start_new_session": True,
        "umask": users_umask(),
        "env": dict(environ),
    }


# The browser


@dataclass(frozen=True, slots=True)
class Opened:
    """Tells whether a browser was started, and what to say to the user."""

    ok: bool
    message: str


def open_url(url: str, *, command: Sequence[str] = (), environ: Mapping[str, str]) -> Opened:
    """Open a link from outside with `command` of the config, else with BROWSER, else with the desktop's opener.

    In the command, the link replaces `%s` or comes last. `environ` is the browser's environment, without anything it
    does not need; it also shows whether this is a remote session or WSL.
    """
    try:
        return _open(checked_url(url), command, environ)
    except UnsafeLinkError as error:
        return Opened(False, f"not opened: {error}")


def open_file(path: Path, *, command: Sequence[str] = (), environ: Mapping[str, str]) -> Opened:
    """Open a file on this machine in the browser; `path` must be absolute."""
    return _open(path.as_uri(), command, environ)


def _open(safe: str, command: Sequence[str], environ: Mapping[str, str]) -> Opened:
    arguments = command or _find_browser(environ)
    if isinstance(arguments, str):
        return Opened(False, f"no browser here ({arguments})")
    program = shutil.which(arguments[0], path=environ.get("PATH"))
    if program is None:
        return Opened(False, f"the browser {arguments[0]} is not on the PATH")
    name = Path(program).name
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell, one argument, an encoded URL
            [program, *_filled(arguments, safe)], stdin=subprocess.DEVNULL, **_apart(environ)
        )
    except OSError as error:
        return Opened(False, f"the browser {name} did not start ({error.strerror})")
    try:
        code = process.wait(timeout=BROWSER_S)
    except subprocess.TimeoutExpired:
        # It keeps running. Without a wait it would end as a zombie until we exit.
        threading.Thread(target=process.wait, name="browser", daemon=True).start()
        return Opened(True, "opened in the browser")
    if code:
        return Opened(False, f"the browser {name} failed (exit {code})")
    return Opened(True, "opened in the browser")


def _find_browser(environ: Mapping[str, str]) -> Sequence[str] | str:
    """Return the command that opens a link where the user sees it, or why there is none."""
    if is_remote(environ):
        return "this is an SSH session"
    path = environ.get("PATH")
    named = _named_browser(environ.get("BROWSER", ""), path)
    if named:
        return named
    if sys.platform == "darwin":
        return ["open"]
    in_windows = is_wsl(environ)
    if not (in_windows or environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        return "no BROWSER is set, and there is no display"
    for opener in _WINDOWS_OPENERS if in_windows else _LINUX_OPENERS:
        if shutil.which(opener[0], path=path):
            return opener
    return "in WSL, and no program of Windows is on the PATH" if in_windows else "none is installed"


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


def _filled(arguments: Sequence[str], safe: str) -> list[str]:
    """Return the arguments after the program, with the link in the place of `%s`, else as the last one.

    In a script for a shell, `&` and `;` in a link would act as commands. A shell, however it is started, gets its
    script as an argument with blanks in it. So that is left as it is, and the link becomes a separate argument.
    """
    rest = arguments[1:]
    names_shell = any(Path(argument).name in _SHELLS for argument in arguments)
    is_text = any("%s" in argument and any(map(str.isspace, argument)) for argument in rest)
    if names_shell or is_text or not any("%s" in argument for argument in rest):
        return [*rest, safe]
    return [argument.replace("%s", safe) for argument in rest]


# The clipboard


class ClipboardError(Exception):
    """A program did not take the text; the message says why."""


@dataclass(frozen=True, slots=True)
class ClipboardProgram:
    """Fills the desktop's clipboard by a program that takes what it reads."""

    path: str
    arguments: Sequence[str]
    environ: Mapping[str, str]

    @property
    def name(self) -> str:
        """Return its name for the user."""
        return Path(self.path).name

    def copy(self, text: str) -> None:
        """Fill the clipboard within `CLIPBOARD_S` seconds; raise ClipboardError if that fails."""
        # Windows' own program mistakes UTF-8 for its legacy code page.
        is_windows = self.name.lower() == "clip.exe" and not text.isascii()
        try:
            done = subprocess.run(  # noqa: S603 - no shell; what is copied goes to its standard input
                [self.path, *self.arguments],
                input=text.encode("utf-16-le" if is_windows else "utf-8", "replace"),
                **_apart(self.environ),
                timeout=CLIPBOARD_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ClipboardError(f"{self.name} does not answer") from None
        except OSError as error:
            raise ClipboardError(f"{self.name} did not start: {error.strerror}") from None
        if done.returncode:
            raise ClipboardError(f"{self.name} failed, exit {done.returncode}")


def find_clipboard(environ: Mapping[str, str]) -> ClipboardProgram | None:
    """Return the program that fills the clipboard the user pastes from; None if only the terminal can."""
    for name, *arguments in _candidates(environ):
        path = shutil.which(name, path=environ.get("PATH"))
        if path:
            return ClipboardProgram(path, arguments, environ)
    return None


def terminal_sequence(text: str) -> str | None:
    """Return the sequence that asks a terminal to fill the clipboard; None if terminals would not take that much."""
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_TERMINAL_BYTES:
        return None
    return f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\x07"


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Yield the commands that may fill the clipboard, the best first.

    pyperclip runs the same ones, but with our environment, without a timeout, and without noticing failures.
    """
    if is_remote(environ):
        pass
    elif sys.platform == "darwin":
        yield ("pbcopy",)
    else:
        if is_wsl(environ):
            yield ("clip.exe",)
        if environ.get("WAYLAND_DISPLAY"):
            yield ("wl-copy", "--type", "text/plain;charset=utf-8")
        if environ.get("DISPLAY"):
            yield ("xclip", "-selection", "clipboard", "-in")
            yield ("xsel", "--clipboard", "--input")
    if environ.get("TMUX"):
        yield ("tmux", "load-buffer", "-w", "-")
