"""First paint of the whole dashboard in a pty, beside a bare Textual app with one Static.

P1: 100,000 tasks stored, beside the bare app. P2: the same, beside 100 tasks stored.

Timed from the start of the process to the end of the frame that completes the dashboard: status, tabs with their
counts, rows, the detail of the first task and the keys. The bare app is timed to the frame with its text, at the same
frame rate. The rounds take turns, and each ratio is the median of the rounds' own ratios: this machine may be busy.
`CPU` is what the process had used by then, all threads together, for machines that are.
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
BARE: Final = """\
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("hello there")

Bare().run()
"""
PROGRAM: Final = str(Path(sys.executable).with_name("taskdash"))
Figures = dict[str, tuple[float, float]]
"""Seconds to the frame and seconds of CPU by then, by what was started."""


def parts_of(count: int) -> tuple[bytes, ...]:
    """A text of each part of the dashboard: it is whole when all of them were drawn."""
    return (b"aigptimage", f"All {count:,}".encode(), b"success", b"1024x1024", b"quit")


def first_paint(
    arguments: list[str], environ: Mapping[str, str], signs: tuple[bytes, ...]
) -> tuple[float, float]:
    """Start a program, wait for its first whole frame and end it."""
    terminal = Terminal(arguments, environ)
    try:
        elapsed_s = terminal.until_painted(signs)
        return elapsed_s, terminal.exact_cpu_s()
    finally:
        terminal.end()


def measure(folder: Path, rounds: int) -> list[Figures]:
    """Every program once a round, in another order each; the first round only warms up."""
    environ = own_environ(folder)
    bare = folder / "bare.py"
    bare.write_text(BARE, "utf-8")
    for count in (FEW, MANY):
        build(folder / f"{count}.db", count)
    started = {
        "bare": ([sys.executable, str(bare)], environ, (b"hello there",)),
        **{
            str(count): ([PROGRAM, "--store", str(folder / f"{count}.db")], environ, parts_of(count))
            for count in (FEW, MANY)
        },
    }
    names = list(started)
    done = []
    for n in range(rounds + 1):
        order = names[n % 3 :] + names[: n % 3]
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
    print(f"{'':30}{'ours ms':>9}{'peer ms':>9}{'ratio':>8}{'goal':>9}   {'CPU':>5}   peer")
    for label, peer, peer_label, goal in (
        ("P1  100,000 tasks stored", "bare", "bare Textual app, 1 Static", 1.10),
        ("P2  100,000 tasks stored", str(FEW), "100 tasks stored", 1.05),
    ):
        ours_ms, peer_ms = (1000 * median(one[name][0] for one in figures) for name in (str(MANY), peer))
        times, cpu_times = (median(one[str(MANY)][at] / one[peer][at] for one in figures) for at in (0, 1))
        said = f"≤ {goal:.2f}" if times <= goal else f"> {goal:.2f}!"
        print(
            f"{label:30}{ours_ms:9.0f}{peer_ms:9.0f}{times:8.3f}{said:>9}   {cpu_times:5.2f}   {peer_label}"
        )


if __name__ == "__main__":
    main()
