"""The context of every command: settings, keys and store, each loaded on first use."""

from __future__ import annotations

import gc
import os
import shlex
import time
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from taskdash.cli.output import talk
from taskdash.config.keys import find_key, keyless_environ, keys_in, known_keys
from taskdash.config.load import load_settings
from taskdash.config.locations import config_path, store_path, tightened
from taskdash.domain.errors import UsageError
from taskdash.domain.secret import KnownKeys
from taskdash.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskdash.config.profile import Profile
    from taskdash.config.settings import Settings
    from taskdash.domain.secret import Secret

COMPLETION_VARIABLE: Final = "_TASKDASH_COMPLETE"
"""Set by a shell that asks for completions: then click answers, whatever the arguments, with `cli.completion`."""
PATIENCE_S: Final = 10.0
"""How long a command waits for a list that another program has locked."""


class Session:
    """One run of the command line. `options` may be given before and after the command; the later one wins."""

    def __init__(self) -> None:
        self.options: dict[str, str | None] = {}
        self.environ = os.environ

    @cached_property
    def settings(self) -> Settings:
        """Return the settings in force."""
        settings = load_settings(
            self.option_path("config"),
            self.environ,
            profile=self.options.get("profile"),
            log_level=self.options.get("log_level"),
        )
        if settings.config_file and any(profile.api_key for profile in settings.profiles.values()):
            # Anyone who can write to the folder can replace the config. On a read-only disk, nobody can.
            with suppress(OSError):
                if said := tightened(settings.config_file.parent):
                    self.tell_mishap(said)
        return settings

    @property
    def config_path(self) -> Path:
        """Return the path of the config file, which may not exist."""
        return config_path(self.option_path("config"), self.environ)[0]

    @property
    def profile(self) -> Profile:
        """Return the profile in use."""
        return self.settings.in_use

    @cached_property
    def store_path(self) -> Path:
        """Return the path of the list."""
        return store_path(self.option_path("store"), self.environ)

    def open_store(self, patience_s: float = PATIENCE_S, *, only_reads: bool = False) -> Store:
        """Open the store, for a `with` block; `patience_s`: how long to wait while another program has it locked.

        A command that only reads does not wait for a stopped process: it gets a copy of the list.
        """
        patience_s = min(patience_s, PATIENCE_S)
        return Store(
            self.store_path, busy_timeout_s=patience_s, on_mishap=self.tell_mishap, only_reads=only_reads
        )

    def tell_mishap(self, line: str) -> None:
        """Report a problem with a file, and its repair."""
        talk(f"taskdash: {line}")

    @cached_property
    def keys(self) -> KnownKeys:
        """Return all known API keys, from whatever source."""
        keys = KnownKeys(keys_in(self.environ))
        # The settings may be invalid in any way, which must not keep another error from being reported.
        with suppress(Exception):
            keys.add(*known_keys(self.settings, self.environ))
        return keys

    def find_key(self) -> Secret:
        """Find the key of the profile in use; without one that can be sent, raise `KeyMissingError`."""
        key = find_key(self.profile, self.environ).secret
        self.keys.add(key)
        return key

    def redacted(self, line: str) -> str:
        """Return a line without the known API keys."""
        return self.keys.redact_line(line)

    def keyless_environ(self) -> dict[str, str]:
        """Return the environment without API keys, for other programs."""
        return keyless_environ(self.settings, self.environ, self.keys)

    def now_ms(self) -> int:
        """Return the time, in Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def line(self, command: str, *words: str) -> str:
        """Return a shell line for another command, with the list, config and profile of this one."""
        options = [
            part
            for name, value in self.options.items()
            if value is not None and name != "log_level"
            for part in (f"--{name}", value)
        ]
        end = ["--"] if any(word.startswith("-") for word in words) else []
        return shlex.join(["taskdash", *options, *command.split(), *end, *words])

    def option_path(self, name: str) -> Path | None:
        """Return the path that an option names; None if it is not given."""
        value = self.options.get(name)
        if value == "":
            # As a path it would be the current folder.
            raise UsageError(f"--{name}: a file name cannot be empty")
        return None if value is None else Path(value)


@contextmanager
def collecting_later() -> Iterator[None]:
    """Pause garbage collection while many lasting objects are made: it would double the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
