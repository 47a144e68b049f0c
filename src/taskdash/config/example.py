"""What may stand in a config and why: the words of `config.example.toml`, for `config example` and the palette."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

_NAME: Final = "config.example.toml"
_LINE = re.compile(r"(?:# )?(?:\[([\w.]+)\]|(\w+) = .+)")


class Explained(NamedTuple):
    """A setting and what it is for."""

    name: str
    """As `config show` has it, such as `view.theme`; of a profile, `profiles.NAME.tier`."""
    about: str


def example_text() -> str:
    """Every setting with its default and why it is there."""
    packed, checkout = Path(__file__).with_name(_NAME), Path(__file__).parents[3] / _NAME
    return (packed if packed.exists() else checkout).read_text("utf-8")


@cache
def explained_settings() -> tuple[Explained, ...]:
    """Every setting that has words above it in the example."""
    found, table, comment = [], "", list[str]()
    for line in example_text().splitlines():
        setting = _LINE.fullmatch(line)
        if setting is None:
            comment = [*comment, line[2:]] if line.startswith("# ") else []
            continue
        if setting[1]:
            table = re.sub(r"^profiles\.\w+", "profiles.NAME", setting[1])
        if comment:
            name = table if setting[1] else f"{table}.{setting[2]}".lstrip(".")
            found.append(Explained(name, " ".join(comment)))
        comment = []
    return tuple(found)
