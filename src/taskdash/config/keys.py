"""Where API keys come from. A key is checked before anybody uses it, and no message ever shows one.

No key is ever an argument of a process: it comes from the environment, a command's output or the file.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from taskdash.config.settings import DEFAULT_KEY_VARIABLE, KEY_SOURCES, Profile, Settings
from taskdash.config.wording import named_key, one_of, quoted
from taskdash.domain.errors import KeyMissingError
from taskdash.domain.secret import KnownKeys, Secret
from taskdash.domain.untrusted import inert_line
from taskdash.domain.values import value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SECRET_ENDINGS: Final = ("_API_KEY", "_TOKEN", "_SECRET", "_PASSWORD")


@value(frozen=True, slots=True)
class FoundKey:
    """A key and where it was found."""

    secret: Secret
    origin: str
    """For people: `environment KIE_API_KEY`, `command pass`, `file /path`."""


def find_key(profile: Profile, environ: Mapping[str, str], *, command_timeout_s: float = 10.0) -> FoundKey:
    """Find the key of `profile`, running its command where it has one.

    Args:
        profile: whose key.
        environ: where environment variables are read from; a command gets it as its environment.
        command_timeout_s: how long the command may take.

    Raises:
        KeyMissingError: there is none, or one that cannot be sent.
    """
    if profile.api_key_command:
        return _from_command(profile, environ, command_timeout_s)
    if profile.api_key is not None:
        return FoundKey(profile.api_key, key_origin(profile))
    if profile.api_key_fault:
        raise KeyMissingError(
            f"The API key of profile {profile.name} ({key_origin(profile)}: {_setting(profile, 'api_key')})"
            f" {profile.api_key_fault}: write it there again."
        )
    return _from_environment(profile, environ)


def key_origin(profile: Profile) -> str:
    """Where the key of `profile` comes from, whether it is there or not."""
    if profile.api_key_command:
        return f"command {quoted(profile.api_key_command[0])[1:-1]}"
    if profile.api_key is not None or profile.api_key_fault:
        return f"file {inert_line(str(profile.source))}" if profile.source else "the demo"
    return f"environment {profile.api_key_env}"


def known_keys(settings: Settings, environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """The keys of all profiles that are known without running a command: none of them is a task ID."""
    secrets = []
    for profile in settings.profiles.values():
        if profile.api_key_command:
            continue
        try:
            secrets.append(find_key(profile, environ).secret)
        except KeyMissingError:
            continue
    return tuple(dict.fromkeys(secrets))


def keys_in(environ: Mapping[str, str]) -> Iterator[Secret]:
    """Return the API keys that stand in variables of the usual name, whether a profile uses them or not."""
    for name, text in environ.items():
        if name.endswith("_API_KEY"):
            with suppress(ValueError):
                yield Secret(text)


def keyless_environ(settings: Settings, environ: Mapping[str, str], keys: Iterable[Secret]) -> dict[str, str]:
    """The environment for a program that has no use for a key, such as a browser: nothing in it holds one.

    Args:
        settings: which variables hold keys.
        environ: the whole environment.
        keys: all keys that are known, wherever they came from.
    """
    known = KnownKeys(keys)
    names = {profile.api_key_env for profile in settings.profiles.values()} | {DEFAULT_KEY_VARIABLE}
    return {
        name: value
        for name, value in environ.items()
        if name not in names and not name.upper().endswith(_SECRET_ENDINGS) and not known.are_in(value)
    }


def _setting(profile: Profile, key: str) -> str:
    return f"profiles.{named_key(profile.name)}.{key}"


def _from_environment(profile: Profile, environ: Mapping[str, str]) -> FoundKey:
    variable = profile.api_key_env or DEFAULT_KEY_VARIABLE
    value = environ.get(variable)
    how = f"Set it with: export {variable}=... (then your key)"
    if not value or not value.strip():
        state = "is not set" if value is None else "is empty"
        raise KeyMissingError(
            f"No API key for profile {profile.name}: the environment variable {variable} {state}. {how}."
            f" Or give it another source in the config, {_setting(profile, '')[:-1]}: {one_of(KEY_SOURCES)}.",
            f"no API key: export {variable}=... and start again",
        )
    try:
        return FoundKey(Secret(value), key_origin(profile))
    except ValueError as error:
        raise KeyMissingError(f"The API key in the environment variable {variable} {error}. {how}.") from None


def _from_command(profile: Profile, environ: Mapping[str, str], timeout_s: float) -> FoundKey:
    from taskdash.config.key_command import KeyCommandError, first_line_of

    origin = key_origin(profile)
    try:
        return FoundKey(Secret(first_line_of(profile.api_key_command, environ, timeout_s)), origin)
    except KeyCommandError as error:
        fault = str(error)
    except ValueError as error:
        fault = f"printed a first line that {error}"
    setting = _setting(profile, "api_key_command")
    raise KeyMissingError(
        f"No API key for profile {profile.name}: its {origin} ({setting}) {fault}."
        " It must print the key as its first line: try it in a shell."
    )
