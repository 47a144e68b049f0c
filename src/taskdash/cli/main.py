"""The entry point: reads the command line, runs one command, and turns whatever ends it into an exit code.

The dashboard alone is opened without click, which would take a tenth of the time to its first frame.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from taskdash.cli.output import talk
from taskdash.cli.session import COMPLETION_VARIABLE, Session
from taskdash.config.locations import keep_all_files_private
from taskdash.config.settings import LOG_LEVELS
from taskdash.domain.errors import TaskdashError
from taskdash.store.store_file import SLOW_RECOVERY_TOLD_TO

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

TEXTUAL_VARIABLES: Final = ("TEXTUAL_ANIMATIONS", "TEXTUAL_COLOR_SYSTEM", "TEXTUAL_FPS")
"""What counts of Textual's own variables. With others it would import modules, take screenshots, or write every key
press, pasted keys among them, to a file in the current folder.
"""

OPTIONS: Final = {
    "--profile": "profile",
    "--config": "config",
    "--store": "store",
    "--log-level": "log_level",
}
"""What may be given without a command and still opens the dashboard, each with a value."""

_OUTPUT_FAILED: Final = (errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EBADF)


def run() -> NoReturn:
    """Run the command line of this process and exit."""
    keep_all_files_private()
    for name in [name for name in os.environ if name.startswith("TEXTUAL") and name not in TEXTUAL_VARIABLES]:
        del os.environ[name]
    _open_closed_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Who started us may want a signal ignored (nohup). Otherwise what is half done is cleaned up first.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave_by_signal)
    code = exit_code_of(sys.argv[1:])
    # Nothing is left to do. Python would take a tenth of a short command's time to take itself apart, and wait for
    # threads that still ask the network for an address.
    os._exit(code)


def exit_code_of(arguments: list[str]) -> int:
    """Run one command line; say what went wrong on stderr; return the exit code with all output written."""
    session = Session()
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
        from taskdash.cli.crash import report_crash

        talk(session.redacted(f"taskdash: {report_crash(error, session)}"))
        return 1
    return code


def _exit_code_of(arguments: list[str], session: Session) -> int:
    try:
        options = None if COMPLETION_VARIABLE in os.environ else dashboard_options(arguments)
        if options is None:
            from taskdash.cli.commands import run_command
            from taskdash.cli.ending import end_on_signals

            end_on_signals()
            # Who waits for tasks may do so for days.
            gc.enable()
            return run_command(arguments, session)
        from taskdash.cli.dashboard import open_dashboard

        session.options.update(options)
        return open_dashboard(session)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 0
    except TaskdashError as error:
        for line in f"taskdash: {error}".split("\n"):
            talk(session.redacted(line))
        return error.exit_code


def dashboard_options(arguments: list[str]) -> dict[str, str] | None:
    """The options of a line that plainly asks for the dashboard; None for every other, click understands those."""
    names, values = arguments[::2], arguments[1::2]
    if len(names) != len(values) or not all(name in OPTIONS for name in names):
        return None
    # The later one wins, as with click.
    options = {OPTIONS[name]: value for name, value in zip(names, values, strict=True)}
    if any(value.startswith("-") for value in values) or options.get("log_level", "info") not in LOG_LEVELS:
        return None
    return options


def _leave_by_signal(number: int, _frame: FrameType | None) -> NoReturn:
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
