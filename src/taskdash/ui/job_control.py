"""This process as a job of a shell: stopped by Ctrl+Z, continued by `fg`, started in the background by `&`."""

from __future__ import annotations

import os
import signal
import sys
import termios
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def has_job_control() -> bool:
    """Return whether a shell runs this process as a job in its terminal: nobody continues one that stops elsewhere."""
    shell = os.getsid(0)
    if shell == 1:
        # The init of a container gives a program a group of its own as well, but does not see that it stops. A shell
        # ignores the signal, so as not to stop itself.
        ignored = Path("/proc/1/status").read_text().partition("SigIgn:")[2].split()[0]
        return bool(int(ignored, 16) >> (signal.SIGTSTP - 1) & 1)
    return shell != os.getpgrp()


@contextmanager
def default_job_signals() -> Iterator[None]:
    """Leave it to the system in the block to stop and to continue this process."""
    numbers = (signal.SIGTSTP, signal.SIGCONT, signal.SIGTTOU)
    before = [(number, signal.signal(number, signal.SIG_DFL)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def stop_job() -> None:
    """Stop this job as Ctrl+Z stops any other; return when it is continued.

    All of it: a shell does not see that a program is stopped which another one, such as `sudo`, runs for it.
    """
    with default_job_signals():
        os.killpg(0, signal.SIGTSTP)


def is_in_foreground() -> bool:
    """Return whether this job may use its terminal.

    Raises:
        OSError: the terminal is gone.
    """
    assert sys.__stdin__ is not None  # noqa: S101 - asked before the dashboard is opened
    return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp()


def wait_for_foreground() -> None:
    """Return once this job may use its terminal: the system stops one in the background that sets its modes.

    Raises:
        termios.error: no shell can bring this job to the foreground.
    """
    assert sys.__stdin__ is not None  # noqa: S101 - asked before the dashboard is opened
    with default_job_signals():
        termios.tcsetattr(sys.__stdin__, termios.TCSANOW, termios.tcgetattr(sys.__stdin__))
