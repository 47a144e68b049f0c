"""One table of a TOML file, read strictly: every fault is noted with its key and with what is allowed.

Reading goes on after a fault, with the default, so that a user sees all faults of a file at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

from taskdash.config.wording import named_key, one_of, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_T = TypeVar("_T")
MAX_ARGUMENT_CHARS: Final = 4_096
_UNIT_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_DURATION = re.compile(r" *([0-9]{1,9}(?:\.[0-9]{1,6})?) *([smhd]) *")


class TomlTable:
    """Reads the keys of one table; what is wrong with them goes to `problems`, one line each."""

    def __init__(self, values: Mapping[str, object], problems: list[str], name: str = "") -> None:
        """Read `values`, which stands in the file as `[name]`, or at its top where `name` is empty."""
        self._values = values
        self._problems = problems
        self._name = name

    def dotted(self, key: str) -> str:
        """The full name of `key`, as in `profiles.kie.tier`."""
        return f"{self._name}.{named_key(key)}" if self._name else named_key(key)

    def note(self, key: str, what: str) -> None:
        """Note that `key` is wrong."""
        self._problems.append(f"{self.dotted(key)}: {what}")

    def has(self, key: str) -> bool:
        """Whether the file has `key`, right or wrong."""
        return key in self._values

    def is_text(self, key: str) -> bool:
        """Whether the file has a text for `key`."""
        return isinstance(self._values.get(key), str)

    def names(self) -> list[str]:
        """The keys that stand in the file, in its order."""
        return list(self._values)

    def reject_unknown(self, known: Collection[str], hint: Callable[[str], str] = lambda _: "") -> None:
        """Note every key that is not in `known`; `hint` may say where it belongs."""
        for key in self._values:
            if key not in known:
                advice = hint(key) or suggestion(key, known) + f" Allowed here: {', '.join(known)}."
                self.note(key, f"unknown key.{advice}")

    def text(
        self, key: str, default: _T, check: Callable[[str], str | None] | None = None, secret: bool = False
    ) -> str | _T:
        """Read a text.

        Args:
            key: its name.
            default: what stands for it where the file has none or a wrong one.
            check: says what is wrong with a text, None for nothing.
            secret: never show the value, not even one of a wrong type.
        """
        if key not in self._values:
            return default
        value = self._values[key]
        if not isinstance(value, str):
            self.note(key, "must be a text in quotes" + ("" if secret else f", not {shown(value)}"))
            return default
        if check is not None and (fault := check(value)) is not None:
            self.note(key, fault)
            return default
        return value

    def choice(self, key: str, default: str, allowed: Collection[str]) -> str:
        """Read one of some words."""

        def check(value: str) -> str | None:
            if value in allowed:
                return None
            return f"{shown(value)} is not allowed, use {one_of(allowed)}.{suggestion(value, allowed)}"

        return self.text(key, default, check)

    def flag(self, key: str, default: bool) -> bool:
        """Read true or false."""
        value = self._values.get(key, default)
        if isinstance(value, bool):
            return value
        self.note(key, f"must be true or false (without quotes), not {shown(value)}")
        return default

    def whole(self, key: str, default: _T, low: int, high: int) -> int | _T:
        """Read an integer from `low` to `high`."""
        if key not in self._values:
            return default
        value = self._values[key]
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.note(key, f"must be a whole number from {low} to {high}, not {shown(value)}")
        return default

    def fraction(self, key: str, default: float) -> float:
        """Read a number above 0 and up to 1."""
        value = self._values.get(key, default)
        # nan compares false with everything.
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
            return float(value)
        self.note(key, f"must be a number above 0 and up to 1, not {shown(value)}")
        return default

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Read an array of texts; None where the file has none or a wrong one."""
        if key not in self._values:
            return None
        value = self._values[key]
        if not isinstance(value, list):
            self.note(key, f'must be a list of texts such as ["first", "second"], not {shown(value)}')
            return None
        texts = tuple(item for item in value if isinstance(item, str))
        if len(texts) != len(value):
            wrong = next(item for item in value if not isinstance(item, str))
            self.note(key, f"must have texts in quotes only, not {shown(wrong)}")
            return None
        return texts

    def words(self, key: str, allowed: Collection[str], default: tuple[str, ...]) -> tuple[str, ...]:
        """Read a list of different words, at least one, out of `allowed`."""
        words = self.texts(key)
        if words is None:
            return default
        for word in words:
            if word not in allowed:
                fault = f"{shown(word)} is not allowed, use {one_of(allowed)}.{suggestion(word, allowed)}"
                self.note(key, fault)
                return default
        if not words or len(set(words)) != len(words):
            self.note(key, f"must name at least one, and none twice: {one_of(allowed)}")
            return default
        return words

    def arguments(self, key: str) -> tuple[str, ...]:
        """Read a command: a list of arguments, of which the first is the program; empty for none."""
        return self._checked_arguments(key, self.texts(key) or ())

    def command(self, key: str) -> tuple[str, ...]:
        """Read a command, also as one text that is split as a shell would; it must not be empty."""
        value = self._values.get(key)
        if value is None:
            return ()
        if isinstance(value, str):
            import shlex

            try:
                arguments = tuple(shlex.split(value))
            except ValueError:
                self.note(key, "has a quote that is not closed; a list of arguments needs no quoting")
                return ()
        else:
            found = self.texts(key)
            if found is None:
                return ()
            arguments = found
        if not arguments:
            self.note(key, 'must name a program, such as ["pass", "show", "aigptimage"]')
        return self._checked_arguments(key, arguments)

    def _checked_arguments(self, key: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
        if arguments and not arguments[0].strip():
            self.note(key, "must start with the name of a program")
            return ()
        if any("\0" in argument or len(argument) > MAX_ARGUMENT_CHARS for argument in arguments):
            self.note(key, f"must have arguments of up to {MAX_ARGUMENT_CHARS} characters without NUL")
            return ()
        return arguments

    def table(self, key: str) -> TomlTable:
        """Read a table below this one; an empty one where the file has none or something else."""
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            self.note(key, f"must be a table such as [{self.dotted(key)}], not {shown(value)}")
            value = {}
        return TomlTable(value, self._problems, self.dotted(key))

    def duration_ms(self, key: str, default: int | None, high_ms: int) -> int | None:
        """Read a length of time such as "24h", from one second to `high_ms`, in milliseconds."""
        allowed = 'must be a number and a unit (s, m, h or d) in quotes, such as "24h", from "1s" to "3650d"'
        value = self._values.get(key)
        if value is None:
            return default
        parts = _DURATION.fullmatch(value) if isinstance(value, str) else None
        length_ms = round(float(parts[1]) * _UNIT_MS[parts[2]]) if parts else 0
        if 1_000 <= length_ms <= high_ms:
            return length_ms
        self.note(key, f"{allowed}, not {shown(value)}")
        return default


def duration_text(length_ms: int) -> str:
    """A length of time as `TomlTable.duration_ms` reads it, in the largest unit that leaves no rest."""
    for unit, unit_ms in _UNIT_MS.items():
        if length_ms % unit_ms == 0:
            return f"{length_ms // unit_ms}{unit}"
    return f"{length_ms / 1_000:.3f}s"
