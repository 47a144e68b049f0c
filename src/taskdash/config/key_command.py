"""Runs the command that prints an API key, and trusts it neither with time nor with memory nor the screen."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final

from taskdash.config.private_files import users_umask
from taskdash.config.wording import without_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_OUTPUT_BYTES: Final = 65_536
# How long to wait for output after the command ended: a child that it left behind may hold the pipe for ever.
_GRACE_S: Final = 0.1


class KeyCommandError(Exception):
    """The command brought no key; the message completes "the command ..." and shows nothing of its stdout."""


def first_line_of(arguments: Sequence[str], environ: Mapping[str, str], timeout_s: float) -> str:
    """Run the command and return the first line of its standard output.

    It has no shell, no standard input and no terminal: a password prompt must not draw over the dashboard.

    Raises:
        KeyCommandError: it cannot be run, failed, took too long or printed nonsense.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command from the user's own config, without a shell
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            start_new_session=True,
            umask=users_umask(),
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it cannot be passed on"
        raise KeyCommandError(f"cannot be run: {reason}") from None
    with process:
        try:
            output, talk = _read_until_end(process, time.monotonic() + timeout_s)
        except BaseException as error:
            _kill_group(process)
            if isinstance(error, TimeoutError):
                raise KeyCommandError(f"took longer than {timeout_s:g} seconds") from None
            raise
    if process.returncode != 0:
        raise KeyCommandError(f"failed with {_ending(process.returncode)}{_said(talk, output)}")
    # Windows' own shells write UTF-16.
    is_wide = output.startswith((b"\xff\xfe", b"\xfe\xff"))
    line = output.decode("utf-16" if is_wide else "utf-8", "replace").split("\n", 1)[0]
    if not line.strip():
        raise KeyCommandError(f"printed an empty first line{_said(talk, output)}")
    return line


def _read_until_end(process: subprocess.Popen[bytes], deadline_s: float) -> tuple[bytes, bytes]:
    """Read both outputs until the command has ended.

    Raises:
        TimeoutError: it has not by `deadline_s`, on the monotonic clock.
        KeyCommandError: it does not stop printing.
    """
    output, talk = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for pipe, text in ((process.stdout, output), (process.stderr, talk)):
            assert pipe is not None  # noqa: S101 - both are pipes, which the type of Popen cannot say
            selector.register(pipe, selectors.EVENT_READ, text)
        while selector.get_map():
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                raise TimeoutError
            ready = selector.select(min(_GRACE_S, remaining_s))
            if not ready and process.poll() is not None:
                break
            for key, _ in ready:
                if not (chunk := os.read(key.fd, MAX_OUTPUT_BYTES)):
                    selector.unregister(key.fileobj)
                key.data.extend(chunk)
                if len(key.data) > MAX_OUTPUT_BYTES:
                    raise KeyCommandError(f"printed more than {MAX_OUTPUT_BYTES // 1024} KiB")
    try:
        process.wait(max(0.0, deadline_s - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return bytes(output), bytes(talk)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the command and what it started; it leads a process group of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _ending(return_code: int) -> str:
    return f"signal {-return_code}" if return_code < 0 else f"exit code {return_code}"


def _said(talk: bytes, output: bytes) -> str:
    """The last line of stderr, without any word that stdout has: it may be the key."""
    lines = [line for line in talk.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return ""
    said = lines[-1]
    for word in sorted(set(output.decode("utf-8", "replace").split()), key=len, reverse=True):
        if len(word) >= 4:
            said = said.replace(word, "***")
    return f' and said "{without_keys(said, 200)}"'
