"""Runs the dashboard and writes down how long its event loop kept anybody waiting: `gap_meter.py FILE ARGUMENTS...`.

Every few milliseconds the loop is asked to call back; what it is late is a gap. Three numbers a line, in milliseconds:
the time on the monotonic clock, the gap, and how much of the gap other processes had the processor.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Final

from taskdash.cli.process import run
from taskdash.ui.app import Dashboard

STEP_S: Final = 0.005

_mount = Dashboard.on_mount


def _queued_ms() -> float:
    """How long this thread was ready to run and had no processor, since it began."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text("ascii").split()[1]) / 1e6
    except (OSError, IndexError, ValueError):
        return 0.0


def main() -> None:
    """Measure the application that the arguments open."""
    written = Path(sys.argv.pop(1)).open("w", buffering=1, encoding="utf-8")  # noqa: SIM115 - open to the end

    async def measure() -> None:
        due_s = time.monotonic() + STEP_S
        queued_ms = _queued_ms()
        while True:
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            now_s = time.monotonic()
            before_ms, queued_ms = queued_ms, _queued_ms()
            lost_ms = queued_ms - before_ms
            written.write(f"{now_s * 1000:.1f} {(now_s - due_s) * 1000:.1f} {lost_ms:.1f}\n")
            due_s = now_s + STEP_S

    def on_mount(self: Dashboard) -> None:
        _mount(self)
        self.run_worker(measure(), group="gap meter")

    Dashboard.on_mount = on_mount  # type: ignore[method-assign] # what it is for
    run()


if __name__ == "__main__":
    main()
