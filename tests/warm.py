"""Processes of taskdash that need not start Python first: each is forked from one that has imported the commands.

Run as a script it is that one. It answers an order with the number of the process and, once that has ended, with its
exit code. An order brings the descriptors of a file with the order in JSON and of the three standard streams.
"""

from __future__ import annotations

import atexit
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
import time
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

PACKAGES = ("domain", "config", "api", "store", "watch", "results", "cli")
"""What commands import sooner or later; the dashboard is none of it."""


class Warm:
    """The process that others are forked from, one after the other, for as long as this one lives."""

    _idle: ClassVar[list[Warm]] = []
    """Several where several threads of a test run commands."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        env = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "LANG", "LC_"))}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=env,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._end)

    @classmethod
    def take(cls) -> Warm:
        """Return one that has nothing to do."""
        return cls._idle.pop() if cls._idle else cls()

    def run(self, order: Mapping[str, Any], streams: Sequence[IO[bytes]], timeout_s: float) -> int:
        """Run a command line to its end and return its exit code, -n for signal n.

        Args:
            order: `arguments`, `cwd` and `env`.
            streams: for stdin, stdout and stderr.
            timeout_s: after so many seconds it is killed.

        Raises:
            subprocess.TimeoutExpired: it was.
        """
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(order).encode())
            file.seek(0)
            socket.send_fds(self._control, [b"!"], [each.fileno() for each in (file, *streams)])
        pid = int(self._control.recv(100))
        self._control.settimeout(timeout_s)
        try:
            code = int(self._control.recv(100))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(order["arguments"], timeout_s) from None
        self._control.settimeout(None)
        self._idle.append(self)
        return code

    def _end(self) -> None:
        self._control.close()
        self._process.wait()


def serve(control: socket.socket) -> None:
    """Fork a process for each order, until nobody is there to give any."""
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 4)
        if not descriptors:
            return
        pid = os.fork()
        if not pid:
            control.close()
            become(*descriptors)
        for each in descriptors:
            os.close(each)
        control.send(b"%d" % pid)
        control.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def become(order: int, *streams: int) -> NoReturn:
    """Be the process that was ordered, as if it had just been started."""
    with open(order, encoding="utf-8") as file:
        wanted = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    time.tzset()
    sys.argv = wanted["arguments"]
    from taskdash.__main__ import run

    run()


if __name__ == "__main__":
    sys.path.pop(0)
    gc.disable()
    for package in PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(f"taskdash.{package}").__path__):
            importlib.import_module(f"taskdash.{package}.{module.name}")
    importlib.import_module("httpx")
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
