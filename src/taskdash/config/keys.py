"""Finds API keys, and keeps them out of messages. A key is checked before it is used.

A key comes from the environment, a command's output or the file, and is never a process argument. A key command has
limited time, and no access to the terminal.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.config.files import users_umask
from taskdash.domain.errors import KeyMissingError
from taskdash.domain.secret import KnownKeys, Secret, without_key_forms
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from taskdash.config.profile import Profile
    from taskdash.config.settings import Settings

DEFAULT_KEY_VARIABLE: Final = "AIGPTIMAGE_API_KEY"
KEY_SOURCES: Final = ("api_key_env", "api_key_command", "api_key")
MAX_LINE_BYTES: Final = 65_536
_SHOWN_CHARS: Final = 60
_KEY_PREFIX: Final = r"(?i)sk[-_]"
_HEX_KEY: Final = r"[0-9A-Fa-f]{32,}"
_LONG_WORD: Final = r"(?=[^\s]*[0-9])(?=[^\s]*[a-z])[A-Za-z0-9_+-]{24,}"
_SECRET_ENDINGS: Final = ("_API_KEY", "_TOKEN", "_SECRET", "_PASSWORD")


class FoundKey(NamedTuple):
    """Holds a key, and tells where it was found."""

    secret: Secret
    origin: str
    """For display: `environment KIE_API_KEY`, `command pass`, `the config`."""


def find_key(profile: Profile, environ: Mapping[str, str], *, command_timeout_s: float = 10.0) -> FoundKey:
    """Find the key of `profile`, running its key command, if it has one, with `environ` as the environment.

    Raises:
        KeyMissingError: there is no key, or it cannot be sent.
    """
    if profile.api_key_command:
        return _from_command(profile, environ, command_timeout_s)
    if profile.api_key is not None:
        return FoundKey(profile.api_key, key_origin(profile))
    if profile.api_key_fault:
        setting = _setting(profile, "api_key")
        raise KeyMissingError(
            f"The API key of profile {profile.name} (the config: {setting}) {profile.api_key_fault}: enter it again."
        )
    return _from_environment(profile, environ)


def key_origin(profile: Profile) -> str:
    """Return where the key of `profile` should come from, whether or not it exists."""
    if profile.api_key_command:
        return f"command {quoted(profile.api_key_command[0])[1:-1]}"
    if profile.api_key is not None or profile.api_key_fault:
        return "the config"
    return f"environment {profile.api_key_env}"


def known_keys(settings: Settings, environ: Mapping[str, str]) -> Iterator[Secret]:
    """Yield the keys of all profiles, except those from commands; none of them may be taken for a task ID."""
    for profile in settings.profiles.values():
        if profile.api_key is not None:
            yield profile.api_key
        elif profile.api_key_env and not profile.api_key_command:
            yield from _keys_at([profile.api_key_env], environ)


def keys_in(environ: Mapping[str, str]) -> Iterator[Secret]:
    """Yield the API keys in `*_API_KEY` variables, whether or not a profile uses them."""
    return _keys_at([name for name in environ if name.endswith("_API_KEY")], environ)


def _keys_at(names: Iterable[str], environ: Mapping[str, str]) -> Iterator[Secret]:
    for name in names:
        with suppress(ValueError):
            yield Secret(environ.get(name, ""))


def keyless_environ(settings: Settings, environ: Mapping[str, str], keys: Iterable[Secret]) -> dict[str, str]:
    """Return the environment without any keys, for programs that need none, such as a browser."""
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
            f" Or set another source in the config, {_setting(profile, '')[:-1]}: one of {', '.join(KEY_SOURCES)}.",
            f"no API key: export {variable}=... and start again",
        )
    try:
        return FoundKey(Secret(value), key_origin(profile))
    except ValueError as error:
        raise KeyMissingError(f"The API key in the environment variable {variable} {error}. {how}.") from None


def _from_command(profile: Profile, environ: Mapping[str, str], timeout_s: float) -> FoundKey:
    origin = key_origin(profile)
    try:
        return FoundKey(_printed_key(profile.api_key_command, environ, timeout_s), origin)
    except ValueError as error:
        fault = str(error)
    setting = _setting(profile, "api_key_command")
    raise KeyMissingError(
        f"No API key for profile {profile.name}: its {origin} ({setting}) {fault}."
        " It must print the key on its first line; try it in a shell."
    )


def _printed_key(arguments: Sequence[str], environ: Mapping[str, str], timeout_s: float) -> Secret:
    """Run the command and return the key on the first line of its standard output.

    It gets no shell, standard input or terminal: a password prompt must not draw over the dashboard.

    Raises:
        ValueError: there is none. The message completes "the command ..." and quotes nothing that it printed.
    """
    import subprocess

    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command from the user's own config, without a shell
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            start_new_session=True,
            umask=users_umask(),
        )
    except OSError as error:
        raise ValueError(f"cannot be run: {error.strerror}") from None
    has_timed_out = threading.Event()

    def end() -> None:
        has_timed_out.set()
        with suppress(OSError):
            # It leads a process group of its own, with its children.
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(timeout_s, end)
    timer.start()
    with process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe, which the type of Popen cannot say
        try:
            # Not to the end of the output: a child that the command leaves behind may keep it open for ever.
            line = process.stdout.readline(MAX_LINE_BYTES)
            code = process.wait()
        except BaseException:
            end()
            raise
        finally:
            timer.cancel()
    if has_timed_out.is_set():
        raise ValueError(f"took longer than {timeout_s:g}s")
    if code != 0:
        raise ValueError(f"failed with signal {-code}" if code < 0 else f"failed with exit code {code}")
    try:
        return Secret(line.decode("utf-8", "replace"))
    except ValueError as error:
        raise ValueError(f"printed a first line that {error}") from None


# Text that may be a key: inert, short, and withheld if it has the form of one


def looks_like_key(name: str) -> bool:
    """Return whether a name has the form of an API key: it starts with `sk-`, or is a long hexadecimal number."""
    return bool(re.match(_KEY_PREFIX, name) or re.fullmatch(_HEX_KEY, name))


def refuse_key(name: str) -> None:
    """Raise ValueError if a name has the form of an API key."""
    if looks_like_key(name):
        raise ValueError("looks like an API key; a key goes into the environment, never into a name")


def may_be_key(text: str) -> bool:
    """Return whether `text` may be a key and must not be shown: it contains `sk-...`, or is a long token."""
    has_form = without_key_forms(text) != text
    return bool(has_form or re.fullmatch(_HEX_KEY, text) or re.fullmatch(_LONG_WORD, text))


def without_keys(text: str, max_chars: int = 500) -> str:
    """Return `text` on one inert line, with anything that has the form of a key replaced by `***`."""
    return without_key_forms(inert_line(text, max_chars))


def quoted(text: str) -> str:
    """Return `text` in quotes, inert and truncated; withheld if it looks like a key."""
    if may_be_key(text.strip()):
        return "text that looks like an API key (not shown)"
    return f'"{inert_line(text, _SHOWN_CHARS)}"'


def named_key(key: str) -> str:
    """Return a TOML key for an error message, bare if TOML allows it to be."""
    if looks_like_key(key):
        return "(a name that looks like an API key)"
    return key if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", key) else quoted(key)
