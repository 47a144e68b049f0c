"""The clipboard of the machine the user sits at: a program that fills it, or the terminal, which is asked to.

A terminal is asked by OSC 52. It says nothing to it: some take it, some ignore it, some cut it. So a program of the
desktop comes first, but only where the user sits at this very machine. tmux ignores what programs ask for, unless it
is told otherwise; but its own command fills its buffer, and asks the terminal outside.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from taskdash.config.private_files import users_umask
from taskdash.domain.values import value
from taskdash.results.surroundings import is_remote, is_wsl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_TERMINAL_BYTES: Final = 65_536
"""Terminals cut or drop more than this, without a word."""
_SCREEN_STRING_CHARS: Final = 240
PATIENCE_S: Final = 2.0
SENT: Final = "sent to the terminal"


class ClipboardError(Exception):
    """A program did not take the text; the message says why."""


@value(frozen=True, slots=True)
class ClipboardProgram:
    """A program that fills the desktop's clipboard with what it reads."""

    path: str
    arguments: Sequence[str]
    environ: Mapping[str, str]

    @property
    def name(self) -> str:
        """As people call it."""
        return Path(self.path).name

    def put(self, text: str) -> None:
        """Fill the clipboard; may take `PATIENCE_S` seconds.

        Raises:
            ClipboardError: it did not take the text.
        """
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell; what is copied goes to its standard input
                [self.path, *self.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                umask=users_umask(),
                env=dict(self.environ),
            )
        except OSError as error:
            raise ClipboardError(f"{self.name} did not start: {error.strerror}") from None
        try:
            process.communicate(_encoded(text, self.name), timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            _end(process)
            raise ClipboardError(f"{self.name} does not answer") from None
        except OSError as error:
            _end(process)
            raise ClipboardError(f"{self.name}: {error.strerror}") from None
        if process.returncode:
            raise ClipboardError(f"{self.name} failed, exit {process.returncode}")


def find_clipboard(environ: Mapping[str, str]) -> ClipboardProgram | None:
    """The program that fills the clipboard the user pastes from; None where only the terminal can.

    Args:
        environ: what the program gets, with nothing in it that it has no use for; also says where we are.
    """
    for name, *arguments in _candidates(environ):
        path = shutil.which(name, path=environ.get("PATH"))
        if path:
            return ClipboardProgram(path, arguments, environ)
    return None


def terminal_sequence(text: str, environ: Mapping[str, str]) -> str | None:
    """What asks a terminal to fill the clipboard; None where it is more than terminals take."""
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_TERMINAL_BYTES:
        return None
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\x07"
    return _through_screen(sequence) if environ.get("STY") and not environ.get("TMUX") else sequence


def _through_screen(sequence: str) -> str:
    """GNU screen drops what it does not know; what it is to hand on comes in strings, none of which may be long."""
    parts = (sequence[at : at + _SCREEN_STRING_CHARS] for at in range(0, len(sequence), _SCREEN_STRING_CHARS))
    return "".join(f"\x1bP{part}\x1b\\" for part in parts)


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    if not is_remote(environ):
        yield from _of_desktop(environ)
    if environ.get("TMUX"):
        yield ("tmux", "load-buffer", "-w", "-")


def _of_desktop(environ: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    if sys.platform == "darwin":
        yield ("pbcopy",)
        return
    if is_wsl(environ):
        yield ("clip.exe",)
    if environ.get("WAYLAND_DISPLAY"):
        yield ("wl-copy", "--type", "text/plain;charset=utf-8")
    if environ.get("DISPLAY"):
        yield ("xclip", "-selection", "clipboard", "-in")
        yield ("xsel", "--clipboard", "--input")


def _encoded(text: str, name: str) -> bytes:
    """UTF-8, but Windows' own program takes that for its old code page."""
    if name.lower() == "clip.exe" and not text.isascii():
        return text.encode("utf-16-le", "replace")
    return text.encode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that does not come to an end, with what it started; it leads a session of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    process.wait()
