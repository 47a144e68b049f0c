"""Processes of taskdash that need not start Python first: each is forked from one that has imported the program.

Run as a script it is that one. It answers an order with the number of the process and, once that has ended, with its
exit code. An order brings the descriptors of a file with the order in JSON and of the three standard streams.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, Self, TextIO

PACKAGES = ("domain", "config", "api", "store", "watch", "results", "cli", "ui", "ui.screens", "ui.widgets")
_SET_BY_THE_PROGRAM = {"TEXTUAL_FPS": "240"}
"""What it sets before it imports the dashboard."""


class Forked:
    """A process of taskdash, to be handled as a `subprocess.Popen`."""

    def __init__(
        self,
        line: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        streams: Sequence[int],
        has_terminal: bool = False,
        first: str = "",
    ) -> None:
        """Start it.

        Args:
            line: its command line.
            cwd: its current folder.
            env: its environment; what counts when Python starts has no effect.
            streams: descriptors for stdin, stdout and stderr.
            has_terminal: stdin is to be its controlling terminal.
            first: Python that it runs before; what it changes in a module is changed for all that look there.
        """
        self._line = line
        self._server = _idle.pop() if _idle else _Server()
        self.returncode: int | None = None
        order = {
            "line": line,
            "cwd": str(cwd),
            "env": dict(env),
            "has_terminal": has_terminal,
            "first": first,
        }
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(order).encode())
            file.seek(0)
            socket.send_fds(self._server.control, [b"!"], [file.fileno(), *streams])
        self.pid = _received(self._server.control)

    def poll(self) -> int | None:
        """Return the exit code, -n for signal n; None while it runs."""
        return self._ended(0)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end; return the exit code.

        Raises:
            subprocess.TimeoutExpired: it did not end in time.
        """
        if (code := self._ended(timeout_s)) is None:
            raise subprocess.TimeoutExpired(self._line, timeout_s)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
        self.wait(10)

    def _ended(self, timeout_s: float) -> int | None:
        if self.returncode is None:
            self._server.control.settimeout(timeout_s)
            try:
                self.returncode = _received(self._server.control)
            except (BlockingIOError, TimeoutError):
                return None
            self._server.control.settimeout(None)
            _idle.append(self._server)
        return self.returncode


class Piped(Forked):
    """A forked process that is given its stdin, and has pipes for stdout and stderr."""

    def __init__(
        self, line: Sequence[str], *, cwd: Path, env: Mapping[str, str], first: str = "", stdin: str = ""
    ) -> None:
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        with tempfile.TemporaryFile() as given:
            given.write(stdin.encode())
            given.seek(0)
            streams = [given.fileno(), out_end, err_end]
            super().__init__(line, cwd=cwd, env=env, streams=streams, first=first)
        for end in (out_end, err_end):
            os.close(end)
        self.stdout, self.stderr = os.fdopen(out, encoding="utf-8"), os.fdopen(err, encoding="utf-8")

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """Wait for its end; return what is left to be read of stdout and stderr.

        Raises:
            subprocess.TimeoutExpired: it did not end in time.
        """
        readers = ThreadPoolExecutor(2)
        rests = [readers.submit(_rest, stream) for stream in (self.stdout, self.stderr)]
        try:
            self.wait(timeout)
            out, err = (rest.result(timeout) for rest in rests)
        finally:
            readers.shutdown(wait=False)
        return out, err

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait(60)
        self.stdout.close()
        self.stderr.close()


def _rest(stream: TextIO) -> str:
    """Return what is left to be read of a stream, which is closed then."""
    if stream.closed:
        return ""
    with stream:
        return stream.read()


class _Server:
    """The process that others are forked from, one after the other, as long as this one lives."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(_first(), [b"!"], [theirs.fileno()])


@cache
def _first() -> socket.socket:
    """Start the process that imports the program, from which the servers are forked; return the way to it."""
    control, theirs = socket.socketpair()
    env = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "LANG", "LC_"))}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=env | _SET_BY_THE_PROGRAM,
            pass_fds=[theirs.fileno()],
        )

    def end() -> None:
        control.close()
        process.wait()

    atexit.register(end)
    return control


_idle: list[_Server] = []


def _send(control: socket.socket, number: int) -> None:
    control.sendall(number.to_bytes(4, "big", signed=True))


def _received(control: socket.socket) -> int:
    # Two of them may have come together.
    data = control.recv(4)
    assert len(data) == 4, "the process that others are forked from has ended"
    return int.from_bytes(data, "big", signed=True)


def _fork_servers(control: socket.socket) -> None:
    """Fork a server for each order, until nobody is there to give any."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        if not os.fork():
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(socket.socket(fileno=descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])


def _serve(control: socket.socket) -> None:
    """Fork a process for each order, until nobody is there to give any."""
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 4)
        if not descriptors:
            return
        pid = os.fork()
        if not pid:
            control.close()
            _become(*descriptors)
        for each in descriptors:
            os.close(each)
        _send(control, pid)
        _send(control, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _become(order: int, *streams: int) -> NoReturn:
    """Be the process that was ordered, as if it had just been started."""
    with open(order, encoding="utf-8") as file:
        wanted: dict[str, Any] = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # What they are is looked at when they are opened: a file, a pipe or a terminal.
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(  # type: ignore[misc]  # noqa: SIM115
        2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
    if wanted["has_terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    time.tzset()
    sys.argv = wanted["line"]
    from taskdash.__main__ import run

    exec(wanted["first"], {})  # noqa: S102 - a test's own
    run()


def import_program() -> None:
    """Import all that a process of taskdash may need."""
    gc.disable()
    for package in PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(f"taskdash.{package}").__path__):
            importlib.import_module(f"taskdash.{package}.{module.name}")
    importlib.import_module("httpx")
    gc.freeze()


if __name__ == "__main__":
    sys.path.pop(0)
    import_program()
    _fork_servers(socket.socket(fileno=int(sys.argv[1])))
