"""Sets up the process and its session, runs the command line, and turns every way of ending into an exit code.

click is imported only if there are arguments to parse: the dashboard opens faster without it.
"""

from __future__ import annotations

import errno
import os
import shlex
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from taskdash.cli.output import complain, print_error, speech, talk
from taskdash.config.files import config_path, keep_all_files_private, store_path, tightened
from taskdash.config.keys import find_key, keyless_environ, keys_in, known_keys
from taskdash.config.load import load_settings
from taskdash.domain.errors import TaskdashError, UsageError
from taskdash.domain.secret import KnownKeys
from taskdash.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn

    from taskdash.config.profile import Profile
    from taskdash.config.settings import Settings
    from taskdash.domain.secret import Secret
    from taskdash.wiring import Wiring

COMPLETION_VARIABLE: Final = "_TASKDASH_COMPLETE"
"""Set by a shell that asks for completions: then click answers, whatever the arguments, with `cli.describing`."""
PATIENCE_S: Final = 10.0
"""How long a command waits for a list that another program has locked."""

TEXTUAL_VARIABLES: Final = ("TEXTUAL_ANIMATIONS", "TEXTUAL_COLOR_SYSTEM", "TEXTUAL_FPS")
"""The Textual variables that are kept. With others, it would import modules, take screenshots, or write every key
press, pasted API keys included, to a file in the current folder.
"""
END_S: Final = 1.0
"""How long a command may take to shut down after a time-out or a signal."""
LAST_ACTS: Final[list[Callable[[], None]]] = []
"""Callbacks for an exit that does not wait for threads; none of them may block."""
_OUTPUT_FAILED: Final = (errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EBADF)


class Session:
    """Gives one run of the command line its settings, keys and store, each loaded on first use.

    `options` may be given before and after the command; the later one wins.
    """

    def __init__(self) -> None:
        self.options: dict[str, str | None] = {}
        self.environ = os.environ

    @cached_property
    def settings(self) -> Settings:
        """Return the settings in force."""
        settings = load_settings(
            self.option_path("config"),
            self.environ,
            profile=self.options.get("profile"),
            log_level=self.options.get("log_level"),
        )
        if settings.config_file and any(profile.api_key for profile in settings.profiles.values()):
            # Anyone who can write to the folder can replace the config. On a read-only disk, nobody can.
            with suppress(OSError):
                if said := tightened(settings.config_file.parent):
                    self.tell_mishap(said)
        return settings

    @property
    def config_path(self) -> Path:
        """Return the path of the config file, which may not exist."""
        return config_path(self.option_path("config"), self.environ)[0]

    @property
    def profile(self) -> Profile:
        """Return the profile in use."""
        return self.settings.in_use

    @cached_property
    def store_path(self) -> Path:
        """Return the path of the list."""
        return store_path(self.option_path("store"), self.environ)

    def open_store(self, patience_s: float = PATIENCE_S, *, only_reads: bool = False) -> Store:
        """Open the store, for a `with` block; `patience_s`: how long to wait while another program has it locked.

        A command that only reads does not wait for a stopped process: it gets a copy of the list.
        """
        patience_s = min(patience_s, PATIENCE_S)
        return Store(
            self.store_path, busy_timeout_s=patience_s, on_mishap=self.tell_mishap, only_reads=only_reads
        )

    def tell_mishap(self, line: str) -> None:
        """Report a problem with a file, and its repair."""
        talk(f"taskdash: {line}")

    @cached_property
    def keys(self) -> KnownKeys:
        """Return all known API keys, from whatever source."""
        keys = KnownKeys(keys_in(self.environ))
        # The settings may be invalid in any way, which must not keep another error from being reported.
        with suppress(Exception):
            keys.add(*known_keys(self.settings, self.environ))
        return keys

    @property
    def wiring(self) -> Wiring:
        """Return what opens the services of the profile in use."""
        from taskdash.wiring import Wiring

        return Wiring(self.settings, self.environ, self.store_path, self.keys)

    def find_key(self) -> Secret:
        """Find the key of the profile in use; without one that can be sent, raise `KeyMissingError`."""
        key = find_key(self.profile, self.environ).secret
        self.keys.add(key)
        return key

    def keyless_environ(self) -> dict[str, str]:
        """Return the environment without API keys, for other programs."""
        return keyless_environ(self.settings, self.environ, self.keys)

    def now_ms(self) -> int:
        """Return the time, in Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def line(self, command: str, *words: str) -> str:
        """Return a shell line for another command, with the list, config and profile of this one."""
        line = ["taskdash"]
        for name, value in self.options.items():
            line += [f"--{name}", value] if value is not None and name != "log_level" else []
        end = ["--"] if any(word.startswith("-") for word in words) else []
        return shlex.join([*line, *command.split(), *end, *words])

    def option_path(self, name: str) -> Path | None:
        """Return the path that an option names; None if it is not given."""
        value = self.options.get(name)
        if value == "":
            # As a path it would be the current folder.
            raise UsageError(f"--{name}: a file name cannot be empty")
        return None if value is None else Path(value)


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

        said = session.keys.redact_line(report_crash(error, session))
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
            complain(session.keys.redact_line(line))
        print_error(error.code, session.keys.redact_line(str(error)), error.next_step)
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
