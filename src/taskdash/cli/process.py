"""The process: how it begins, and how whatever ends it becomes an exit code.

click is imported for what it has to read: the dashboard opens quicker without it.
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
"""What counts of Textual's own variables. With others it would import modules, take screenshots, or write every key
press, pasted keys among them, to a file in the current folder.
"""
END_S: Final = 1.0
"""How long a command may take to end when its time is over or a signal came."""
LAST_ACTS: Final[list[Callable[[], None]]] = []
"""What is done where the process ends without waiting for its threads: none of it waits for anything."""
_OUTPUT_FAILED: Final = (errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EBADF)


def run() -> NoReturn:
    """Run the command line of this process and exit."""
    keep_all_files_private()
    for name in [name for name in os.environ if name.startswith("TEXTUAL") and name not in TEXTUAL_VARIABLES]:
        del os.environ[name]
    _open_closed_streams()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Who started us may want a signal ignored (nohup). Otherwise what is half done is cleaned up first.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end_by_signal)
    code = exit_code_of(sys.argv[1:])
    # Nothing is left to do. Python would take a tenth of a short command's time to take itself apart, and wait for
    # threads that still ask the network for an address.
    os._exit(code)


def exit_code_of(arguments: list[str]) -> int:
    """Run one command line; say what went wrong on stderr; return the exit code with all output written."""
    session = Session()
    speech.is_quiet = speech.has_document = False
    speech.wants_json = "--json" in takewhile("--".__ne__, arguments)
    SLOW_RECOVERY_TOLD_TO[:] = [session.tell_mishap]
    try:
        code = _exit_code_of(arguments, session)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads us had enough (`| head`).
        _discard_stdout()
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        # A crash must not print a traceback: that may show a key.
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
    """End this process, whatever its threads do."""
    for last_act in LAST_ACTS:
        last_act()
    os._exit(code)


def end_soon(code: int) -> None:
    """End this process in a second, unless it has ended by then."""
    timer = threading.Timer(END_S, end_now, [code])
    timer.daemon = True
    timer.start()


def _end_by_signal(number: int, _frame: FrameType | None) -> NoReturn:
    """End in good order, if that takes no longer than a second."""
    end_soon(128 + number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _open_closed_streams() -> None:
    """Put something harmless where a standard stream was closed: the store must not become number 1 or 2."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - it stays open to the end
    elif hasattr(sys.stdout, "reconfigure"):
        # A terminal that is not UTF-8 shows escapes instead of ending us.
        sys.stdout.reconfigure(errors="backslashreplace")


def _discard_stdout() -> None:
    """Send what is still unwritten nowhere: Python would complain once more when it flushes at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
