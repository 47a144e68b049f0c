"""The command line as click knows it: its commands, its options, and what it says of wrong usage."""

from __future__ import annotations

import importlib
import os
import signal
from typing import TYPE_CHECKING, Final

import click

from taskdash import __version__
from taskdash.cli.options import common_options, pass_session
from taskdash.cli.output import talk
from taskdash.cli.session import COMPLETION_VARIABLE
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from taskdash.cli.session import Session

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
MAX_COMPLAINT_CHARS: Final = 1_000


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
            raise click.UsageError(f"there is no command {args[0]!r}{_advice(ctx, args[0])}")
        return super().resolve_command(ctx, args)


def _advice(context: click.Context, name: str) -> str:
    import difflib

    from taskdash.domain.id_forms import has_known_form

    near = difflib.get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.5)
    if near:
        return f": did you mean {near[0]}?"
    if not has_known_form(name):
        return ""
    return f": to put an ID on the list, use `{context.obj.line('add', name)}`"


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
            if session.options:
                names = ", ".join(f"--{name.replace('_', '-')}" for name in session.options)
                raise click.UsageError(f"--demo has a list and settings of its own: it takes no {names}")
            from taskdash.cli.demo import open_demo

            raise SystemExit(open_demo())
        from taskdash.cli.dashboard import open_dashboard

        raise SystemExit(open_dashboard(session))
    if demo:
        raise click.UsageError("--demo opens the dashboard: it takes no command")


def run_command(arguments: list[str], session: Session) -> int:
    """Run one command line; return its exit code.

    Raises:
        TaskdashError: it could not be done.
    """
    if COMPLETION_VARIABLE in os.environ:
        importlib.import_module("taskdash.cli.completion")
    try:
        result = taskdash.main(arguments, prog_name="taskdash", standalone_mode=False, obj=session)
    except click.exceptions.NoArgsIsHelpError as error:
        # Its message is the whole help of a group of commands, to be read as it is.
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        _complain(error, session)
        return error.exit_code
    except click.Abort:
        return 128 + signal.SIGINT
    return result if isinstance(result, int) else 0


def _complain(error: click.ClickException, session: Session) -> None:
    """Say in one line what was wrong with the command line, and in another where to read more."""
    message = inert_line(error.format_message(), MAX_COMPLAINT_CHARS).rstrip(".")
    talk(session.redacted(f"taskdash: {message[:1].lower()}{message[1:]}"))
    context = getattr(error, "ctx", None)
    talk(f"try: {context.command_path if context else 'taskdash'} --help")
