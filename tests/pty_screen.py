r"""A program in a real pseudo-terminal, its screen read as a person would read it.

    with PtyScreen([sys.executable, "-m", "taskdash"], columns=120, rows=36, env=env) as screen:
        screen.wait_for("No tasks yet")
        screen.paste("5064bd1a-025a-490b-b28f-6a9fa12eb88a\n", shows="1 new")
        screen.send("\r")
        screen.quit()

The program is the leader of a session of its own with the terminal as its controlling one, so closing it hangs up and
a resize signals, as with a real one. A thread reads what the program writes; nothing here waits without an end.
`TERMINAL_LEFT_BEHIND` names what a program that ended badly would leave switched on.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pyte.screens import Char
from tests.canary import assert_not_in
from tests.quick_terminal import QuickScreen, QuickStream
from tests.warm import Forked

_SWITCHES = {
    "alternate screen": "1049",
    "mouse clicks": "1000",
    "mouse motion": "1003",
    "mouse coordinates": "1006",
    "focus reports": "1004",
    "bracketed paste": "2004",
}
"""DEC private modes that a full-screen program switches on with `h` and has to switch off again with `l`."""


_QUIET_LOOKS = 30
"""A hundredth of a second apart: longer than any pause that the dashboard makes between two steps of one thing."""
_BLINK_BYTES = 80
"""What it takes to show one cell in another way. Whole looks pass between two blinks only where there is time."""
_STRINGS = re.compile(rb"\x1b[P_][^\x1b]*\x1b\\")
"""Pictures: pyte takes sixels (DCS) and kitty's graphics (APC) for text."""
_BEGUN = re.compile(rb"\x1b(?:[P_][^\x1b]*\x1b?)?$")


class PtyScreen:
    """A program on a terminal of `columns` x `rows`."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        columns: int = 120,
        rows: int = 36,
        cwd: Path | None = None,
        is_warm: bool = False,
        first: str = "",
    ) -> None:
        """`is_warm`: the command is taskdash, forked from a process that has imported it; that runs `first`, Python."""
        self._command = [str(part) for part in command]
        self._env = {"TERM": "xterm-256color", "LANG": "C.UTF-8", **env}
        self._cwd = cwd
        self._is_warm = is_warm
        self._first = first
        self._screen = QuickScreen(columns, rows)
        self._stream = QuickStream(self._screen)
        self._changed = threading.Condition()
        self._closed = False
        self._reading = threading.Event()
        self._reading.set()
        self._looking = True
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._reader = threading.Thread(target=self._read, name="pty reader", daemon=True)
        self._master = self._slave = -1
        self._unfed = b""
        self._lines: list[str] | None = None
        """The screen as it is since the last change; None: nobody has looked since."""
        self.raw = b""
        """Everything the program ever wrote."""
        self._pause_s = 0.0
        self.modes_before: list[Any] = []
        """The terminal's modes before the program was started, as `termios.tcgetattr` gives them."""

    # Its life

    def start(self) -> None:
        """Start the program; the terminal has its size before it looks."""
        self._master, self._slave = pty.openpty()
        os.set_blocking(self._master, False)
        self._set_size()
        self.modes_before = termios.tcgetattr(self._slave)
        if self._is_warm:
            self._process = Forked(
                self._command,
                cwd=self._cwd or Path.cwd(),
                env=self._env,
                streams=[self._slave] * 3,
                has_terminal=True,
                first=self._first,
            )
        else:
            self._process = subprocess.Popen(
                self._command,
                stdin=self._slave,
                stdout=self._slave,
                stderr=self._slave,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
                # No other thread of a test holds a lock that this call could need.
                preexec_fn=_take_terminal,
            )
        self._reader.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()
        if exc is None:
            assert_not_in(self.raw, "what the terminal was sent")

    def close(self) -> None:
        """End the program whatever it does, and give the terminal back."""
        process = self._process
        if process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        self.hang_up()

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def modes_now(self) -> list[Any]:
        """The terminal's modes, as `modes_before`."""
        return termios.tcgetattr(self._slave)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait_exit(self, timeout_s: float = 30.0) -> int:
        """Wait until the program has ended and all it wrote is read; return its exit status, -n for signal n."""
        assert self._process is not None, "not started"
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout_s} s:\n{self.text}") from None
        # Our own end of the program's side keeps the terminal open: what is in it has come through once nothing
        # more does.
        seen, quiet = -1, 0
        while quiet < 4:
            quiet = quiet + 1 if seen == len(self.raw) and not self._is_unread() else 0
            seen = len(self.raw)
            time.sleep(0.03)
        return code

    def quit(self, key: str = "q", *, timeout_s: float = 30.0) -> None:
        """Leave by a key: the exit code is 0, and the terminal as it was."""
        self.send(key)
        assert self.wait_exit(timeout_s) == 0, self.text
        assert self.left_behind == [], self.left_behind

    # What goes in

    def send(
        self, text: str | bytes, *, shows: str | Callable[[str], object] | None = None, hides: str = ""
    ) -> None:
        """Type what a terminal sends for keys: a carriage return for Enter, an escape for Esc.

        Then wait until the screen has what it `shows`, and no more what it `hides`.
        """
        data = text.encode() if isinstance(text, str) else text
        deadline_s = time.monotonic() + 10
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                assert time.monotonic() < deadline_s, f"the program reads no more:\n{self.text}"
                time.sleep(0.005)
        if shows is not None:
            self.wait_for(shows)
        if hides:
            self.wait_for_none(hides)

    def paste(self, text: str | bytes, *, shows: str | Callable[[str], object] | None = None) -> None:
        """Paste, in the brackets of a terminal that was told to send them; wait as `send` does."""
        data = text.encode() if isinstance(text, str) else text
        self.send(b"\x1b[200~" + data + b"\x1b[201~", shows=shows)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the kernel signals it to the program."""
        with self._changed:
            self._screen.resize(rows, columns)
            self._lines = None
        self._set_size()

    def hang_up(self) -> None:
        """Close the terminal's own side, as its window does."""
        self._closed = True
        self._reading.set()
        # The number of what is closed may next be that of a test's own file, which a late reader would read empty.
        if self._reader.is_alive():
            self._reader.join(10)
        for end in (self._slave, self._master):
            if end >= 0:
                os.close(end)
        self._slave = self._master = -1

    @contextlib.contextmanager
    def stalled(self) -> Iterator[None]:
        """Read nothing for a while, as a terminal does after Ctrl+S or behind a dead connection."""
        self._reading.clear()
        try:
            yield
        finally:
            self._reading.set()

    def read_slowly(self, pause_s: float) -> None:
        """From now on read at most what the terminal holds, about 4 kB, each `pause_s` seconds."""
        self._pause_s = pause_s

    @contextlib.contextmanager
    def unseen(self) -> Iterator[None]:
        """Read what comes, and keep it, but draw nothing of it for a while: a large screen takes long."""
        self._looking = False
        try:
            yield
        finally:
            self._looking = True

    # What comes out

    @property
    def lines(self) -> list[str]:
        """The screen, a line each, without the blanks at the end."""
        with self._changed:
            if self._lines is None:
                # As `display` of pyte, which measures each character again.
                columns, buffer = range(self._screen.columns), self._screen.buffer
                rows = (buffer[row] for row in range(self._screen.lines))
                self._lines = [
                    "".join([row.get(column, row.default).data for column in columns]).rstrip()
                    for row in rows
                ]
            return self._lines

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def title(self) -> str:
        """The title of the terminal, as it was set last."""
        with self._changed:
            return self._screen.title

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._screen.columns, self._screen.lines

    def wait_for(self, wanted: str | Callable[[str], object], timeout_s: float = 40.0) -> str:
        """Wait until the screen has a text, or meets a condition; return the screen.

        Raises:
            AssertionError: it did not within `timeout_s` seconds; the message shows the screen.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            text = self.text
            if wanted in text if isinstance(wanted, str) else wanted(text):
                return text
            left_s = deadline_s - time.monotonic()
            ended = self._process is not None and self._process.poll() is not None
            assert left_s > 0, f"{wanted!r} not within {timeout_s} s{', it has ended' * ended}:\n{text}"
            with self._changed:
                self._changed.wait(min(left_s, 0.05))

    def wait_for_none(self, unwanted: str, timeout_s: float = 40.0) -> str:
        """Wait until the screen has a text no more; return the screen."""
        return self.wait_for(lambda text: unwanted not in text, timeout_s)

    def wait_for_line(self, number: int, wanted: str, timeout_s: float = 40.0) -> str:
        """Wait until line `number`, from 0, has a text; return the line."""
        self.wait_for(lambda _: wanted in self.lines[number], timeout_s)
        return self.lines[number]

    def wait_until_at_rest(self, *others: PtyScreen, timeout_s: float = 60.0) -> None:
        """Wait until this program, and others, have done all they were asked.

        For a while they wrote nothing and had nothing to do. A tick of a clock a second and a cursor that blinks are
        not taken for work; a program that waits for its turn on a busy machine is.
        """
        screens = (self, *others)
        deadline_s = time.monotonic() + timeout_s
        seen, quiet_looks = 0, 0
        # Looks, not seconds: what passes while this process itself waits for a processor is no rest.
        while quiet_looks < _QUIET_LOOKS:
            assert time.monotonic() < deadline_s, f"not at rest within {timeout_s} s:\n{self.text}"
            written = sum(len(screen.raw) for screen in screens)
            is_busy = abs(written - seen) > _BLINK_BYTES or any(
                screen._is_running() or screen._is_unread() for screen in screens
            )
            seen, quiet_looks = written, 0 if is_busy else quiet_looks + 1
            time.sleep(0.01)

    def _is_unread(self, *, within_s: float = 0) -> bool:
        """Return whether there is something to be read: a program that waits to write more of it does not run."""
        return self._master >= 0 and bool(select.select([self._master], [], [], within_s)[0])

    def _is_running(self) -> bool:
        """Whether a thread of the program runs, or waits for a processor or a disk."""
        states = set()
        for status in Path(f"/proc/{self.pid}/task").glob("*/stat"):
            with contextlib.suppress(OSError):  # the thread has ended
                states.add(status.read_text().rpartition(")")[2].split()[0])
        return bool(states & {"R", "D"})

    @property
    def looks(self) -> list[list[Char]]:
        """Return the screen, cell by cell, with colours and all; the second cell of a wide character is empty."""
        with self._changed:
            columns, rows = range(self._screen.columns), range(self._screen.lines)
            return [[self._screen.buffer[row][column] for column in columns] for row in rows]

    # The mouse, on the cell in a column of a line, both from 0

    def wheel(self, column: int, line: int, notches: int) -> None:
        self.send(_mouse(65 if notches > 0 else 64, column, line) * abs(notches))

    def press_button(self, column: int, line: int) -> None:
        """Press the left button and hold it."""
        self.send(_mouse(0, column, line))

    def drag(self, column: int, line: int) -> None:
        """Move the mouse with the button held."""
        self.send(_mouse(32, column, line))

    def release_button(self, column: int, line: int) -> None:
        self.send(_mouse(0, column, line, end="m"))

    def point_at(self, column: int, line: int) -> None:
        """Move the mouse with no button held."""
        self.send(_mouse(35, column, line))

    def click(self, column: int, line: int, times: int = 1) -> None:
        """Click, or double click, where the mouse is moved to first."""
        self.point_at(column, line)
        for _ in range(times):
            self.press_button(column, line)
            self.release_button(column, line)

    @property
    def left_behind(self) -> list[str]:
        """What is still switched on of all that the program switched on; empty after a good end."""
        left = [name for name, mode in _SWITCHES.items() if self._is_on(mode)]
        if self.raw.rfind(b"\x1b[?25l") > self.raw.rfind(b"\x1b[?25h"):
            left.append("hidden cursor")
        if self.raw.count(b"\x1b[>1u") > self.raw.count(b"\x1b[<u"):
            left.append("kitty keys")
        if self.raw.count(b"\x1b[22;2t") > self.raw.count(b"\x1b[23;2t"):
            left.append("title")
        if self._slave >= 0 and termios.tcgetattr(self._slave) != self.modes_before:
            left.append("terminal modes")
        return left

    def _is_on(self, mode: str) -> bool:
        on, off = (self.raw.rfind(f"\x1b[?{mode}{end}".encode()) for end in "hl")
        return on > off

    # Inside

    def _set_size(self) -> None:
        size = struct.pack("HHHH", self._screen.lines, self._screen.columns, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def _read(self) -> None:
        while not self._closed:
            self._reading.wait()
            if not self._is_unread(within_s=0.02):
                continue
            time.sleep(0.003)  # what is written in a row is drawn at once
            try:
                data = os.read(self._master, 65_536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                return
            if not data:
                return
            time.sleep(self._pause_s)
            with self._changed:
                self.raw += data
                if self._looking:
                    self._unfed = _STRINGS.sub(b"", self._unfed + data)
                    begun = _BEGUN.search(self._unfed)
                    end = begun.start() if begun else len(self._unfed)
                    self._stream.feed(_readable(self._unfed[:end]))
                    self._unfed = self._unfed[end:]
                    self._lines = None
                self._changed.notify_all()


def _mouse(button: int, column: int, line: int, *, end: str = "M") -> str:
    """What a terminal sends for the mouse, as xterm's mode 1006 has it."""
    return f"\x1b[<{button};{column + 1};{line + 1}{end}"


def _readable(data: bytes) -> bytes:
    """What pyte understands: it takes the kitty keyboard's and other private `CSI > ...` for text."""
    for sequence in (b"\x1b[>1u", b"\x1b[<u", b"\x1b[>0q"):
        data = data.replace(sequence, b"")
    return data


def _take_terminal() -> None:
    """In the child: what stands at stdin becomes its controlling terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
