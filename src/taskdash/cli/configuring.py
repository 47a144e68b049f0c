"""`taskdash config`: locate, show, explain, create, validate and edit the config."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.options import CommandGroup, command
from taskdash.cli.output import print_json, print_lines, talk
from taskdash.config import files
from taskdash.config.describe import describe, example_text, json_schema
from taskdash.config.keys import find_key, keyless_environ
from taskdash.config.load import (
    BASE_URL_VARIABLE,
    MAX_CONFIG_BYTES,
    PROFILE_VARIABLE,
    ConfigFile,
    load_settings,
    settings_in,
    write_first_config,
)
from taskdash.config.profile import DEFAULT_PRESET, DEFAULT_PROFILE, PRESETS, Profile
from taskdash.config.settings import Settings
from taskdash.domain.errors import ConfigError, KeyMissingError, TaskdashError, UsageError
from taskdash.domain.gateways import TIERS
from taskdash.domain.untrusted import inert_line
from taskdash.ui.keymap import DEFAULT_KEYS, key_faults

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from taskdash.cli.process import Session
    from taskdash.domain.task import Json

_EDITOR_VARIABLES: Final = ("VISUAL", "EDITOR")
_EDITORS: Final = ("editor", "nano", "vi")


@click.group(
    cls=CommandGroup,
    epilog="Example: taskdash config show",
    short_help="Show, create and validate the config.",
)
def config() -> None:
    """Show, create and validate the config. `taskdash config example` explains every setting."""


_subcommand = partial(command, group=config)


@_subcommand("Print the path of the config file.", example='$EDITOR "$(taskdash config path)"')
@click.pass_obj
def path(session: Session) -> None:
    """Print the path of the config file, whether or not it exists."""
    print_lines([inert_line(str(session.config_path))])


@_subcommand(
    "Print the settings in force and their origin.",
    example="taskdash config show | grep -v '(default)'",
)
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@click.pass_obj
def show(session: Session, *, as_json: bool) -> None:
    """Print every setting in force and where it comes from. API keys are masked."""
    lines = describe(session.settings, session.environ)
    if as_json:
        settings: list[Json] = [
            {"key": each.key, "value": each.value, "origin": each.origin} for each in lines
        ]
        found = session.settings.config_file
        file = inert_line(str(found)) if found else None
        print_json({"file": file, "store": str(session.store_path), "settings": settings})
        return
    width = max(len(each.key) for each in lines)
    print_lines(f"{each.key:<{width}}  {each.text}  ({each.origin})" for each in lines)


@_subcommand("Print every setting, explained.", example="taskdash config example | less")
def example() -> None:
    """Print a config with every setting, its default, its unit and its purpose. Reads and writes no files."""
    print_lines(example_text().splitlines())


@_subcommand(
    "Print the JSON Schema of the config.",
    example="taskdash config schema > taskdash.schema.json",
)
def schema() -> None:
    """Print a JSON Schema of the config, for completion and checks in an editor. Reads and writes no files."""
    print_json(json_schema(DEFAULT_KEYS))


@_subcommand("Create a config file.", example="taskdash config init --preset kie")
@click.option(
    "--preset",
    metavar="PRESET",
    type=click.Choice(list(PRESETS)),
    help=f"A known gateway: {', '.join(PRESETS)} (default: {DEFAULT_PRESET}).",
)
@click.option("--base-url", metavar="URL", help="Base URL of any other gateway.")
@click.option(
    "--tier",
    metavar="TIER",
    type=click.Choice(list(TIERS)),
    help=f"Tier of your API key: {', '.join(TIERS)} (default: free).",
)
@click.option("--key-env", "api_key_env", metavar="NAME", help="Environment variable that holds the API key.")
@click.pass_obj
def init(session: Session, /, **given: str | None) -> None:
    """Create a config file and print its path. An existing file is never overwritten.

    With --profile P, the profile is named P and needs --preset or --base-url. The API key is never an argument: put it
    in the environment variable, or see `taskdash config example` for other ways.
    """
    profile = _first_profile(session, **given)
    warning = write_first_config(session.config_path, profile)
    print_lines([inert_line(str(session.config_path))])
    if warning:
        talk(warning)
    check_line, variable = session.line("config check"), profile.api_key_env
    if variable and not session.environ.get(variable):
        talk(f"next: `export {variable}=...` with your key, then `{check_line}`")
    else:
        talk(f"next: `{check_line}`, then `{session.line('')}`")


def _first_profile(session: Session, **given: str | None) -> Profile:
    """Return the profile that the options describe, read like one in the file; its name defaults to its preset's."""
    named = session.options.get("profile") or session.environ.get(PROFILE_VARIABLE)
    name = named or given.get("preset") or DEFAULT_PROFILE
    given["base_url"] = given.get("base_url") or session.environ.get(BASE_URL_VARIABLE)
    table = {key: inert_line(value) for key, value in given.items() if value}
    file = ConfigFile(session.config_path, {"profiles": {name: table}}, readable_by_others=False)
    return settings_in(file).profiles[name]


@_subcommand("Validate the config.", example="taskdash config check && taskdash")
@click.pass_obj
def check(session: Session) -> None:
    """Validate the config: every key, every value, and every action under [keys].

    Exits with 2 if anything is wrong, naming the file, the line, the key and what is allowed. A missing API key is
    reported, but is not an error.
    """
    _check(session)


@_subcommand(
    "Open the config in your editor, and validate it.",
    example="EDITOR='code --wait' taskdash config edit",
)
@click.pass_obj
def edit(session: Session) -> None:
    """Open the config in your editor, then validate it, as `taskdash config check` does.

    The editor is $VISUAL, else $EDITOR, else the first of editor, nano and vi. Its arguments are split as in a shell,
    but no shell is run. If there is no config file, one is created.
    """
    path = session.config_path
    is_named = any(session.environ.get(name, "").strip() for name in _EDITOR_VARIABLES)
    if not is_named and not (sys.stdin.isatty() and sys.stdout.isatty()):
        # The default editors need a terminal.
        wanted = "a terminal, or an editor named by VISUAL or EDITOR"
        raise UsageError(f"config edit needs {wanted}; the file is {inert_line(str(path))}")
    program = find_editor(session.environ)
    if not path.exists():
        if warning := write_first_config(path, _first_profile(session)):
            talk(warning)
        talk(f"created {inert_line(str(path))}")
    _run_editor(path, program, _environ_without_keys(session, path))
    _check(session)


def _environ_without_keys(session: Session, path: Path) -> dict[str, str]:
    """Return the environment for the editor, without keys; search the text of an invalid config for key variables."""
    try:
        return session.keyless_environ()
    except UsageError:
        text = path.read_bytes()[:MAX_CONFIG_BYTES].decode("utf-8", "replace")
        named = re.findall(r"api_key_env\W+(\w+)", text)
        others = {name: value for name, value in session.environ.items() if name not in named}
        return keyless_environ(Settings(), others, session.keys)


def _check(session: Session) -> None:
    settings = checked_settings(session)
    file = settings.config_file
    where = inert_line(str(file)) if file else f"{inert_line(str(session.config_path))} does not exist"
    print_lines([f"{where}: OK" if file else f"{where}: using the defaults"])
    try:
        find_key(settings.in_use, session.environ)
    except KeyMissingError as error:
        talk(str(error))


def checked_settings(session: Session) -> Settings:
    """Return the settings in force, after validating the whole config and the themes beside it.

    Raises ConfigError if anything is wrong.
    """
    # Slow to import, and few commands need it.
    from taskdash.ui.own_themes import known_themes, load_themes

    folder = files.themes_dir(session.config_path)
    _, faults = load_themes(folder)
    try:
        settings = load_settings(
            session.option_path("config"),
            session.environ,
            profile=session.options.get("profile"),
            key_faults=key_faults,
            theme_names=known_themes(folder),
        )
    except ConfigError as error:
        raise ConfigError("\n".join([str(error), *faults])) from None
    if faults:
        raise ConfigError.of(faults)
    return settings


# The editor


def find_editor(environ: Mapping[str, str]) -> list[str]:
    """Return the editor and its arguments: those of `VISUAL`, else of `EDITOR`, else the first default that exists.

    Raises UsageError if there is no such program, or a quote is not closed.
    """
    path = environ.get("PATH")
    for variable in _EDITOR_VARIABLES:
        written = environ.get(variable, "").strip()
        if not written:
            continue
        try:
            words = shlex.split(written)
        except ValueError:
            raise UsageError(f"{variable} has an unclosed quote: {inert_line(written, 200)}") from None
        if words and shutil.which(words[0], path=path):
            return words
        raise UsageError(f"{variable} names an editor that is not on the PATH: {inert_line(written, 200)}")
    if found := [name for name in _EDITORS if shutil.which(name, path=path)]:
        return found[:1]
    raise UsageError(f"no editor found: set VISUAL or EDITOR (tried {', '.join(_EDITORS)})")


def _run_editor(path: Path, editor: list[str], environ: Mapping[str, str]) -> None:
    """Run an editor on a file until it exits; raise TaskdashError if it does not start, or fails."""
    name = inert_line(editor[0], 200)
    # While the editor has the terminal, Ctrl+C and Ctrl+\ are for the editor. Unlike SIG_IGN, a handler is not
    # inherited: the child starts with the default action.
    signals = (signal.SIGINT, signal.SIGQUIT)
    before = [signal.signal(number, lambda *_: None) for number in signals]
    try:
        code = subprocess.run(  # noqa: S603 - the user's own editor, without a shell
            [*editor, os.fspath(path)], env=dict(environ), check=False
        ).returncode
    except OSError as error:
        raise TaskdashError(f"the editor {name} did not start: {error.strerror}") from None
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
    if code:
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise TaskdashError(f"the editor {name} ended with {ended}; {inert_line(str(path))} was not checked")
