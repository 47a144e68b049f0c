"""Describes settings for `config show`, `config example`, `config schema` and the palette.

None of these ever contains a key.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from taskdash.config import files
from taskdash.config.keys import find_key, key_origin, without_keys
from taskdash.config.own import OwnCommand, OwnView
from taskdash.config.profile import DEFAULT_PROFILE, Profile
from taskdash.config.readers import schema_of, settings_of
from taskdash.config.settings import Settings, View
from taskdash.domain.errors import KeyMissingError, UsageError

if TYPE_CHECKING:
    from taskdash.config.readers import Setting
    from taskdash.domain.task import Json

_WIDTH: Final = 98
_HEAD: Final = """\
# Every setting of taskdash, with its default. Copy what you want to change into your own file:
# `taskdash config path` says where it is, `taskdash config init` creates one,
# `taskdash config check` validates it, and `taskdash config show` prints what is in force.
#
# The command line wins over the environment, the environment over the file, the file over the
# default. A setting that is commented out has no fixed default, or is an alternative to another.
# The settings above [keys] are global: in TOML they must come before the first [table].
"""
_FOOT: Final = """
# Each further gateway has a table of its own; switch to it with --profile kie, TASKDASH_PROFILE or
# the command palette. A known one has a preset; for any other, say where its records are:
#
#   [profiles.kie]
#   preset = "kie"
#
#   [profiles.other]
#   base_url = "https://api.example.com"
#   api_key_env = "OTHER_API_KEY"
#   auth_header = "x-key: {key}"
#   record_paths = ["/v1/tasks/{id}", "/v1/videos/record-info"]
"""
_ALL_TABLES: Final = {"view": View, "profiles": Profile, "commands": OwnCommand, "views": OwnView}
_OWN_TABLES: Final = {"commands": ("commands.NAME", "[commands.upscale]"), "views": ("views", "[[views]]")}
"""Tables that only the user adds: the prefix of the names of their settings, and the heading in the example."""


@dataclass(frozen=True, slots=True)
class Line:
    """Shows a setting in one line of `config show`."""

    key: str
    """The setting's dotted name, as in `profiles.kie.tier`."""
    value: Json
    """The value as JSON; an API key is masked."""
    origin: str
    """`default`, `preset NAME`, `file /path`, `environment NAME`, `--profile` or `command NAME`."""

    @property
    def text(self) -> str:
        """Return the value as one line of text."""
        if self.value is None:
            return "not set"
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if isinstance(self.value, list):
            return " ".join(str(item) for item in self.value) if self.value else "none"
        return str(self.value)


def describe(settings: Settings, environ: Mapping[str, str]) -> list[Line]:
    """Return all settings in force, and the masked key of every profile.

    A key command is only run for the profile in use, as those of others may ask for a password.
    """
    lines = [*_lines(settings, settings, "")]
    lines += _lines(settings, settings.view, "view.")
    for action, keys in settings.keys.items():
        lines.append(Line(f"keys.{without_keys(action)}", [*keys], settings.origins[f"keys.{action}"]))
    for name, command in settings.commands.items():
        lines += _lines(settings, command, f"commands.{name}.")
    for n, view in enumerate(settings.views, 1):
        # Only what is set.
        shown = [line for line in _lines(settings, view, f"views[{n}].") if line.value]
        lines += [replace(line, origin=settings.origins["views"]) for line in shown]
    for profile in settings.profiles.values():
        prefix = f"profiles.{profile.name}."
        lines += _lines(settings, profile, prefix)
        is_in_use = profile.name == settings.profile
        masked = _masked_key(profile, environ, f"{prefix}api_key", run=is_in_use)
        lines.append(replace(masked, origin=settings.origins.get(masked.key, masked.origin)))
    return lines


def _lines(
    settings: Settings, model: Settings | View | Profile | OwnCommand | OwnView, prefix: str
) -> Iterator[Line]:
    # These have lines of their own.
    apart = (*_ALL_TABLES, "keys") if model is settings else ("api_key",)
    for key, each in settings_of(type(model)).items():
        if key not in apart:
            value = _shown(model, each)
            if value is not None or not isinstance(model, Profile):
                yield Line(prefix + key, value, settings.origins.get(prefix + key, "default"))


def _shown(model: Settings | View | Profile | OwnCommand | OwnView, setting: Setting) -> Json:
    """Return a value for display; None if a profile does not have it, such as own limits beside a tier."""
    value = setting.reader.plain(getattr(model, setting.name))
    match setting.key, value:
        case "download_dir", _ if isinstance(model, Settings):
            with suppress(UsageError):
                return without_keys(str(files.download_dir(model)), 4_096)
            return None
        case "tier", str() if isinstance(model, Profile) and model.tier_assumed:
            return f"{value} (assumed)"
        case "result_ttl", None:
            return "none"
        case "api_key_command", [program, *arguments]:
            # Arguments may be secret too, such as a vault token.
            return f"{without_keys(str(program))} ({len(arguments)} arguments not shown)"
        case "api_key_command", _:
            return None
        case _, dict():
            return [f"{name}={item}" for name, item in value.items()]
        case _, list():
            return [without_keys(str(item)) for item in value]
    return without_keys(value, 4_096) if isinstance(value, str) else value


def _masked_key(profile: Profile, environ: Mapping[str, str], name: str, *, run: bool) -> Line:
    origin = key_origin(profile)
    if profile.api_key_command and not run:
        return Line(name, "not asked for (the command was not run)", origin)
    try:
        found = find_key(profile, environ)
    except KeyMissingError as error:
        return Line(name, f"not set: {error}", origin)
    return Line(name, found.secret.masked(), found.origin)


def explained_settings() -> dict[str, str]:
    """Return the explanation of each setting, by its name in `config show`, with `profiles.NAME.tier` for profiles."""
    found = {}
    for key, each in settings_of(Settings).items():
        model, name = _ALL_TABLES.get(key), "profiles.NAME" if key == "profiles" else key
        name, _ = _OWN_TABLES.get(key, (name, ""))
        found[name] = each.why
        for below, setting in settings_of(model).items() if model else ():
            found[f"{name}.{below}"] = setting.why
    return found


def example_text() -> str:
    """Return `config.example.toml`, with every setting, its explanation and default."""
    return _HEAD + "".join(_example(Settings, "")) + _FOOT + "".join(_example_of_own())


def _example_of_own() -> Iterator[str]:
    settings = settings_of(Settings)
    for key, (_, heading) in _OWN_TABLES.items():
        yield f"\n{_comment(settings[key].why)}\n#\n#   {heading}\n"
        for name, each in settings_of(_ALL_TABLES[key]).items():
            value = each.reader.plain(each.default) if each.example is None else each.example
            yield f"{_comment(each.why, '#   # ')}\n#   {name} = {_toml(value)}\n"


def _comment(why: str, before: str = "# ") -> str:
    return textwrap.fill(
        why, _WIDTH + 2, initial_indent=before, subsequent_indent=before, break_on_hyphens=False
    )


def _example(model: type, table: str) -> Iterator[str]:
    for key, each in settings_of(model).items():
        if key in _OWN_TABLES:
            continue
        below = _ALL_TABLES.get(key)
        name = f"{table}.{key}".lstrip(".") + (f".{DEFAULT_PROFILE}" if key == "profiles" else "")
        yield f"\n{_comment(each.why)}"
        if below is not None:
            yield f"\n[{name}]\n" + "".join(_example(below, name))
        elif isinstance(each.default, Mapping):
            yield f"\n[{name}]\n"
            entries = each.example if isinstance(each.example, dict) else {}
            yield "".join(f"# {entry} = {_toml(value)}\n" for entry, value in entries.items())
        elif each.example is not None:
            yield f"\n# {key} = {_toml(each.example)}\n"
        else:
            yield f"\n{key} = {_toml(each.reader.plain(each.default))}\n"


def _toml(value: Json) -> str:
    # Booleans, numbers, strings and lists of them are written the same in TOML and JSON.
    return json.dumps(value, ensure_ascii=False)


def json_schema(action_names: Collection[str] = ()) -> dict[str, Json]:
    """Return the JSON Schema of a config file, for editors; `[keys]` may only have `action_names`, if given."""
    schema = schema_of(Settings)
    if action_names:
        cast("dict[str, Any]", schema)["properties"]["keys"]["propertyNames"] = {"enum": [*action_names]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "taskdash config", **schema}
