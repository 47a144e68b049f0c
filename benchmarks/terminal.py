"""A terminal for benchmarks: runs a program in a pty, answers what a terminal is asked, and times its frames."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLUMNS: Final = 160
LINES: Final = 45
_ASKS_SYNC: Final = b"\x1b[?2026$p"
_HAS_SYNC: Final = b"\x1b[?2026;2$y"
_SEQUENCE: Final = re.compile(rb"\x1b\[[0-9;]*m")
FRAME_END: Final = b"\x1b[?2026l"
"""The end of a synchronized update: a whole frame has arrived."""


Sign = bytes | Callable[[bytes], int]
"""What is looked for in the output: these bytes, or what a function finds: the place, or -1."""


def own_environ(folder: Path) -> dict[str, str]:
    """The environment without anything of the user's: no key, no config; compiled modules may be kept."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TASKDASH", "PYTHON")) and not name.endswith("_API_KEY")
    }
    return {**kept, "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)}


class Terminal:
    """A program in a pty of 160 by 45 cells."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self.started_s = time.perf_counter()
        self._arrived_s = self.started_s
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execvpe(arguments[0], list(arguments), {**environ, "TERM": "xterm-256color"})  # noqa: S606 - ours
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))

    def read(self, timeout_s: float) -> bytes:
        """What arrives within `timeout_s`; empty if nothing does."""
        if not select.select([self._fd], [], [], timeout_s)[0]:
            return b""
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:
            return b""
        self._arrived_s = time.perf_counter()
        if _ASKS_SYNC in data:
            os.write(self._fd, _HAS_SYNC)
        return data

    def until(self, wanted: bytes, timeout_s: float = 60.0) -> float:
        """Read until `wanted` arrives; return the seconds since the program was started."""
        seen = b""
        deadline_s = time.perf_counter() + timeout_s
        while wanted not in seen:
            if time.perf_counter() > deadline_s:
                raise SystemExit(f"never painted: {wanted!r}; the end of what was: {seen[-600:]!r}")
            seen = seen[-4096:] + self.read(0.5)
        return time.perf_counter() - self.started_s

    def until_painted(self, signs: Sequence[bytes], timeout_s: float = 60.0) -> float:
        """Read until each of `signs` has been drawn and its frame has ended; return the seconds since the start.

        Styles are left out before a sign is looked for, so it may be drawn in several.
        """
        seen = b""
        deadline_s = time.perf_counter() + timeout_s
        while True:
            whole = seen.rpartition(FRAME_END)[0]
            if whole and all(sign in _SEQUENCE.sub(b"", whole) for sign in signs):
                return self._arrived_s - self.started_s
            if time.perf_counter() > deadline_s:
                raise SystemExit(f"never painted all of {signs!r}; the end of what was: {seen[-600:]!r}")
            seen += self.read(0.5)

    def quiet(self, for_s: float = 0.3) -> None:
        """Read until nothing has come for `for_s`."""
        while self.read(for_s):
            continue

    def drain(self, for_s: float) -> bytes:
        """Read all that arrives in so many seconds."""
        seen, until_s = b"", time.perf_counter() + for_s
        while (left_s := until_s - time.perf_counter()) > 0:
            seen += self.read(left_s)
        return seen

    def press(self, key: bytes, sign: Sign = FRAME_END, timeout_s: float = 20.0) -> float:
        """Press a key; return the milliseconds until the frame that shows `sign` has arrived whole."""
        is_shown = _finder(sign) if isinstance(sign, bytes) else sign
        started_s = time.perf_counter()
        os.write(self._fd, key)
        seen = b""
        while True:
            seen += self.read(timeout_s)
            at = is_shown(seen)
            if at >= 0 and seen.find(FRAME_END, at) >= 0:
                return 1000 * (time.perf_counter() - started_s)
            if time.perf_counter() - started_s > timeout_s:
                raise SystemExit(f"no frame after {key!r}; the end of what came: {seen[-600:]!r}")

    def type(self, keys: bytes) -> None:
        """Press keys without waiting for anything."""
        os.write(self._fd, keys)

    def cpu_s(self) -> float:
        """User and system time of the program so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def exact_cpu_s(self) -> float:
        """CPU time of the program's threads so far, to the nanosecond; threads that have ended do not count."""
        schedules = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(schedule.read_text("ascii").split()[0]) for schedule in schedules) / 1e9

    def memory_kib(self) -> int:
        """Resident memory of the program."""
        lines = Path(f"/proc/{self.pid}/status").read_text("ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])

    def pss_kib(self) -> int:
        """Memory of the program, of what it shares only its share."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text("ascii").splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1])

    def end(self) -> None:
        """End the program."""
        os.kill(self.pid, signal.SIGTERM)
        deadline_s = time.perf_counter() + 5
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.perf_counter() > deadline_s:
                os.kill(self.pid, signal.SIGKILL)
            self.read(0.05)
        os.close(self._fd)


def bare_app(source: str) -> list[str]:
    """The command of a small Textual program."""
    return [sys.executable, "-c", source]


def _finder(sign: bytes) -> Callable[[bytes], int]:
    return lambda seen: seen.find(sign)
