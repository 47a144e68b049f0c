"""Reads the user's own themes, `themes/NAME.toml` beside the config, whose keys are the fields of Textual's `Theme`.

A theme that is invalid is refused with a message on what is wrong.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

from taskdash.config.keys import quoted
from taskdash.config.load import read_config_file, settings_in
from taskdash.config.readers import FLAG, FRACTION, Place, Reader, entries_of, suggestion, text
from taskdash.domain.errors import ConfigError, TaskdashError
from taskdash.domain.untrusted import inert_line
from taskdash.ui.themes import AUTO, THEMES

if TYPE_CHECKING:
    from pathlib import Path

    from taskdash.config.settings import Settings

_NAME: Final = r"[A-Za-z][A-Za-z0-9_-]{0,59}"
_AUTO: Final = r"auto( (100|[1-9]?[0-9])%)?"
_STYLES: Final = frozenset(
    ("none", "bold", "b", "italic", "i", "underline", "u", "reverse", "r", "dim", "not")
)
_VARIABLES: Final = Theme("", "#808080").to_color_system().generate()


def _colour(value: str) -> str:
    try:
        if Color.parse(value).ansi is None:
            return value
    except ColorParseError:
        pass
    raise ValueError(f'{quoted(value)} is not a colour: write it as "#3d8bff", "rgb(61, 139, 255)" or "navy"')


def _variable(value: object, place: Place) -> str:
    if place.key.endswith("style"):
        styled = text(str).read(value, place)
        if styled.split() and _STYLES.issuperset(styled.split()):
            return styled
        raise ValueError(f"{quoted(styled)} is not a style, use words such as bold, underline or none")
    # Only for variables where Textual uses it itself: text colours, never backgrounds.
    if _VARIABLES[place.key].startswith("auto") and isinstance(value, str) and re.fullmatch(_AUTO, value):
        return value
    return text(_colour).read(value, place)


_READERS: Final[dict[str, Reader[Any]]] = {
    "dark": FLAG,
    "luminosity_spread": FRACTION,
    "text_alpha": FRACTION,
    "variables": entries_of(Reader(_variable, dict), _VARIABLES),
}
_FIELDS: Final = {
    each.name: _READERS.get(each.name, text(_colour))
    for each in fields(Theme)
    if each.name not in ("name", "ansi")
}


def load_theme(path: Path) -> Theme:
    """Read a theme, named after its file.

    Raises:
        ConfigError: it cannot be read, or is not a theme. The message is a single line.
    """
    if path.exists() and not path.is_file():
        # Reading a pipe would block.
        raise ConfigError(f"{inert_line(str(path))}: not a file")
    file = read_config_file(path, "")
    if file is None:
        raise ConfigError(f"{inert_line(str(path))}: there is no such file")
    faults: list[str] = []
    place, found = Place(faults, line_of=file.line_of), {}
    for key, value in file.values.items():
        if key not in _FIELDS:
            place.at(key).note(f"unknown key.{suggestion(key, _FIELDS)} Allowed here: {', '.join(_FIELDS)}.")
            continue
        try:
            found[key] = _FIELDS[key].read(value, place.at(key))
        except ValueError as error:
            place.at(key).note(str(error))
    if not re.fullmatch(_NAME, path.stem) or path.stem == AUTO:
        faults.append(
            "the file's name is the theme's: letters, digits, - and _, a letter first, and not auto"
        )
    if "primary" not in file.values:
        faults.append("primary is missing: a theme needs at least that colour")
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise ConfigError(f"{file.shown_path}: {faults[0]}{more}")
    return Theme(path.stem, **{"variables": {}, **found})


def load_themes(folder: Path) -> tuple[list[Theme], list[str]]:
    """Read all themes in a folder; return the valid ones, and a line on what is wrong with each of the others."""
    found, faults = [], []
    for path in sorted(folder.glob("*.toml"), key=lambda path: path.stem):
        try:
            found.append(load_theme(path))
        except TaskdashError as error:
            faults.append(str(error))
    return found, faults


def known_themes(folder: Path | None) -> tuple[str, ...]:
    """Return the values that `view.theme` may have: `auto`, Textual's themes, ours, and those in the user's folder."""
    own = sorted(path.stem for path in folder.glob("*.toml")) if folder else []
    return (AUTO, *BUILTIN_THEMES, *(theme.name for theme in THEMES), *own)


def refuse_unknown(settings: Settings, folder: Path | None) -> None:
    """Raise ConfigError if the config names a theme that does not exist."""
    if settings.config_file and (file := read_config_file(settings.config_file, "")):
        settings_in(file, theme_names=known_themes(folder))
