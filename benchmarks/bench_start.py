"""First paint of the whole dashboard in a pty, beside a bare Textual app with one Static.

P1: 100,000 tasks stored, beside the bare app. P2: the same, beside 100 tasks stored. Both are opened as people open
them, by `taskdash` alone; the last line, without a goal, is P1 of `taskdash --store FILE`, for which click is imported.

Timed from the start of the process to the end of the frame that completes the dashboard: status, tabs with their
counts, rows, the detail of the first task and the keys. The bare app is timed to the frame with its text, at the same
frame rate. The rounds take turns, and each ratio is the median of the rounds' own ratios: this machine may be busy.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from lists import build
from terminal import Terminal, own_environ

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUNDS: Final = 15
FEW: Final = 100
MANY: Final = 100_000
NAMED: Final = "--store"
BARE: Final = """\
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("hello there")

Bare().run()
"""
PROGRAM: Final = str(Path(sys.executable).with_name("taskdash"))
PARTS: Final = (b"aigptimage", b"All ", b"success", b"created", b"quit")
"""A text of each part of the dashboard: it is whole when all of them were drawn."""
Figures = dict[str, float]
"""Seconds to the frame, by what was started."""


def first_paint(arguments: list[str], environ: Mapping[str, str], signs: tuple[bytes, ...]) -> float:
    """Start a program, wait for its first whole frame and end it."""
    terminal = Terminal(arguments, environ)
    try:
        return terminal.until_painted(signs)
    finally:
        terminal.end()


def measure(folder: Path, rounds: int) -> list[Figures]:
    """Every program once a round, in another order each; the first round only warms up."""
    environ = own_environ(folder)
    bare = folder / "bare.py"
    bare.write_text(BARE, "utf-8")
    started: dict[str, tuple[list[str], dict[str, str], tuple[bytes, ...]]] = {
        "bare": ([sys.executable, str(bare)], environ, (b"hello there",))
    }
    for count in (FEW, MANY):
        data = folder / str(count)
        store = data / "taskdash" / "tasks.db"
        store.parent.mkdir(parents=True)
        build(store, count)
        started[str(count)] = ([PROGRAM], environ | {"XDG_DATA_HOME": str(data)}, PARTS)
    started[NAMED] = ([PROGRAM, "--store", str(store)], environ, PARTS)
    names = list(started)
    done = []
    for n in range(rounds + 1):
        order = (names[n % len(names) :] + names[: n % len(names)])[:: -1 if n % 2 else 1]
        done.append({name: first_paint(*started[name]) for name in order})
    return done[1:]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    os.environ.setdefault("TEXTUAL_FPS", "240")
    with tempfile.TemporaryDirectory(prefix="taskdash-bench-") as folder:
        figures = measure(Path(folder), rounds)
    print(f"First paint in a pty: whole processes, medians of {rounds} rounds")
    print(f"{'':30}{'ours ms':>9}{'peer ms':>9}{'ratio':>8}{'goal':>9}   peer")
    for label, ours, peer, peer_label, goal in (
        ("P1  100,000 tasks stored", str(MANY), "bare", "bare Textual app, 1 Static", 1.35),
        ("P2  100,000 tasks stored", str(MANY), str(FEW), "100 tasks stored", 1.05),
        ("    100,000 in a named file", NAMED, "bare", "bare Textual app, 1 Static", None),
    ):
        ours_ms, peer_ms = (1000 * median(one[name] for one in figures) for name in (ours, peer))
        times = median(one[ours] / one[peer] for one in figures)
        said = "" if goal is None else f"≤ {goal:.2f}" if times <= goal else f"> {goal:.2f}!"
        print(f"{label:30}{ours_ms:9.0f}{peer_ms:9.0f}{times:8.3f}{said:>9}   {peer_label}")


if __name__ == "__main__":
    main()
