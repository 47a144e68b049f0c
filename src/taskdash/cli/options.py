"""What commands have in common for click: the options that all of them take, and completion of IDs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import update_wrapper
from signal import SIGPIPE
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from taskdash.cli.session import Session
from taskdash.config.settings import LOG_LEVELS
from taskdash.domain.untrusted import inert_line

F = TypeVar("F", bound=Callable[..., Any])
MAX_COMPLETIONS: Final = 200
COMPLETION_PATIENCE_S: Final = 0.5
"""How long a list that another program has locked is waited for, with the user's line standing still."""


def number(least: int, most: int, *, is_whole: bool = True) -> Callable[[str | int], int | float]:
    """Return what reads a number in a range, as the type of an option.

    It is written in digits: no sign, no exponent, and none of what else Python reads as a number.
    """
    pattern = re.compile(r"[0-9]{1,20}" if is_whole else r"[0-9]{1,20}(\.[0-9]{1,20})?")
    read: Callable[[str], int | float] = int if is_whole else float

    def convert(written: str | int) -> int | float:
        text = str(written)
        if pattern.fullmatch(text) and least <= (value := read(text)) <= most:
            return value
        noun = "a whole number" if is_whole else "a number"
        raise click.BadParameter(f"{shown(text)} is not {noun} from {least:,} to {most:,}")

    return convert


def shown(text: str) -> str:
    """Return what the user typed as an error repeats it: inert, and no more of it than one can read."""
    return repr(inert_line(text, 40))


def form_options(**helps: str) -> Callable[[F], F]:
    """Add a flag for each form that a command prints; together they are one argument, `form`, of which there is one.

    Args:
        helps: what is said of each, by its name.
    """

    def decorate(function: F) -> F:
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the command takes
            forms = [name for name in helps if kwargs.pop(f"as_{name}")]
            if len(forms) > 1:
                raise click.UsageError(
                    f"{' and '.join(f'--{name}' for name in forms)} exclude each other: give one"
                )
            return function(*args, form=forms[0] if forms else None, **kwargs)

        wrapped = update_wrapper(call, function)
        for name, text in reversed(helps.items()):
            wrapped = click.option(f"--{name}", f"as_{name}", is_flag=True, help=text)(wrapped)
        return wrapped  # type: ignore[return-value] # the wrapper stands for the function

    return decorate


def _remember(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None and parameter.name is not None:
        context.ensure_object(Session).options[parameter.name] = value


def common_options(function: F) -> F:
    """The options that every command takes, and that stand before it as well."""
    for option in (
        click.option(
            "--log-level",
            type=click.Choice(LOG_LEVELS),
            expose_value=False,
            callback=_remember,
            help="How much to log.",
        ),
        click.option(
            "--store",
            metavar="FILE",
            expose_value=False,
            callback=_remember,
            shell_complete=complete_files,
            help="Use another list.",
        ),
        click.option(
            "--config",
            metavar="FILE",
            expose_value=False,
            callback=_remember,
            shell_complete=complete_files,
            help="Use another config.",
        ),
        click.option(
            "--profile",
            metavar="P",
            expose_value=False,
            callback=_remember,
            shell_complete=complete_profiles,
            help="Use another gateway.",
        ),
    ):
        function = option(function)
    return function


def pass_session(function: F) -> F:
    """Hand the session to a command as its first argument."""

    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the command takes
        session = click.get_current_context().ensure_object(Session)
        try:
            return function(session, *args, **kwargs)
        except BrokenPipeError:
            # Who reads us had enough (`| head`). click would make an error of it.
            raise SystemExit(128 + SIGPIPE) from None

    return update_wrapper(call, function)  # type: ignore[return-value] # the wrapper stands for the function


def complete_ids(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the IDs of the list that start with what is typed. It never fails, and never speaks."""
    from taskdash.domain.errors import TaskdashError
    from taskdash.store.store import Store

    del parameter
    session = context.ensure_object(Session)
    try:
        if not session.store_path.exists():
            return []
        with Store(session.store_path, busy_timeout_s=COMPLETION_PATIENCE_S) as store:
            return store.documents.ids_like(session.profile.name, incomplete, MAX_COMPLETIONS)
    except TaskdashError:
        return []


def complete_profiles(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the profiles of the config that start with what is typed. It never fails, and never speaks."""
    from taskdash.config.load import load_settings
    from taskdash.domain.errors import TaskdashError

    del parameter
    session = context.ensure_object(Session)
    try:
        settings = load_settings(session.option_path("config"), session.environ)
    except TaskdashError:
        return []
    return [name for name in settings.profiles if name.startswith(incomplete)]


def complete_files(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Leave it to the shell, which knows files best."""
    del context, parameter
    return [CompletionItem(incomplete, type="file")]


def complete_folders(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Leave it to the shell."""
    del context, parameter
    return [CompletionItem(incomplete, type="dir")]


def complete_words(names: Iterable[str]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return what completes one of some words."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        del context, parameter
        return [name for name in names if name.startswith(incomplete)]

    return complete
