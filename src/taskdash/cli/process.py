"""Sets up the process, runs the command line, and turns every way of ending into an exit code.

click is imported only if there are arguments to parse: the dashboard opens faster without it.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from taskdash.cli.output import complain, print_error, speech, talk
from taskdash.cli.session import COMPLETION_VARIABLE, Session
from taskdash.config.locations import keep_all_files_private
from taskdash.domain.errors import TaskdashError
from taskdash.store.store_file import SLOW_RECOVERY_TOLD_TO

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn

TEXTUAL_VARIABLES: Final = ("TEXTUAL_ANIMATIONS", "TEXTUAL_COLOR_SYSTEM", "TEXTUAL_FPS")
"""The Textual variables that are kept. With others, it would import modules, take screenshots, or write every key
press, pasted API keys included, to a file in the current folder.
"""
END_S: Final = 1.0
"""How long a command may take to shut down after a time-out or a signal."""
LAST_ACTS: Final[list[Callable[[], None]]] = []
"""Callbacks for an exit that does not wait for threads; none of them may block."""
_OUTPUT_FAILED: Final = (errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EBADF)


def run() -> NoReturn:
    """Run the command line of this process and exit."""
    keep_all_files_private()
    for name in [name for name in os.environ if name.startswith("TEXTUAL") and name not in TEXTUAL_VARIABLES]:
        del os.environ[name]
    _open_closed_streams()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The parent may want a signal ignored (nohup). Otherwise, unfinished work is cleaned up first.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end_by_signal)
    code = exit_code_of(sys.argv[1:])
    # Nothing is left to do. Python's own shutdown would take a tenth of a short command's time, and wait for threads
    # that are still resolving a host name.
    os._exit(code)


def exit_code_of(arguments: list[str]) -> int:
    """Run one command line, with errors on stderr; return the exit code once all output is written."""
    session = Session()
    speech.is_quiet = speech.has_document = False
    speech.wants_json = "--json" in takewhile("--".__ne__, arguments)
    SLOW_RECOVERY_TOLD_TO[:] = [session.tell_mishap]
    try:
        code = _exit_code_of(arguments, session)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed the pipe (`| head`).
        _discard_stdout()
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        # A crash must not print a traceback, which may contain a key.
        if isinstance(error, OSError) and error.filename is None and error.errno in _OUTPUT_FAILED:
            _discard_stdout()
            talk(f"taskdash: the output cannot be written ({error.strerror})")
            return 1
        from taskdash.cli.log import report_crash

        said = session.redacted(report_crash(error, session))
        talk(f"taskdash: {said}")
        with suppress(OSError):
            print_error("crash", said, "Report it, and attach the log.")
            sys.stdout.flush()
        return 1
    return code


def _exit_code_of(arguments: list[str], session: Session) -> int:
    try:
        if not arguments and COMPLETION_VARIABLE not in os.environ:
            from taskdash.cli.dashboard import open_dashboard

            return open_dashboard(session)
        from taskdash.cli.main import run_command

        return run_command(arguments, session)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 0
    except TaskdashError as error:
        for line in f"taskdash: {error}".split("\n"):
            complain(session.redacted(line))
        print_error(error.code, session.redacted(str(error)), error.next_step)
        return error.exit_code


def end_now(code: int) -> NoReturn:
    """Exit at once, whatever the threads are doing."""
    for last_act in LAST_ACTS:
        last_act()
    os._exit(code)


def end_soon(code: int) -> None:
    """Exit in a second, if the process is still running then."""
    timer = threading.Timer(END_S, end_now, [code])
    timer.daemon = True
    timer.start()


def _end_by_signal(number: int, _frame: FrameType | None) -> NoReturn:
    """Shut down in order, or by force after a second."""
    end_soon(128 + number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _open_closed_streams() -> None:
    """Open /dev/null for closed standard streams, so that the store does not get descriptor 1 or 2."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - it stays open to the end
    elif hasattr(sys.stdout, "reconfigure"):
        # A terminal that is not UTF-8 shows escapes, instead of raising an error.
        sys.stdout.reconfigure(errors="backslashreplace")


def _discard_stdout() -> None:
    """Discard unwritten output: the next flush would raise the error again."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
