"""One run of a command of the user's: away from our terminal, with a limit on its time and on what it may print.

It gets a session of its own, so that nothing it does, or the terminal's keys, reach the other. What it prints is read
as it comes, and thrown away beyond a limit: a command that prints without end neither fills the memory nor blocks.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

from taskdash.config.private_files import users_umask
from taskdash.domain.values import value

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

MAX_OUTPUT_BYTES: Final = 16_384
POLL_S: Final = 0.05
TERM_GRACE_S: Final = 2.0
"""So long a command may take to end when asked to, before it is killed."""
STOP_GRACE_S: Final = 0.5
"""The same where taskdash itself is ending, and nobody is to wait for it."""
_READ_BYTES: Final = 65_536


@value(frozen=True, slots=True)
class Ran:
    """How a run came out."""

    fault: str = ""
    """What went wrong, in a few words that follow the command's name; empty where nothing did."""
    output: str = ""
    """The beginning of what it printed, stderr as well."""
    started: bool = True


def run_command(
    arguments: Sequence[str],
    data: bytes,
    environ: Mapping[str, str],
    *,
    limit_s: float,
    stop: threading.Event,
) -> Ran:
    """Run a command to its end; no shell reads its arguments.

    Args:
        arguments: The program, where `~` is the home, and its arguments.
        data: What it finds on its standard input; it need not read it.
        environ: Its whole environment.
        limit_s: Then it is ended, with all that it started and that stayed in its session.
        stop: Ends it before that, when set from another thread.
    """
    program = os.path.expanduser(arguments[0])  # noqa: PTH111 - a bare name must stay one, to be found on the PATH
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, from the user's own config
            [program, *arguments[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            start_new_session=True,
            umask=users_umask(),
            bufsize=0,
        )
    except FileNotFoundError:
        return Ran("was not found", started=False)
    except (OSError, ValueError) as error:
        return Ran(f"cannot be run ({getattr(error, 'strerror', None) or error})", started=False)
    assert process.stdin is not None  # noqa: S101 - it was asked for
    assert process.stdout is not None  # noqa: S101 - as above
    output = bytearray()
    try:
        fault = _converse(process, data, output, time.monotonic() + limit_s, stop)
        if fault:
            _end(process, STOP_GRACE_S if stop.is_set() else TERM_GRACE_S)
    finally:
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe.close()
    return Ran(fault or _fault_of(process.wait()), output.decode("utf-8", "replace"))


def _fault_of(code: int) -> str:
    if code < 0:
        return f"was ended by signal {-code}"
    return f"failed (exit {code})" if code else ""


def _converse(
    process: subprocess.Popen[bytes], data: bytes, output: bytearray, until_s: float, stop: threading.Event
) -> str:
    """Feed and read until the process ends; return why it has to be ended, or "" where it ended by itself."""
    rest = memoryview(data)
    with selectors.DefaultSelector() as selector:
        for pipe, event in ((process.stdin, selectors.EVENT_WRITE), (process.stdout, selectors.EVENT_READ)):
            assert pipe is not None  # noqa: S101 - see above
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, event)
        while process.poll() is None:
            if stop.is_set():
                return "was ended together with taskdash"
            if time.monotonic() >= until_s:
                return "took too long and was ended"
            ready = [key.fileobj for key, _ in selector.select(POLL_S)]
            if process.stdout in ready and not _read(process.stdout, output):
                selector.unregister(process.stdout)
            if process.stdin in ready:
                rest = _write(process.stdin, rest)
                if not rest:
                    selector.unregister(process.stdin)
                    process.stdin.close()
            if not selector.get_map():
                # Nothing left to hear of: only its end.
                stop.wait(POLL_S)
            elif len(output) >= MAX_OUTPUT_BYTES:
                # It is let write on, but not to keep a processor busy with throwing that away.
                stop.wait(POLL_S)
    _read_rest(process.stdout, output)
    return ""


def _write(pipe: IO[bytes], rest: memoryview) -> memoryview:
    """What is still to be written; nothing where nobody reads it any more."""
    try:
        return rest[os.write(pipe.fileno(), rest[:_READ_BYTES]) :]
    except BlockingIOError:
        return rest
    except OSError:
        return rest[:0]


def _read(pipe: IO[bytes], output: bytearray) -> bool:
    """Read what is there; return whether more may come."""
    try:
        data = os.read(pipe.fileno(), _READ_BYTES)
    except BlockingIOError:
        return True
    except OSError:
        return False
    output += data[: max(0, MAX_OUTPUT_BYTES - len(output))]
    return bool(data)


def _read_rest(pipe: IO[bytes] | None, output: bytearray) -> None:
    """What the pipe still holds. What it left in the background may keep it open, and is not waited for."""
    if pipe is None or pipe.closed:
        return
    before = -1
    while before < len(output) < MAX_OUTPUT_BYTES:
        before = len(output)
        if not _read(pipe, output):
            return


def _end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """End the process and all of its group: politely, then not."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace_s)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
