"""What commands have in common for click: the options that all of them take, and completion of IDs."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from signal import SIGPIPE
from typing import Any, Final, TypeVar

import click

from taskdash.cli.session import Session
from taskdash.config.settings import LOG_LEVELS

F = TypeVar("F", bound=Callable[..., Any])
MAX_COMPLETIONS: Final = 200


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
            "--store", metavar="FILE", expose_value=False, callback=_remember, help="Use another list."
        ),
        click.option(
            "--config", metavar="FILE", expose_value=False, callback=_remember, help="Use another config."
        ),
        click.option(
            "--profile", metavar="P", expose_value=False, callback=_remember, help="Use another gateway."
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
    """IDs of the list that start with what is typed, for shell completion. It never fails, and never speaks."""
    from taskdash.domain.errors import TaskdashError

    del parameter
    session = context.ensure_object(Session)
    try:
        if not session.store_path.exists():
            return []
        with session.open_store() as store:
            return store.documents.ids_like(session.profile.name, incomplete, MAX_COMPLETIONS)
    except TaskdashError:
        return []
