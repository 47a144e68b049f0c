"""Key to painted frame in the real dashboard, in a pty of 160 by 45, with 100,000 tasks and with 100.

P3: `j`, `k` and the page keys with 100,000 tasks while about 100 records a second arrive, beside 100 tasks under the
same load: median and p99. The records come from a gateway in a process of its own, through the watcher, into the
store: twice a second another process asks for 50 tasks, as `taskdash check` does. How many were stored while keys were
pressed is counted in the store and printed.
P4: the same median beside a bare Textual application that draws all of its frame anew for each key.

The programs take turns. A key's frame has arrived when the cursor's row shows another task, and that frame's end is
there: frames that the load causes do not count.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from gateway import KEY, Gateway
from lists import PROFILE, build
from taskdash.store.store import Store
from terminal import Terminal, bare_app

if TYPE_CHECKING:
    from collections.abc import Callable

MANY: Final = 100_000
FEW: Final = 100
ROUNDS: Final = 5
PRESSES: Final = 208
"""Of each program in each round."""
PER_SECOND: Final = 100
RUNNING: Final = 50
"""Unfinished tasks, the newest of either list: both dashboards show the same rows."""
RATE: Final = "records/s stored"
PAUSE_S: Final = 0.004
GOAL_MEDIAN, GOAL_P99, GOAL_BARE = 1.15, 1.3, 2.0
DOWN, UP, PAGE_DOWN, PAGE_UP = b"j", b"k", b"\x1b[6~", b"\x1b[5~"
KEYS: Final = (
    DOWN,
    DOWN,
    UP,
    DOWN,
    PAGE_DOWN,
    DOWN,
    UP,
    UP,
    PAGE_DOWN,
    DOWN,
    PAGE_UP,
    UP,
    DOWN,
    UP,
    PAGE_UP,
    UP,
)
"""They end where they began, and all of them move the cursor."""
CURSOR: Final = re.compile(rb"\xe2\x96\x8c(?:(?!\x1b\[\d+;\d+H)[^\n])*?([0-9a-f]{8})")
"""The cursor's row, up to the beginning of its task ID."""
_BARE: Final = """
import os
os.environ.setdefault("TEXTUAL_FPS", "240")
from rich.segment import Segment
from textual.app import App
from textual.strip import Strip
from textual.widget import Widget

class Frame(Widget, can_focus=True):
    count = 0
    def render_line(self, y):
        return Strip([Segment(f"{y:3} " + f" key {self.count:06}" * 14)]).adjust_cell_length(self.size.width)
    def on_key(self, event):
        self.count += 1
        self.refresh()

class Bare(App):
    CSS = "Frame { width: 100%; height: 100%; }"
    def compose(self):
        yield Frame()
    def on_mount(self):
        self.query_one(Frame).focus()

Bare().run()
"""


@dataclass
class Program:
    """One of those that are compared, running."""

    name: str
    terminal: Terminal
    press: Callable[[Terminal, bytes], float]
    store: Path | None = None
    loaded: bool = False
    times_ms: list[float] = field(default_factory=list)
    stored: int = 0
    seconds: float = 0.0

    def round(self) -> None:
        """Press keys for a while."""
        load = Load(self.store) if self.store and self.loaded else None
        self.terminal.quiet(0.05 if load is None else 0.0)
        before, began_s = self._stored(), time.perf_counter()
        for n in range(PRESSES):
            self.times_ms.append(self.press(self.terminal, KEYS[n % len(KEYS)]))
            # Nobody presses keys without a pause; what a key leaves to be done after its frame is done in it.
            self.terminal.drain(PAUSE_S)
        self.seconds += time.perf_counter() - began_s
        self.stored += self._stored() - before
        if load is not None:
            load.stop()

    def _stored(self) -> int:
        if self.store is None:
            return 0
        with Store(self.store) as store:
            return int(store.value("SELECT sum(checks) FROM tasks WHERE state = 1") or 0)

    @property
    def median_ms(self) -> float:
        """Half of the keys took less."""
        return median(self.times_ms)

    @property
    def p99_ms(self) -> float:
        """One key in a hundred took longer."""
        return quantiles(self.times_ms, n=100)[98]


class Load:
    """Asks for the running tasks of a list again and again, as `taskdash check` does; a thread of this process."""

    def __init__(self, path: Path) -> None:
        self._ended = threading.Event()
        self._path = path
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        time.sleep(1.2)

    def _ask(self) -> None:
        with Store(self._path) as store:
            seqs = [
                seq
                for (seq,) in store.rows(
                    "SELECT seq FROM tasks WHERE state = 1 ORDER BY seq LIMIT ?", [RUNNING]
                )
            ]
            next_s = time.monotonic()
            while not self._ended.wait(max(0.0, next_s - time.monotonic())):
                store.checks.ask(seqs, time.time_ns() // 1_000_000)
                next_s += len(seqs) / PER_SECOND

    def stop(self) -> None:
        """Ask no more."""
        self._ended.set()
        self._thread.join()


class Cursor:
    """Presses keys of a dashboard, and knows the task at its cursor."""

    def __init__(self, terminal: Terminal) -> None:
        terminal.type(DOWN)
        terminal.drain(0.5)
        terminal.type(UP)
        self._at = CURSOR.findall(terminal.drain(0.5))[-1]

    def __call__(self, terminal: Terminal, key: bytes) -> float:
        """Press; the milliseconds until the cursor is seen on another task."""
        return terminal.press(key, self._moved)

    def _moved(self, seen: bytes) -> int:
        found = -1
        for match in CURSOR.finditer(seen):
            if match[1] != self._at and seen.find(b"\x1b[?2026l", match.end()) >= 0:
                self._at, found = match[1], match.end()
        return found


def press_bare(terminal: Terminal, key: bytes) -> float:
    """Press a key of the bare application."""
    return terminal.press(key)


def dashboard(folder: Path, count: int, url: str, *, loaded: bool) -> Program:
    """The dashboard on a list of `count` tasks, when it has drawn them."""
    home = folder / f"{count}-{loaded}"
    home.mkdir()
    store = home / "tasks.db"
    build(store, count, waiting=RUNNING, newest=True)
    config = home / "config.toml"
    # Twice what is asked for: the schedule's own checks are not to stand in line behind it.
    config.write_text(
        f'[profiles.{PROFILE}]\nbase_url = "{url}"\nper_second = {2 * PER_SECOND}\nper_minute = {120 * PER_SECOND}\n'
        "share = 1.0\n"
        # The task at the cursor is known by its ID.
        '[view]\ncolumns = ["state", "label", "model", "cost", "created", "id"]\nwidths = {id = 12}\n'
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TASKDASH_")}
    environ |= {"AIGPTIMAGE_API_KEY": KEY, "XDG_STATE_HOME": str(home), "XDG_CACHE_HOME": str(home)}
    command = [sys.executable, "-m", "taskdash", "--config", str(config), "--store", str(store)]
    terminal = Terminal(command, environ)
    terminal.until("▌".encode())
    terminal.quiet()
    name = f"{count:,} tasks, {'records arriving' if loaded else 'idle'}"
    return Program(name, terminal, Cursor(terminal), store, loaded)


def bare() -> Program:
    """The bare application, when it has drawn its first frame."""
    terminal = Terminal(bare_app(_BARE), os.environ)
    terminal.until(b"key 000000")
    terminal.quiet()
    return Program("bare Textual app, whole frame", terminal, press_bare)


def show(many: Program, few: Program, idle: Program, peer: Program) -> None:
    """Print the tables."""
    print(f"{'key to painted frame':<34}{'median ms':>14}{'p99 ms':>14}{'keys':>14}{RATE:>20}")
    for program in (many, few, idle, peer):
        rate = f"{program.stored / program.seconds:.0f}" if program.loaded else "–"
        print(
            f"{program.name:<34}{program.median_ms:>14.2f}{program.p99_ms:>14.2f}"
            f"{len(program.times_ms):>14,}{rate:>20}"
        )
    print()
    for name, ratio, goal in (
        ("P3 median, 100,000 / 100", many.median_ms / few.median_ms, GOAL_MEDIAN),
        ("P3 p99, 100,000 / 100", many.p99_ms / few.p99_ms, GOAL_P99),
        ("P4 median, 100,000 / bare", many.median_ms / peer.median_ms, GOAL_BARE),
    ):
        said = "reached" if ratio <= goal else "MISSED"
        print(f"{name:<34}{ratio:>14.2f}   goal {goal:.2f}   {said}")


def main() -> None:
    """Run all of it."""
    with tempfile.TemporaryDirectory() as name, Gateway() as gateway:
        programs = [
            dashboard(Path(name), MANY, gateway.url, loaded=True),
            dashboard(Path(name), FEW, gateway.url, loaded=True),
            dashboard(Path(name), FEW, gateway.url, loaded=False),
            bare(),
        ]
        try:
            for _ in range(ROUNDS):
                for program in programs:
                    program.round()
        finally:
            for program in programs:
                program.terminal.end()
        show(*programs)


if __name__ == "__main__":
    main()
