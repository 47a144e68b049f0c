"""What the open dashboard costs while nobody touches it: memory with a long list, CPU while 50 waiting rows tick.

P6: memory at 100,000 tasks, beside 100. It is PSS: shared pages count for each process by its share.
P7: CPU of all threads over a span of seconds, as a share of one core; a bare Textual app that shows one Static stands
beside it for scale. The 50 waiting tasks are the last that were added, so every row on the screen has an elapsed time
that grows: by the minute, and by ten seconds where it is under ten minutes.

Nothing answers the watcher here: without a key it sends no check. Memory is read after the list was walked through,
to its end and back, so that whatever is kept of it has been kept.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Final

from bench_start import BARE, FEW, MANY, PARTS, PROGRAM
from lists import build
from terminal import Terminal, own_environ

ROUNDS: Final = 3
SPAN_S: Final = 12.0
SETTLED_S: Final = 3.0
"""By then the watcher has started, and what is imported late has been."""
WAITING: Final = 50
MEMORY_GOAL: Final = 1.3
CPU_GOAL: Final = 1.0
"""Percent of one core."""
WALK: Final = (b"G", b"g", *(b"\x1b[6~",) * 40, b"g")


def settle(terminal: Terminal, for_s: float) -> None:
    """Read what the program draws for a while: a terminal that nobody reads would stop it."""
    until_s = time.perf_counter() + for_s
    while (left_s := until_s - time.perf_counter()) > 0:
        terminal.read(left_s)


def make_young(path: Path) -> None:
    """Have every task created, and added, at some moment of the last hour."""
    with closing(sqlite3.connect(path)) as connection:
        now_ms = time.time_ns() // 1_000_000
        connection.execute("UPDATE tasks SET create_time_ms = ? - abs(random() % 3500000)", (now_ms,))
        connection.execute("UPDATE tasks SET added_at_ms = create_time_ms")
        connection.commit()


def idle_share(
    arguments: list[str], environ: dict[str, str], signs: tuple[bytes, ...], span_s: float
) -> float:
    """How much of one core a program uses while nothing is done with it."""
    terminal = Terminal(arguments, environ)
    try:
        terminal.until_painted(signs)
        settle(terminal, SETTLED_S)
        before_s, started_s = terminal.exact_cpu_s(), time.perf_counter()
        settle(terminal, span_s)
        return (terminal.exact_cpu_s() - before_s) / (time.perf_counter() - started_s)
    finally:
        terminal.end()


def memory_after_walk(path: Path, environ: dict[str, str]) -> float:
    """PSS in MiB of a dashboard whose list was walked through."""
    terminal = Terminal([PROGRAM, "--store", str(path)], environ)
    try:
        terminal.until_painted(PARTS)
        settle(terminal, SETTLED_S)
        for key in WALK:
            terminal.press(key)
        settle(terminal, SETTLED_S)
        return terminal.pss_kib() / 1024
    finally:
        terminal.end()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--span", type=float, default=SPAN_S, help="seconds of idling")
    asked = parser.parse_args()
    os.environ.setdefault("TEXTUAL_FPS", "240")
    memory: list[tuple[float, float]] = []
    shares: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="taskdash-bench-") as name:
        folder = Path(name)
        environ = own_environ(folder)
        bare, ticking = folder / "bare.py", folder / "ticking.db"
        bare.write_text(BARE, "utf-8")
        for count in (FEW, MANY):
            build(folder / f"{count}.db", count)
        build(ticking, WAITING, waiting=WAITING)
        make_young(ticking)
        for _ in range(asked.rounds):
            many, few = (memory_after_walk(folder / f"{count}.db", environ) for count in (MANY, FEW))
            memory.append((many, few))
            shares.append(
                (
                    idle_share(
                        [PROGRAM, "--store", str(ticking)], environ, (b"All 50", b"waiting"), asked.span
                    ),
                    idle_share([sys.executable, str(bare)], environ, (b"hello there",), asked.span),
                )
            )
    print(f"At rest: medians of {asked.rounds} rounds, CPU over {asked.span:.0f} s each")
    print(f"{'':34}{'ours':>10}{'peer':>10}{'ratio':>8}{'goal':>9}   peer")
    many_mib, few_mib = (median(row[at] for row in memory) for at in (0, 1))
    times = median(many / few for many, few in memory)
    said = f"≤ {MEMORY_GOAL}" if times <= MEMORY_GOAL else f"> {MEMORY_GOAL}!"
    label = "P6  memory (PSS), 100,000 tasks"
    print(f"{label:34}{many_mib:6.2f} MiB{few_mib:6.2f} MiB{times:8.2f}{said:>9}   100 tasks")
    percent, bare_percent = (100 * median(row[at] for row in shares) for at in (0, 1))
    said = f"≤ {CPU_GOAL} %" if percent <= CPU_GOAL else f"> {CPU_GOAL} %!"
    label = "P7  CPU of a core, 50 waiting rows"
    print(f"{label:34}{percent:6.2f} %  {bare_percent:6.2f} %  {'':8}{said:>9}   bare Textual app, 1 Static")


if __name__ == "__main__":
    main()
