"""P5: every order, tab and kind of filter of 100,000 tasks, from the key to the painted frame that shows the result.

Beside it stands a stock DataTable of 1,000 rows that is filled and sorted at a key, in the same pty of 160 by 45. Where
several keys lead to a result the last one is timed; a filter comes as one paste into its box. The programs take
turns; each figure is the median of the rounds, and its ratio that of the medians.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from lists import PROFILE, build
from taskdash.domain.query import Query, Sort, SortKey, parse_filter
from taskdash.store.store import Store
from terminal import Sign, Terminal, bare_app

TASKS: Final = 100_000
LINES: Final = 45
ROUNDS: Final = 2
FILLS: Final = 3
GOAL: Final = 1.0
FILTERS: Final = (
    *("cat", "fox", "robot painter", "zzzzzz", '"misty city"', "!cat", "日本語", "ab", "400", "violate"),
    *("model:seedance", "prompt:silk", "label:hero", "failure:policies", "state:fail", "problem:any"),
    *("cost:>30s", "age:<2h", "cat state:fail cost:<1h", "%_*?["),
)
ESCAPE, HOME, DOWN = b"\x1b", b"\x1b[H", b"\x1b[B"
_PEER: Final = """
import os, random
os.environ.setdefault("TEXTUAL_FPS", "240")
from textual.app import App
from textual.widgets import DataTable

chance = random.Random(1)
words = "a cat robot painter misty mountain sunrise city night ocean silk dunes".split()
rows = [("success", " ".join(chance.choices(words, k=9)), "gpt-image-2-text-to-image", f"{chance.random() * 60:.1f} s",
         "3 d ago", "5 s", f"{chance.getrandbits(128):032x}") for _ in range(999)]

class Peer(App):
    BINDINGS = [("f", "fill", "fill")]
    count = 0
    def compose(self):
        yield DataTable()
    def on_mount(self):
        self.query_one(DataTable).add_column("ready")
    def action_fill(self):
        self.count += 1
        table = self.query_one(DataTable)
        table.clear(columns=True)
        for n, name in enumerate(("State", "Prompt", "Model", "costTime", "Created", "Checked", "Task ID")):
            table.add_column(name, key=str(n))
        for row in rows:
            table.add_row(*row)
        table.add_row("success", f"fill {self.count:04}", "first of all", "", "", "", "")
        table.sort("3")

Peer().run()
"""


class Views:
    """The dashboard on its list, and what its keys took."""

    def __init__(self, folder: Path) -> None:
        path = folder / "tasks.db"
        build(path, TASKS, labels=3)
        config = folder / "config.toml"
        # Every order has its column, and the table all of the terminal, as the stock one has.
        config.write_text(
            '[view]\ndetail = "hidden"\n'
            'columns = ["state", "label", "model", "cost", "created", "checked", "added", "id"]\n'
            "widths = {id = 12}\n"
        )
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TASKDASH_")}
        environ |= {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "AIGPTIMAGE_API_KEY": ""}
        self.terminal = Terminal(
            [sys.executable, "-m", "taskdash", "--config", str(config), "--store", str(path)], environ
        )
        self.terminal.until("▌".encode())
        self.terminal.quiet()
        self.times_ms: dict[str, list[float]] = {}
        self._store = Store(path)
        self._now_ms = time.time_ns() // 1_000_000
        self._sort = Sort()
        self._cursor = self._store.tasks.rows(Query(PROFILE), self._now_ms, limit=1)[0].seq

    def orders(self) -> None:
        """Each order of the menu, and then the other way round."""
        for number, key in enumerate(SortKey):
            if self._sort != Sort(key):
                self._choose(number, Sort(key))
            self._timed(f"sort -{key}", b"S", self._sign_of(Sort(key, reverse=True)))
        self._choose(0, Sort())

    def _choose(self, number: int, sort: Sort) -> None:
        self.terminal.press(b"s", b"Enter sorts")
        self.terminal.drain(0.1)
        self.terminal.type(HOME + DOWN * number)
        self._timed(f"sort {sort}", b"\r", self._sign_of(sort))

    def _sign_of(self, sort: Sort) -> Sign:
        """The arrow in a column's title, which turns each time, and rows that stand by the cursor's in this order."""
        query = Query(PROFILE, sort=sort)
        rank = self._store.tasks.rank(query, self._cursor, self._now_ms) or 0
        near = self._store.tasks.rows(query, self._now_ms, limit=2 * LINES, offset=max(0, rank - LINES))
        ids = [task.task_id[:8].encode() for task in near]
        arrow = ("▼" if sort.reverse else "▲").encode()
        self._sort = sort

        def shown(seen: bytes) -> int:
            places = arrow_at, row_at = seen.find(arrow), max(seen.rfind(task_id) for task_id in ids)
            return max(places) if min(arrow_at, row_at) >= 0 else -1

        return shown

    def tabs(self) -> None:
        """Once round."""
        for name in ("○ New", "◐ Waiting", "✓ Success", "× Fail", "All"):
            self._timed(f"tab {name.split()[-1]}", b"]", f"[{name} ".encode())

    def filters(self) -> None:
        """Put each into the box as a whole; the tab then says how many there are."""
        for text in FILTERS:
            self.terminal.press(b"/", b"words")
            self.terminal.drain(0.1)
            query, now_ms = Query(PROFILE, terms=parse_filter(text)), time.time_ns() // 1_000_000
            counts = self._store.tasks.counts(query, now_ms)
            sign = f"[All {sum(counts.values()):,}]".encode()
            self._timed(f"filter {text}", b"\x1b[200~" + text.encode() + b"\x1b[201~", sign)
            self.terminal.type(ESCAPE)
            self.terminal.drain(0.5)

    def _timed(self, name: str, key: bytes, sign: Sign) -> None:
        self.terminal.drain(0.25)
        self.times_ms.setdefault(name, []).append(self.terminal.press(key, sign))


class Peer:
    """The stock table."""

    def __init__(self) -> None:
        self.terminal = Terminal(bare_app(_PEER), os.environ)
        self.terminal.until(b"ready")
        self.terminal.quiet()
        self.times_ms: list[float] = []

    def fill(self) -> None:
        """Fill and sort."""
        for _ in range(FILLS):
            sign = f"fill {len(self.times_ms) + 1:04}".encode()
            self.times_ms.append(self.terminal.press(b"f", sign))
            self.terminal.quiet(0.1)


def show(views: Views, peer_ms: float) -> None:
    """Print the table."""
    print(f"{'to the painted frame':<34}{'median ms':>12}{'ratio':>8}")
    print(f"{'DataTable, 1,000 rows, fill + sort':<34}{peer_ms:>12.1f}{1:>8.2f}")
    missed = 0
    for name, times_ms in views.times_ms.items():
        ratio = median(times_ms) / peer_ms
        missed += ratio > GOAL
        print(f"{name:<34}{median(times_ms):>12.1f}{ratio:>8.2f}{'   MISSED' if ratio > GOAL else ''}")
    said = "reached" if not missed else f"MISSED by {missed}"
    print(
        f"\nP5, each of {len(views.times_ms)} at most {GOAL:.1f} of a DataTable a hundred times as short: {said}"
    )


def main() -> None:
    """Run all of it."""
    with tempfile.TemporaryDirectory() as name:
        views, peer = Views(Path(name)), Peer()
        try:
            for _ in range(ROUNDS):
                for each in (views.orders, peer.fill, views.tabs, views.filters, peer.fill):
                    each()
        finally:
            views.terminal.end()
            peer.terminal.end()
        show(views, median(peer.times_ms))


if __name__ == "__main__":
    main()
