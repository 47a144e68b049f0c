"""How this terminal can show a picture, told without asking it.

A question to the terminal is answered among the keys that are typed, or not at all, and then costs half a second. So
what is known of terminals by their own variables decides; whoever knows better says so in the config.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import struct
import subprocess
import termios
from typing import TYPE_CHECKING, Final

from taskdash.ui.drawing import Drawing

if TYPE_CHECKING:
    from collections.abc import Mapping

CELL: Final = (10, 20)
"""Width and height of a cell where nobody says: twice as high as wide, as in most fonts."""
MIN_CELL: Final = 4
MAX_CELL: Final = 200
_MULTIPLEXERS: Final = ("TMUX", "STY", "ZELLIJ")
_KITTY_TERMS: Final = ("xterm-kitty", "xterm-ghostty")
_SIXEL_TERMS: Final = ("foot", "mlterm", "contour", "yaft", "wezterm")
_SIXEL_PROGRAMS: Final = ("WezTerm", "iTerm.app", "mintty", "contour")
_KONSOLE_WITH_SIXELS: Final = 220_400
_KITTY_WITH_PLACEHOLDERS: Final = (0, 28)


def drawing_for(wanted: str, environ: Mapping[str, str], *, true_colour: bool, knows_cells: bool) -> Drawing:
    """How pictures are drawn here.

    Args:
        wanted: `auto`, or the value of a `Drawing`.
        environ: the terminal's variables.
        knows_cells: whether `cell_size` is known: sixels must end where their row of cells does.
        true_colour: whether colours reach the terminal as they are: kitty's placeholders name their picture by one.
    """
    term = environ.get("TERM", "")
    inside = any(environ.get(name) for name in _MULTIPLEXERS) or term.startswith(("tmux", "screen"))
    drawing = _by_environment(term, environ, inside=inside) if wanted == "auto" else Drawing(wanted)
    # A multiplexer hands kitty's sequences on only where it is told to, and does not move the pictures with its panes.
    if drawing is Drawing.KITTY and (inside or not true_colour):
        return Drawing.BLOCKS
    return Drawing.BLOCKS if drawing is Drawing.SIXEL and not knows_cells else drawing


def _by_environment(term: str, environ: Mapping[str, str], *, inside: bool) -> Drawing:
    program = environ.get("TERM_PROGRAM", "")
    konsole = environ.get("KONSOLE_VERSION", "")
    # NO_COLOR: the blocks follow it, a picture cannot.
    if inside or environ.get("NO_COLOR"):
        return Drawing.BLOCKS
    if term in _KITTY_TERMS or program == "ghostty":
        return Drawing.KITTY
    if term.startswith(_SIXEL_TERMS) or program in _SIXEL_PROGRAMS:
        return Drawing.SIXEL
    if konsole.isdecimal() and int(konsole) >= _KONSOLE_WITH_SIXELS:
        return Drawing.SIXEL
    return Drawing.BLOCKS


def is_old_kitty(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal is a kitty that shows placeholders as boxes; its own program is asked.

    Over ssh it is on another machine: then it is taken for one of today's.
    """
    if environ.get("TERM") != "xterm-kitty" or not environ.get("KITTY_WINDOW_ID"):
        return False
    # The one that runs may be older than the one that is found first, or not be found at all.
    running = os.path.realpath(f"/proc/{environ.get('KITTY_PID') or 'self'}/exe")
    program = running if os.path.basename(running) == "kitty" else shutil.which("kitty")  # noqa: PTH119 - a text
    if program is None:
        return False
    try:
        done = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={},
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.search(rb"(\d+)\.(\d+)", done.stdout)
    return version is not None and (int(version[1]), int(version[2])) < _KITTY_WITH_PLACEHOLDERS


def cell_size(descriptor: int) -> tuple[int, int] | None:
    """Width and height of a terminal's cells in pixels, as the system knows them; None where it does not."""
    try:
        answer = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8))
    except (OSError, ValueError):
        return None
    rows, columns, width, height = struct.unpack("HHHH", answer)
    if not (rows and columns and width and height):
        return None
    cell = (width // columns, height // rows)
    return cell if all(MIN_CELL <= side <= MAX_CELL for side in cell) else None
