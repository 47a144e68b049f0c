"""The clipboard of the machine the user sits at: a program that fills it, or the terminal, which is asked to.

A terminal is asked by OSC 52. It says nothing to it: some take it, some ignore it, some cut it. So a program of the
desktop comes first, but only where the user sits at this very machine. tmux ignores what programs ask for, unless it
is told otherwise; but its own command fills its buffer, and asks the terminal outside.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from taskdash.config.private_files import users_umask
from taskdash.results.browser import is_remote, is_wsl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_TERMINAL_BYTES: Final = 65_536
"""Terminals cut or drop more than this, without a word."""
_SCREEN_STRING_CHARS: Final = 240
TIMEOUT_S: Final = 2.0
SENT: Final = "sent to the terminal"


class ClipboardError(Exception):
    """A program did not take the text; the message says why."""


@dataclass(frozen=True, slots=True)
class ClipboardProgram:
    """A program that fills the desktop's clipboard with what it reads."""

    path: str
    arguments: Sequence[str]
    environ: Mapping[str, str]

    @property
    def name(self) -> str:
        """Return its name as people call it."""
        return Path(self.path).name

    def copy(self, text: str) -> None:
        """Fill the clipboard; may take `TIMEOUT_S` seconds.

        Raises:
            ClipboardError: it did not take the text.
        """
        # Windows' own program takes UTF-8 for its old code page.
        is_windows = self.name.lower() == "clip.exe" and not text.isascii()
        try:
            done = subprocess.run(  # noqa: S603 - no shell; what is copied goes to its standard input
                [self.path, *self.arguments],
                input=text.encode("utf-16-le" if is_windows else "utf-8", "replace"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                umask=users_umask(),
                env=dict(self.environ),
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ClipboardError(f"{self.name} does not answer") from None
        except OSError as error:
            raise ClipboardError(f"{self.name} did not start: {error.strerror}") from None
        if done.returncode:
            raise ClipboardError(f"{self.name} failed, exit {done.returncode}")


def find_clipboard(environ: Mapping[str, str]) -> ClipboardProgram | None:
    """Return the program that fills the clipboard the user pastes from; None where only the terminal can.

    Args:
        environ: what the program gets, with nothing in it that it has no use for; also says where we are.
    """
    for name, *arguments in _candidates(environ):
        path = shutil.which(name, path=environ.get("PATH"))
        if path:
            return ClipboardProgram(path, arguments, environ)
    return None


def terminal_sequence(text: str, environ: Mapping[str, str]) -> str | None:
    """Return what asks a terminal to fill the clipboard; None where it is more than terminals take."""
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_TERMINAL_BYTES:
        return None
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\x07"
    return _through_screen(sequence) if environ.get("STY") and not environ.get("TMUX") else sequence


def _through_screen(sequence: str) -> str:
    """Wrap it in strings that GNU screen hands on, none of which may be long; it drops what it does not know."""
    parts = (sequence[at : at + _SCREEN_STRING_CHARS] for at in range(0, len(sequence), _SCREEN_STRING_CHARS))
    return "".join(f"\x1bP{part}\x1b\\" for part in parts)


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Give the commands that may fill it, the best first.

    pyperclip knows the same ones, but gives them our environment, waits for them without end, and takes no note of
    those that fail.
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
