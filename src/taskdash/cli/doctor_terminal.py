"""Finds out for `doctor` what the terminal says of itself, and what the dashboard makes of that."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from typing import TYPE_CHECKING, Final

from rich.console import Console

from taskdash.cli.findings import Finding, Grade
from taskdash.domain.untrusted import inert_line
from taskdash.results.desktop import find_clipboard
from taskdash.results.previews import can_decode, install_line
from taskdash.ui.terminal_answers import WAIT_S, Answers, AnswerSieve, questions
from taskdash.ui.widgets.drawing import Drawing, cell_size, find_drawing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from taskdash.config.settings import View

_LEAST: Final = (80, 24)
_COLOURS: Final = {"truecolor": "16.7 million", "256": "256", "standard": "16", "windows": "16"}
_DRAWINGS: Final = {
    Drawing.KITTY: "kitty graphics",
    Drawing.SIXEL: "sixel",
    Drawing.BLOCKS: "half blocks",
}
_MULTIPLEXERS: Final = {"tmux": "TMUX", "screen": "STY", "zellij": "ZELLIJ"}


def has_terminal() -> bool:
    """Tell whether there is one to draw on and to read keys from: stderr and stdin."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()


def ask_terminal(environ: Mapping[str, str]) -> Answers:
    """Return what the terminal says of itself within `WAIT_S`; what is typed meanwhile is lost."""
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
        # Answers that come later than that would be taken for what is typed.
        termios.tcsetattr(source, termios.TCSAFLUSH, modes)
    return sieve.answers


def terminal_findings(environ: Mapping[str, str], view: View) -> Iterator[Finding]:
    """Yield what there is to say of the terminal, for a look as in the config."""
    if not has_terminal():
        yield Finding("terminal", "size", "not a terminal; the dashboard needs one", Grade.NOTE)
        return
    columns, rows = os.get_terminal_size(sys.stderr.fileno())
    is_small = columns < _LEAST[0] or rows < _LEAST[1]
    advice = "Enlarge it to 80x24 or more; below that, the dashboard leaves columns out." if is_small else ""
    yield _noted("size", f"{columns}x{rows}", advice)
    says = ask_terminal(environ)
    term = inert_line(environ.get("TERM", ""), 60)
    yield Finding("terminal", "name", f"{says.name} (TERM is {term})" if says.name else f"TERM is {term}")
    colours = Console(file=sys.stderr).color_system or ""
    yield _colours(colours, environ)
    light = {True: "light", False: "dark", None: "unknown"}[says.is_light]
    asks = 'The theme auto takes it for dark: set view.theme to "textual-light" if it is light.'
    yield _noted("background", light, asks if view.theme == "auto" and says.is_light is None else "")
    yield _pictures(environ, view.preview_as, says, colours)
    yield _clipboard(environ)
    inside = next((name for name, variable in _MULTIPLEXERS.items() if environ.get(variable)), "none")
    yield Finding("terminal", "multiplexer", inside)


def _noted(name: str, value: str, advice: str) -> Finding:
    return Finding("terminal", name, value, Grade.NOTE if advice else Grade.OK, advice)


def _colours(system: str, environ: Mapping[str, str]) -> Finding:
    if environ.get("NO_COLOR"):
        return Finding("terminal", "colours", "none, as NO_COLOR is set")
    advice = "" if system == "truecolor" else "If the terminal has 16.7 million: export COLORTERM=truecolor"
    return _noted("colours", _COLOURS.get(system, "none"), advice)


def _pictures(environ: Mapping[str, str], preview_as: str, says: Answers, colours: str) -> Finding:
    if not can_decode():
        return _noted("pictures", "none: the extra preview is not installed", f"Run: {install_line()}")
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
    return _noted("pictures", _DRAWINGS[drawing], advice)


def _clipboard(environ: Mapping[str, str]) -> Finding:
    if program := find_clipboard(environ):
        return Finding("terminal", "clipboard", f"through {program.name}")
    advice = "If copies do not arrive: allow OSC 52 in the terminal, or install wl-clipboard or xclip."
    return _noted("clipboard", "through the terminal (OSC 52), which does not say whether it took it", advice)
