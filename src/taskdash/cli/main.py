"""The entry point: reads the command line, runs one command, and turns whatever ends it into an exit code."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

import click

from taskdash import __version__
from taskdash.cli.output import talk
from taskdash.cli.session import Session, common_options, pass_session
from taskdash.domain.errors import TaskdashError

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

COMMANDS: Final = {
    "add": "taskdash.cli.add:add",
    "list": "taskdash.cli.listing:list_tasks",
    "show": "taskdash.cli.listing:show",
    "check": "taskdash.cli.checking:check",
    "wait": "taskdash.cli.waiting:wait",
    "open": "taskdash.cli.results:open_result",
    "download": "taskdash.cli.results:download",
    "remove": "taskdash.cli.removing:remove",
    "export": "taskdash.cli.moving:export",
    "import": "taskdash.cli.moving:import_list",
    "config": "taskdash.cli.configuring:config",
    "demo-api": "taskdash.cli.serving:demo_api",
    "stats": "taskdash.cli.statistics:stats",
    "completion": "taskdash.cli.completion:completion",
}
"""Where each command is; only the one that runs is imported."""

TEXTUAL_VARIABLES: Final = (
    "TEXTUAL",
    "TEXTUAL_DEBUG",
    "TEXTUAL_LOG",
    "TEXTUAL_DEVTOOLS",
    "TEXTUAL_PRESS",
    "TEXTUAL_SCREENSHOT",
)
"""With these Textual would write every key press, pasted keys among them, to a file in the current folder."""

_OUTPUT_FAILED: Final = (errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EBADF)


class Commands(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every name, in the order of the documentation."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named first, or an error that says which one was meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"there is no command {args[0]!r}{_advice(args[0])}")
        return super().resolve_command(ctx, args)


def _advice(name: str) -> str:
    import difflib

    from taskdash.domain.id_forms import has_known_form

    near = difflib.get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.5)
    if near:
        return f": did you mean {near[0]}?"
    return ": to put an ID on the list, use taskdash add" if has_known_form(name) else ""


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: taskdash add 5064bd1a-025a-490b-b28f-6a9fa12eb88a && taskdash",
)
@click.version_option(__version__, message="taskdash %(version)s")
@click.option("--demo", is_flag=True, help="Look around on an embedded API: no key, no network.")
@common_options
@pass_session
def taskdash(session: Session, *, demo: bool) -> None:
    """Watch asynchronous image generation tasks in the terminal.

    Without a command the dashboard opens. taskdash only reads: it never creates, cancels or pays for a task.
    """
    if click.get_current_context().invoked_subcommand is None:
        if demo:
            from taskdash.cli.demo import open_demo

            raise SystemExit(open_demo())
        from taskdash.cli.dashboard import open_dashboard

        raise SystemExit(open_dashboard(session))
    if demo:
        raise click.UsageError("--demo opens the dashboard: it takes no command")


def run() -> NoReturn:
    """Run the command line of this process and exit."""
    os.umask(0o077)
    for name in TEXTUAL_VARIABLES:
        os.environ.pop(name, None)
    _open_closed_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Who started us may want a signal ignored (nohup). Otherwise what is half done is cleaned up first.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave_by_signal)
    code = exit_code_of(sys.argv[1:])
    if "threading" in sys.modules and sys.modules["threading"].active_count() > 1:
        sys.exit(code)
    # Nothing is left to do, and Python takes a tenth of a short command's time to take itself apart.
    os._exit(code)


def exit_code_of(arguments: list[str]) -> int:
    """Run one command line; say what went wrong on stderr; return the exit code with all output written."""
    session = Session()
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
        result = taskdash.main(arguments, prog_name="taskdash", standalone_mode=False, obj=session)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 0
    except click.ClickException as error:
        _complain(error, session)
        return error.exit_code
    except click.Abort:
        return 128 + signal.SIGINT
    except TaskdashError as error:
        talk(session.redacted(f"taskdash: {error}"))
        return error.exit_code
    return result if isinstance(result, int) else 0


def _complain(error: click.ClickException, session: Session) -> None:
    """Say in one line what was wrong with the command line, and in another where to read more."""
    message = error.format_message().rstrip(".")
    talk(session.redacted(f"taskdash: {message[:1].lower()}{message[1:]}"))
    context = getattr(error, "ctx", None)
    talk(f"try: {context.command_path if context else 'taskdash'} --help")


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
