"""What commands have in common for click: the options that all of them take, and completion of IDs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from taskdash.config.load import load_settings
from taskdash.config.settings import LOG_LEVELS
from taskdash.domain.errors import TaskdashError
from taskdash.domain.untrusted import inert_line
from taskdash.store.store import Store

if TYPE_CHECKING:
    from taskdash.cli.session import Session

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


def common_options(function: F) -> F:
    """Add the options that every command takes, and that stand before it as well; the session keeps them."""

    def remember(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is not None and parameter.name is not None:
            context.obj.options[parameter.name] = value

    options: tuple[tuple[str, dict[str, Any]], ...] = (
        ("--log-level", {"type": click.Choice(LOG_LEVELS), "help": "How much to log."}),
        ("--store", {"metavar": "FILE", "shell_complete": complete_files, "help": "Use another list."}),
        ("--config", {"metavar": "FILE", "shell_complete": complete_files, "help": "Use another config."}),
        ("--profile", {"metavar": "P", "shell_complete": complete_profiles, "help": "Use another gateway."}),
    )
    for name, more in options:
        function = click.option(name, expose_value=False, callback=remember, **more)(function)
    return function


def pass_session(function: F) -> F:
    """Add the options that every command takes, and hand it the session as its first argument."""
    return common_options(click.pass_obj(function))  # type: ignore[return-value] # it stands for the function


def complete_ids(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the IDs of the list that start with what is typed. It never fails, and never speaks."""
    del parameter
    session: Session = context.obj
    try:
        if not session.store_path.exists():
            return []
        with Store(session.store_path, busy_timeout_s=COMPLETION_PATIENCE_S, only_reads=True) as store:
            return store.documents.ids_like(session.profile.name, incomplete, MAX_COMPLETIONS)
    except TaskdashError:
        return []


def complete_profiles(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the profiles of the config that start with what is typed. It never fails, and never speaks."""
    del parameter
    session: Session = context.obj
    try:
        settings = load_settings(session.option_path("config"), session.environ)
    except TaskdashError:
        return []
    return [name for name in settings.profiles if name.startswith(incomplete)]


def complete_files(
    context: click.Context, parameter: click.Parameter, incomplete: str, kind: str = "file"
) -> list[CompletionItem]:
    """Leave files, or folders as `kind` "dir", to the shell, which knows them best."""
    del context, parameter
    return [CompletionItem(incomplete, type=kind)]


def complete_words(names: Iterable[str]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return what completes one of some words."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        del context, parameter
        return [name for name in names if name.startswith(incomplete)]

    return complete
