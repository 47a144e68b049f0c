"""Result links: which may be opened, and how, without harm to the terminal or the machine.

A link comes from the API. It reaches a browser only as http or https with a host, percent-encoded, as one argument
of a command that no shell reads, with nothing of ours as its input or output. `webbrowser` of the standard library
would pass on whatever it is given, and runs a browser of the text kind in our own terminal.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from taskdash.domain.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_URL_CHARS: Final = 8_192
# Reserved and unreserved characters of RFC 3986 and the percent sign, but not ' ( ) and other food for shells.
_KEPT: Final = "%/:?#[]@!*+,;=&~._-"
_TERMINAL_BROWSERS: Final = frozenset({"w3m", "www-browser", "links", "elinks", "lynx"})
_PORTS: Final = {"http": 80, "https": 443}
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"})
_LINUX_OPENERS: Final = ("xdg-open", "gio", "x-www-browser", "firefox", "chromium", "google-chrome")


@dataclass(frozen=True, slots=True)
class Opened:
    """Whether a browser was started, and what to tell the user."""

    ok: bool
    message: str


def safe_url(url: str) -> str | None:
    """Return `url` percent-encoded and fit to be opened; None for anything but http(s) with a plain host."""
    if len(url) > MAX_URL_CHARS or any(char < " " or "\ud800" <= char <= "\udfff" for char in url):
        return None
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = (
            (parts.hostname or "")
            .encode("idna" if not (parts.hostname or "").isascii() else "ascii")
            .decode("ascii")
        )
    except (ValueError, UnicodeError):
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    if any(not (char.isalnum() or char in ".-_:") for char in host):
        return None
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    rest = quote(parts.path, safe=_KEPT) + (f"?{quote(parts.query, safe=_KEPT)}" if parts.query else "")
    return f"{parts.scheme}://{netloc}{rest}" + (
        f"#{quote(parts.fragment, safe=_KEPT)}" if parts.fragment else ""
    )


def host_and_port(url: str) -> tuple[str, int]:
    """Who is asked for an http(s) URL."""
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)


def open_url(url: str, *, command: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> Opened:
    """Open a link with `command` of the config, else with what BROWSER names, else with the desktop's own opener."""
    environ = os.environ if environ is None else environ
    safe = safe_url(url)
    if safe is None:
        return Opened(False, "not opened: it is no http(s) link with a host")
    arguments = list(command) or _browser(environ)
    if not arguments:
        return Opened(False, "no browser here (no BROWSER is set, and there is no display)")
    filled = _filled(arguments, safe)
    program = shutil.which(arguments[0], path=environ.get("PATH"))
    if program is None:
        return Opened(False, f"the browser {arguments[0]} is not on the PATH")
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell, one argument, an encoded http(s) URL
            [program, *filled],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            close_fds=True,
            env=_child_environ(environ),
        )
    except OSError as error:
        return Opened(False, f"the browser {arguments[0]} did not start ({error.strerror})")
    try:
        code = process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        # It stays; somebody has to take note of its end, or it would be a zombie until ours.
        threading.Thread(target=process.wait, name="browser", daemon=True).start()
        return Opened(True, "opened in the browser")
    if code == 0:
        return Opened(True, "opened in the browser")
    return Opened(False, f"the browser {Path(program).name} failed (exit {code})")


def _filled(arguments: Sequence[str], safe: str) -> list[str]:
    """The arguments after the program, with the link in the place of `%s`, else as the last one.

    In a text that a shell is to read, `&` and `;` of a link would be commands. A shell, whoever starts it, gets such
    a text as an argument with blanks in it: that one stays as it is, and the link becomes an argument of its own.
    """
    rest = arguments[1:]
    names_shell = any(Path(argument).name in _SHELLS for argument in arguments)
    is_text = any("%s" in argument and any(map(str.isspace, argument)) for argument in rest)
    if names_shell or is_text or not any("%s" in argument for argument in rest):
        return [*rest, safe]
    return [argument.replace("%s", safe) for argument in rest]


def _browser(environ: Mapping[str, str]) -> list[str]:
    named = [name for name in environ.get("BROWSER", "").split(os.pathsep) if name.strip()]
    for name in named:
        try:
            arguments = shlex.split(name)
        except ValueError:
            continue
        if arguments and arguments[-1] == "&":
            arguments.pop()
        if arguments and Path(arguments[0]).name not in _TERMINAL_BROWSERS and shutil.which(arguments[0]):
            return arguments
    if sys.platform == "darwin":
        return ["open"]
    if not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        return []
    opener = next((name for name in _LINUX_OPENERS if shutil.which(name)), None)
    return ["gio", "open"] if opener == "gio" else [opener] if opener else []


def _child_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without anything that looks like a key: a browser has no use for it."""
    return {
        name: value for name, value in environ.items() if not name.endswith(("_API_KEY", "_TOKEN", "_SECRET"))
    }
