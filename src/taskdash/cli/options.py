"""Gives the commands what they share: click classes, types of options, groups of options, and completion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import click

from taskdash.cli.output import speech
from taskdash.config.settings import LOG_LEVELS
from taskdash.domain.errors import TaskdashError
from taskdash.domain.untrusted import inert_line
from taskdash.store.store import Store

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from taskdash.cli.process import Session

_UNITS_S: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SECONDS: Final = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_IN_UNITS: Final = r"(?=.)" + "".join(rf"(?:{_SECONDS}{unit})?" for unit in _UNITS_S)
F = TypeVar("F", bound=Callable[..., Any])
MAX_TIMEOUT_S: Final = 365 * 86_400
MAX_COMPLETIONS: Final = 200
COMPLETION_PATIENCE_S: Final = 0.5
"""How long to wait for a list that another program has locked, while the user's prompt hangs."""


def number(least: int, most: int) -> Callable[[str | int], int]:
    """Return an option type that parses a whole number in a range.

    Only digits are accepted: no sign, exponent, underscore or anything else that Python would.
    """

    def convert(written: str | int) -> int:
        text = str(written)
        if re.fullmatch(r"[0-9]{1,20}", text) and least <= (value := int(text)) <= most:
            return value
        raise click.BadParameter(f"{shown(text)} is not a whole number from {least:,} to {most:,}")

    return convert


def length_of_time(most_s: int) -> Callable[[str], float]:
    """Return an option type that parses seconds, or a duration such as 15m or 1h30m."""

    def convert(written: str | float) -> float:
        seconds = seconds_in(str(written))
        if seconds is not None and seconds <= most_s:
            return seconds
        raise click.BadParameter(
            f"{shown(str(written))} is not a duration from 0 to {most_s // _UNITS_S['d']}d: use seconds, or 15m, 2h"
        )

    return convert


def seconds_in(text: str) -> float | None:
    """Parse a duration, in seconds or in units such as `1m52s` and `2h`; return seconds, None if invalid."""
    if re.fullmatch(_SECONDS, text):
        return float(text)
    if not re.fullmatch(_IN_UNITS, text):
        return None
    return sum(float(count) * _UNITS_S[unit] for count, unit in re.findall(r"([0-9.]+)([dhms])", text))


def shown(text: str) -> str:
    """Return the user's input as errors quote it: inert, and cut to a readable length."""
    return repr(inert_line(text, 40))


def form_options(**helps: str) -> Callable[[F], F]:
    """Add a flag for each output form; at most one may be given, and is passed as the argument `form`."""

    def decorate(function: F) -> F:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the command takes
            forms = [name for name in helps if kwargs.pop(f"as_{name}")]
            if len(forms) > 1:
                raise click.UsageError(f"{' and '.join(f'--{name}' for name in forms)} cannot be combined")
            return function(*args, form=forms[0] if forms else None, **kwargs)

        for name, text in reversed(helps.items()):
            click.option(f"--{name}", f"as_{name}", is_flag=True, help=text)(call)
        return call  # type: ignore[return-value] # the wrapper stands for the function

    return decorate


class GlobalOption(click.Option):
    """Is taken by every command, but listed only in the help of the program itself."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return its entry in the help; None in the help of a command."""
        return super().get_help_record(ctx) if ctx.parent is None else None


class Program(click.Command):
    """Takes the global options beside its own; they may precede and follow the name of a command."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return all options and arguments, `--help` last."""
        *own, help_option = super().get_params(ctx)
        return [*own, *GLOBAL_OPTIONS, help_option]


class Command(Program):
    """Ends its help with a pointer to the global options."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example, and the pointer to the global options."""
        super().format_epilog(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text("Global options: see taskdash --help")


class CommandGroup(Command, click.Group):
    """Has subcommands."""


def command(
    short_help: str, *, example: str, name: str | None = None, group: click.Group | None = None
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function, named after the function by default; with `group`, one of its subcommands."""
    make = click.command if group is None else group.command
    return make(name, cls=Command, epilog=f"Example: {example}", short_help=short_help)


def selection_options(function: F) -> F:
    """Add the options that select tasks; they are passed as one argument, `selection`."""

    @click.option(
        "--filter",
        "filter_text",
        metavar="F",
        help="Only tasks that match this filter, as in the dashboard.",
    )
    @click.option(
        "--state",
        metavar="S",
        shell_complete=complete_states,
        help="Only new, waiting, success, fail or unfinished tasks.",
    )
    @click.option(
        "--label",
        "only_label",
        metavar="L",
        shell_complete=complete_labels,
        help="Only tasks with exactly this label.",
    )
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the command takes
        from taskdash.cli.selection import Selection

        given = [kwargs.pop(name) for name in ("filter_text", "state", "only_label")]
        return function(*args, selection=Selection(*given), **kwargs)

    return call  # type: ignore[return-value] # the wrapper stands for the function


def waiting_options(function: F) -> F:
    """Add the options that say how to wait for tasks."""
    click.option("--compact", is_flag=True, help="Show one line for all tasks, and list only failures.")(
        function
    )
    return click.option(
        "--timeout",
        "timeout_s",
        metavar="TIME",
        type=length_of_time(MAX_TIMEOUT_S),
        help="Time out after N seconds, or 15m, 2h (default: never).",
    )(function)


def _completing(
    column: Literal["task_id", "label"],
) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return a completion callback that reads that column of the list; it returns nothing, silently, on an error."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        session: Session = context.obj
        try:
            if not session.store_path.exists():
                return []
            with Store(session.store_path, busy_timeout_s=COMPLETION_PATIENCE_S, only_reads=True) as store:
                return store.documents.like(column, session.profile.name, incomplete, MAX_COMPLETIONS)
        except TaskdashError:
            return []

    return complete


complete_ids = _completing("task_id")
complete_labels = _completing("label")


def complete_states(_context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the states that start with `incomplete`."""
    from taskdash.domain.query import STATES

    return [name for name in STATES if name.startswith(incomplete)]


def complete_profiles(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the profiles in the config that start with `incomplete`; none, silently, on an error."""
    try:
        profiles = context.obj.settings.profiles
    except TaskdashError:
        return []
    return [name for name in profiles if name.startswith(incomplete)]


def complete_files(
    context: click.Context, parameter: click.Parameter, incomplete: str, kind: str = "file"
) -> list[CompletionItem]:
    """Leave files, or folders if `kind` is "dir", to the shell, which completes them best."""
    return click.Path(file_okay=kind == "file").shell_complete(context, parameter, incomplete)


def complete_words(names: Iterable[str]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return a completion callback for a fixed set of words."""
    return lambda _context, _parameter, incomplete: [name for name in names if name.startswith(incomplete)]


def _hush(_context: click.Context, _: click.Parameter, value: object) -> None:
    speech.is_quiet = speech.is_quiet or bool(value)


def _remember(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None and parameter.name is not None:
        context.obj.options[parameter.name] = value


_remembered = partial(GlobalOption, expose_value=False, callback=_remember)
_file = partial(_remembered, metavar="FILE", shell_complete=complete_files)
GLOBAL_OPTIONS: Final = (
    _remembered(["--profile"], metavar="P", shell_complete=complete_profiles, help="Profile to use."),
    _file(["--config"], help="Config file to use."),
    _file(["--store"], help="List file to use."),
    _remembered(
        ["--log-level"],
        metavar="LEVEL",
        type=click.Choice(LOG_LEVELS),
        help=f"How much to log: {', '.join(LOG_LEVELS)}.",
    ),
    GlobalOption(
        ["-q", "--quiet"],
        is_flag=True,
        expose_value=False,
        callback=_hush,
        help="Print only data and errors.",
    ),
)
"""The session stores all but `--quiet`."""
