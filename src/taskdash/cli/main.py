"""Runs the command line: the options of the program, and its commands, each of which is imported when called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final

import click

from taskdash import __version__
from taskdash.cli.options import Program, command
from taskdash.cli.output import print_error, print_json, talk
from taskdash.cli.process import COMPLETION_VARIABLE, Session
from taskdash.domain.untrusted import inert_line

COMMANDS: Final = {
    "add": "taskdash.cli.editing:add",
    "list": "taskdash.cli.listing:list_tasks",
    "show": "taskdash.cli.showing:show",
    "check": "taskdash.cli.waiting:check",
    "wait": "taskdash.cli.waiting:wait",
    "open": "taskdash.cli.showing:open_result",
    "download": "taskdash.cli.saving:download",
    "which": "taskdash.cli.showing:which",
    "pick": "taskdash.cli.editing:pick",
    "reject": "taskdash.cli.editing:reject",
    "sheet": "taskdash.cli.saving:sheet",
    "remove": "taskdash.cli.editing:remove",
    "label": "taskdash.cli.editing:label",
    "export": "taskdash.cli.moving:export",
    "import": "taskdash.cli.moving:import_list",
    "config": "taskdash.cli.configuring:config",
    "demo-api": "taskdash.cli.demo:demo_api",
    "status": "taskdash.cli.listing:status",
    "doctor": "taskdash.cli.doctor:doctor",
    "stats": "taskdash.cli.outcomes:stats",
    "failures": "taskdash.cli.outcomes:failures",
    "redo": "taskdash.cli.outcomes:redo",
    "completion": "taskdash.cli.describing:completion",
    "help": "taskdash.cli.main:help_on",
}
"""The module and object of each command, in the order of the documentation."""
ALIASES: Final = {"ls": "list", "rm": "remove"}
MAX_COMPLAINT_CHARS: Final = 1_000


def run_command(arguments: list[str], session: Session) -> int:
    """Run the command that a command line names; return its exit code."""
    if os.environ.get(COMPLETION_VARIABLE):
        importlib.import_module("taskdash.cli.describing")
        taskdash.main(arguments, prog_name="taskdash", obj=session)
    try:
        # Not by its `main`, which exits with 1 if the reader of the output has closed the pipe (`| head`).
        with taskdash.make_context("taskdash", [*arguments], obj=session) as root:
            result = taskdash.invoke(root)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except KeyboardInterrupt:
        # The prompt of the shell is to follow on a line of its own.
        click.echo(file=sys.stderr)
        raise
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.exceptions.NoArgsIsHelpError as error:
        # The message is the whole help of a command group: print it unchanged.
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        message = inert_line(error.format_message(), MAX_COMPLAINT_CHARS).rstrip(".")
        message = session.keys.redact_line(f"{message[:1].lower()}{message[1:]}")
        talk(f"taskdash: {message}")
        context = getattr(error, "ctx", None)
        next_step = f"try: {context.command_path if context else 'taskdash'} --help"
        talk(next_step)
        print_error("usage", message, next_step)
        return error.exit_code
    return result if isinstance(result, int) else 0


class Commands(Program, click.Group):
    """Finds the commands, each imported when it is looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return every name, in the order of the documentation."""
        return [*COMMANDS, *ALIASES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Return the command of that name or alias."""
        full_name = ALIASES.get(cmd_name, cmd_name)
        if full_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[full_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line on each command, and on each alias."""
        commands = ((name, self.get_command(ctx, name)) for name in COMMANDS)
        rows = [(name, command.get_short_help_str(formatter.width)) for name, command in commands if command]
        with formatter.section("Commands"):
            formatter.write_dl([*rows, *((short, f"Short for {name}.") for short, name in ALIASES.items())])


def _print_spec(context: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    if is_wanted and not context.resilient_parsing:
        print_json(importlib.import_module("taskdash.cli.describing").spec(context))
        context.exit()


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: taskdash add 5064bd1a-025a-490b-b28f-6a9fa12eb88a && taskdash",
)
@click.version_option(__version__, "-V", "--version", message="taskdash %(version)s")
@click.option("--demo", is_flag=True, help="Open the demo.")
@click.option(
    "--spec",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_spec,
    help="Print commands, options, codes and fields as JSON, for programs.",
)
@click.pass_context
def taskdash(context: click.Context, *, demo: bool) -> None:
    """Watch asynchronous image, video and sound tasks in the terminal.

    Without a command, the dashboard opens. taskdash only reads: it never creates, cancels or pays for a task.
    """
    session: Session = context.obj
    if context.invoked_subcommand is not None:
        if demo:
            raise click.UsageError("--demo takes no command")
        return
    if demo and session.options:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in session.options)
        raise click.UsageError(f"--demo uses a list and settings of its own: it takes no {names}")
    if demo:
        from taskdash.cli.demo import run_demo

        raise SystemExit(run_demo())
    from taskdash.cli.dashboard import open_dashboard

    raise SystemExit(open_dashboard(session))


@command("Show the help of a command.", example="taskdash help config init", name="help")
@click.argument("names", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def help_on(context: click.Context, *, names: tuple[str, ...]) -> None:
    """Show the help of a command, or of taskdash itself."""
    shown = context.find_root()
    for name in names:
        group = shown.command
        command = group.get_command(shown, name) if isinstance(group, click.Group) else None
        if command is None:
            raise click.UsageError(f"no such command {name!r}")
        shown = click.Context(command, info_name=name, parent=shown)
    click.echo(shown.command.get_help(shown))
