"""The review of 300 saved results, in a pty of 160 by 45: from its key to its first screen, from a move to its frame.

The first screen is whole once all of its pictures are drawn and nothing more comes: without small copies of any, as
when a batch is looked at for the first time, and with those that the first time left. Beside it stands `timg --grid`
(Debian: timg) on the same files, as many as the first screen has, in half blocks as well.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from PIL import Image

from taskdash.demo.jobs import MEDIA_FOLDER
from taskdash.domain.task import State
from taskdash.store.rows import STATE_CODES
from taskdash.store.store import Store
from terminal import COLUMNS, LINES, Terminal, own_environ

PROFILE: Final = "aigptimage"
RESULTS: Final = 300
SIDE: Final = 1_024
ROUNDS: Final = 3
MOVES: Final = b"lllllljhhhhhhjkkllljjjjkkkhhhjjjjlllkkkk"
"""From one result to another, some of them on to the next rows."""
GOAL_FIRST_S, GOAL_MOVE_MS = 1.5, 50.0
QUIET_S: Final = 1.5
LONGEST_S: Final = 60.0
_STYLES: Final = re.compile(rb"\x1b\[[0-9;]*m")


def pictures(folder: Path) -> list[Path]:
    """Make as many files as there are results: the demo's pictures as PNGs of the size that gateways send."""
    folder.mkdir()
    originals = sorted(MEDIA_FOLDER.glob("*.webp"))
    made = []
    for number in range(RESULTS):
        path = folder / f"{number:03}.png"
        if number < len(originals):
            with Image.open(originals[number]) as picture:
                file = io.BytesIO()
                picture.convert("RGB").resize((SIDE, SIDE)).save(file, "PNG", compress_level=1)
            path.write_bytes(file.getvalue())
        else:
            os.link(folder / f"{number % len(originals):03}.png", path)
        made.append(path)
    return made


def build(path: Path, files: list[Path]) -> None:
    """Make a list with a saved result for each file."""
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(len(files))]
    now_ms = time.time_ns() // 1_000_000
    with Store(path) as store:
        store.additions.add(PROFILE, ids, now_ms)
        with store.writing() as connection:
            for number, task_id in enumerate(ids):
                (seq,) = connection.execute("SELECT seq FROM tasks WHERE task_id = ?", (task_id,)).fetchone()
                connection.execute(
                    "UPDATE tasks SET state = ?, raw_state = 'success', result_count = 1, model = 'gpt-image-2', "
                    "prompt = ?, checks = 1, next_check_at_ms = NULL WHERE seq = ?",
                    (STATE_CODES[State.SUCCESS], f"Product photo of a mug on a desk, number {number}", seq),
                )
                connection.execute(
                    "INSERT OR REPLACE INTO bodies (seq, raw, result_urls) VALUES (?, x'', ?)",
                    (seq, f'["https://cdn.example.com/{number}.png"]'),
                )
        for number, task_id in enumerate(ids):
            seq = store.tasks.find(PROFILE, task_id).seq
            store.saved.keep(seq, 1, files[number], files[number].stat().st_size, now_ms)


def dashboard(folder: Path, store: Path) -> Terminal:
    """Open the dashboard on that list; return once it has drawn it."""
    environ = own_environ(folder) | {"XDG_CACHE_HOME": str(folder / "cache"), "COLORTERM": "truecolor"}
    config = folder / "config.toml"
    # Its own preview would decode beside the review.
    config.write_text(
        f'[profiles.{PROFILE}]\nbase_url = "http://127.0.0.1:9"\napi_key = "none"\n[view]\npreview = false\n'
    )
    config.chmod(0o600)
    command = [sys.executable, "-m", "taskdash", "--config", str(config), "--store", str(store)]
    terminal = Terminal(command, environ)
    terminal.until("▌".encode())
    terminal.quiet(1.0)
    return terminal


def first_screen(terminal: Terminal) -> float:
    """Press `b`; return the seconds until the last of what that draws has come."""
    started_s = last_s = time.perf_counter()
    terminal.type(b"b")
    seen = b""
    while (data := terminal.read(QUIET_S)) or "▀".encode() not in seen:
        seen += data
        last_s = time.perf_counter() if data else last_s
        assert time.perf_counter() - started_s < LONGEST_S, _STYLES.sub(b"", seen)[-400:]
    return last_s - started_s


def moves(terminal: Terminal) -> list[float]:
    """Press keys that move the cursor; return the milliseconds from each to its frame."""
    times_ms = []
    for key in MOVES:
        times_ms.append(terminal.press(bytes([key])))
        # What is scrolled in is fetched and drawn after that.
        terminal.quiet(0.25)
    return times_ms


def timg(files: list[Path], columns: int, rows: int) -> float | None:
    """Return the seconds that `timg` takes for a grid of the same pictures; None where it is not installed."""
    program = shutil.which("timg")
    if program is None:
        return None
    command = [program, "-ph", f"-g{COLUMNS}x{LINES - 2}", f"--grid={columns}x{rows}"]
    started_s = time.perf_counter()
    subprocess.run([*command, *files[: columns * rows]], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started_s


def main() -> None:
    """Run all of it, and print the table."""
    cold_s: list[float] = []
    warm_s: list[float] = []
    moved_ms: list[float] = []
    beside_s: list[float | None] = []
    columns, rows = 8, 4
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = pictures(folder / "files")
        store = folder / "tasks.db"
        build(store, files)
        for _ in range(ROUNDS):
            shutil.rmtree(folder / "cache", ignore_errors=True)
            for times_s in (cold_s, warm_s):
                terminal = dashboard(folder, store)
                try:
                    times_s.append(first_screen(terminal))
                    if times_s is warm_s:
                        moved_ms += moves(terminal)
                finally:
                    terminal.end()
            beside_s.append(timg(files, columns, rows))
    there = [each for each in beside_s if each is not None]
    print(f"{'review of 300 saved results':<44}{'median':>12}")
    print(f"{'key to first screen, nothing kept':<44}{median(cold_s):>10.2f} s")
    print(f"{'key to first screen, small copies kept':<44}{median(warm_s):>10.2f} s")
    beside = f"{median(there):>10.2f} s" if there else "  not installed (Debian: timg)"
    print(f"{f'timg --grid={columns}x{rows}, half blocks':<44}{beside}")
    print(
        f"{'move to painted frame':<44}{median(moved_ms):>9.1f} ms   p99 {quantiles(moved_ms, n=100)[98]:.1f} ms"
    )
    print()
    for what, value, goal, unit in (
        ("first screen", median(cold_s), GOAL_FIRST_S, "s"),
        ("move", median(moved_ms), GOAL_MOVE_MS, "ms"),
    ):
        said = "reached" if value <= goal else "MISSED"
        print(f"{what:<44}{value:>10.2f} {unit:<3} goal {goal:g} {unit:<3} {said}")


if __name__ == "__main__":
    main()
