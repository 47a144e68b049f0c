"""Defines all settings, each with its unit, default, edge values and reader; the single source for these.

`config.example.toml`, the JSON Schema, `config show` and the palette take settings and explanations from here.
All values in these objects are valid; `load` determines where they come from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from taskdash.config import readers
from taskdash.config.keys import quoted, refuse_key
from taskdash.config.own import COLUMN_NAMES, COMMANDS, KEYS, SORT, VIEWS, OwnCommand, OwnView
from taskdash.config.profile import DEFAULT_PROFILE, Profile, profile_schema, read_profile
from taskdash.config.readers import (
    Reader,
    checked_word,
    entries_of,
    read,
    schema_of,
    setting,
    settings_of,
    shown,
)
from taskdash.domain.gateways import RECORD_PATH
from taskdash.domain.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from taskdash.config.readers import Place
    from taskdash.domain.task import Json

LOG_LEVELS: Final = ("debug", "info", "warning", "error")
FIRST_COLUMNS: Final = ("state", "label", "model", "cost", "created", "id")
FILE_NAME_PARTS: Final = ("label", "prompt", "model", "id", "n", "created")
FILE_NAME_PART: Final = rf"\{{({'|'.join(FILE_NAME_PARTS)})(?::\.([1-9][0-9]{{0,2}}))?\}}"
"""A placeholder in the template of file names, with an optional maximum length."""
_THE_PARTS: Final = ", ".join(f"{{{name}}}" for name in FILE_NAME_PARTS)
_PROFILE_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def _profile_name(value: str) -> str:
    refuse_key(value)
    if not re.fullmatch(_PROFILE_NAME, value):
        raise ValueError(
            f"{shown(value)} cannot be a profile's name: use up to 64 letters, digits, dots, - and _"
        )
    return value


def _file_name(value: str) -> str:
    rest = re.sub(FILE_NAME_PART, "", value)
    if rest == value or re.search(r"[{}/\\]", rest):
        raise ValueError(
            f"{quoted(value)} is not a name without / that has at least one of {_THE_PARTS} in it,"
            " each with a length if need be, as in {prompt:.40}"
        )
    return value


_FILE_NAME: Final = readers.text(_file_name, rf"^[^{{}}/\\]*(?:{FILE_NAME_PART}[^{{}}/\\]*)+$")


def _profiles_schema() -> dict[str, Json]:
    there = profile_schema()
    needs: dict[str, Json] = {"anyOf": [{"required": ["base_url"]}, {"required": ["preset"]}]}
    return {
        "type": "object",
        "properties": {DEFAULT_PROFILE: there},
        "additionalProperties": {**there, **needs},
        "propertyNames": {"pattern": f"^{_PROFILE_NAME}$"},
    }


_PROFILE: Final = Reader(lambda value, place: read_profile(value, place, _place_of_global_setting), dict)
PROFILES: Final = Reader(entries_of(_PROFILE, check=_profile_name).read, _profiles_schema)


def _place_of_global_setting(key: str) -> str:
    return " It is a global setting: put it above the first [table]." if key in settings_of(Settings) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Sets the initial look of the dashboard."""

    columns: tuple[str, ...] = setting(
        FIRST_COLUMNS,
        readers.some_of(COLUMN_NAMES),
        """The table's columns from left to right, out of state, label, model, cost, created, checked, id, added,
        completed, note, problem, results, saved, picks (how many results are picked), credits, family (the record path
        it was found under), profile and expires, which is shown by default if result_ttl is set.""",
    )
    sort: str = setting(
        "added",
        SORT,
        """What to sort the table by: added (newest first), state, label, model, cost, created, checked, id or credits;
        a leading - reverses.""",
    )
    detail: str = setting(
        "auto",
        readers.one_of(("auto", "right", "below", "hidden")),
        """Where the detail pane is: right, below, hidden, or auto (right in a wide terminal, below in a narrow
        one).""",
    )
    detail_percent: int = setting(
        35, readers.whole(10, 90), "How much of the screen the detail pane takes, in percent, 10 to 90."
    )
    theme: str = setting(
        "textual-dark",
        readers.text(str),
        """The colour theme; the command palette lists them all. auto is light or dark like the terminal. Your own go
        beside the config, as themes/NAME.toml.""",
    )
    preview: bool = setting(
        True,
        readers.FLAG,
        "Whether the detail pane shows a picture of the result; needs the extra `preview`.",
    )
    preview_as: str = setting(
        "auto",
        readers.one_of(("auto", "kitty", "sixel", "blocks")),
        """How to draw pictures: kitty, sixel, blocks (coloured half blocks, for any terminal) or auto (the best the
        terminal says it can show; in tmux, kitty if passthrough is on, else blocks).""",
    )
    widths: Mapping[str, int] = setting(
        {},
        entries_of(readers.whole(3, 200), COLUMN_NAMES),
        "Column widths in terminal cells, 3 to 200. Columns not listed here get the width they need.",
        example={"label": 40},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Holds all settings in force, from any source."""

    profile: str = setting(
        DEFAULT_PROFILE,
        readers.text(_profile_name, f"^{_PROFILE_NAME}$"),
        """The profile to use, unless --profile or TASKDASH_PROFILE says otherwise. By default, aigptimage or the only
        one configured.""",
    )
    download_dir: Path | None = setting(
        None,
        readers.FOLDER,
        """Where to save results: an absolute path, or one that starts with ~. By default, the folder taskdash in your
        downloads.""",
        example="~/Downloads/taskdash",
    )
    open_command: tuple[str, ...] = setting(
        (),
        readers.ARGUMENTS,
        """The command that opens a result, as a list of arguments; the link is added at the end. Empty: your
        browser.""",
    )
    on_finish: tuple[str, ...] = setting(
        (),
        readers.ARGUMENTS,
        """A command to run once for each task that finishes, as a list of arguments, without a shell; for one, use
        ["sh", "-c", "..."]. It gets the task as JSON on standard input and its fields as TASKDASH_... in the
        environment, but no API key; it has 60 seconds. Empty: none.""",
    )
    bell: bool = setting(
        False, readers.FLAG, "Whether to ring the terminal bell when a task finishes, once per message."
    )
    title: bool = setting(
        True,
        readers.FLAG,
        "Whether to show what waits and what failed in the terminal title: `3 waiting · 1 failed`.",
    )
    auto_download: bool = setting(
        False,
        readers.FLAG,
        "Whether to save each result as soon as its task finishes, before its link can expire.",
    )
    file_name: str | None = setting(
        None,
        _FILE_NAME,
        """The name of saved files, without extension: a template of {label}, {prompt}, {model}, {id}, {n} (the result
        number) and {created} (local time), each with an optional length, as in {prompt:.40}. By default: the label or
        prompt, the first 8 characters of the ID and the number.""",
        example="{created:.10}-{prompt:.40}-{id:.8}-{n}",
    )
    sidecar: bool = setting(
        False,
        readers.FLAG,
        "Whether to write a NAME.json beside each saved file: its task, as in `taskdash show --json`.",
    )
    embed: bool = setting(
        False,
        readers.FLAG,
        """Whether to put prompt and task ID into the metadata of PNG and JPEG files. The picture is unchanged, but the
        file is no longer the gateway's, byte for byte: a signature in it, such as C2PA, becomes invalid.""",
    )
    max_result_mib: int | None = setting(
        None,
        readers.whole(1, 1_048_576),
        "The largest result to save, in MiB, 1 to 1048576. By default, nine tenths of the free disk space.",
        example=2048,
    )
    log_level: str = setting(
        "info",
        readers.one_of(LOG_LEVELS),
        "How much goes to the log file: debug, info, warning or error. --log-level overrides it.",
    )
    key_preset: str = setting(
        "default",
        readers.one_of(("default", "plain", "vim")),
        "The keys that [keys] builds on: default, plain (arrows and named keys first) or vim.",
    )
    keys: Mapping[str, tuple[str, ...]] = setting(
        {},
        entries_of(KEYS),
        """Your own keys: action = "key", or a list of keys; an empty list unbinds the action. The help (?) names the
        actions.""",
        example={"remove": ["x", "delete"]},
    )
    commands: Mapping[str, OwnCommand] = setting(
        {},
        COMMANDS,
        """Your own commands, [commands.NAME], which act on the marked tasks, else on the one at the cursor. They get no
        API key; their output is in the messages (m).""",
    )
    views: tuple[OwnView, ...] = setting(
        (), VIEWS, "Your own views: each [[views]] is a tab after the state tabs, and in the palette."
    )
    view: View = setting(
        View(),
        Reader(lambda value, place: View(**read(View, value, place)), lambda: schema_of(View)),
        """Initial values only: what you change in the dashboard is kept in view.toml and wins; the palette resets
        it.""",
    )
    profiles: Mapping[str, Profile] = setting(
        {DEFAULT_PROFILE: Profile(name=DEFAULT_PROFILE)},
        PROFILES,
        "One table per gateway, [profiles.NAME]; a name has only letters, digits, dots, - and _.",
    )
    config_file: Path | None = field(default=None, compare=False)
    """The file that was read, if any."""
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The source of each value that is not a default, by its dotted name."""

    @property
    def in_use(self) -> Profile:
        """Return the profile in use."""
        return self.profiles[self.profile]

    def ttls_ms(self, profile: str | None) -> dict[str, int]:
        """Return how long result links live, for one profile or (None) all, if that is set."""
        ttls = {name: each.result_ttl_ms for name, each in self.profiles.items() if profile in (None, name)}
        return {name: ttl_ms for name, ttl_ms in ttls.items() if ttl_ms is not None}


def read_settings(
    values: Mapping[str, object], place: Place, theme_names: Collection[str] | None = None
) -> dict[str, Any]:
    """Read a whole config file; return its correct values as arguments for `Settings`.

    The profiles that settings name must be in the file, and the theme in `theme_names` (None: any).
    """
    hint = f" It belongs to a profile: put it under [profiles.{DEFAULT_PROFILE}]."
    found = read(Settings, values, place, lambda key: hint if key in settings_of(Profile) else "")
    tables, in_use = values.get("profiles"), found.get("profile", "")
    names = [*tables] if isinstance(tables, dict) else []
    if not names or in_use == DEFAULT_PROFILE:
        names.append(DEFAULT_PROFILE)
    if in_use:
        _check_names([in_use], names, place.at("profile"))
    for n, view in enumerate(found.get("views", ())):
        _check_names(view.profiles or (), names, place.at("views").at(n).at("profiles"))
    theme = found.get("view", View()).theme
    if theme_names is not None and theme != View().theme:
        _check_names([theme], theme_names, place.at("view").at("theme"))
    return found


def _check_names(names: Iterable[str], allowed: Collection[str], place: Place) -> None:
    for name in names:
        try:
            checked_word(name, allowed)
        except ValueError as error:
            place.note(str(error))


def demo_settings(
    base_url: str,
    key: str,
    *,
    download_dir: Path,
    tier: str = "standard",
    result_ttl_ms: int | None = None,
    record_paths: tuple[str, ...] = (RECORD_PATH,),
) -> Settings:
    """Return the settings of `taskdash --demo`: one profile named `demo`, and nothing from any file or environment.

    `base_url` is not checked; without `result_ttl_ms` no countdown is shown.
    """
    profile = Profile(
        name="demo",
        base_url=base_url,
        api_key_env=None,
        api_key=Secret(key),
        tier=tier,
        tier_assumed=False,
        share=1.0,
        result_ttl_ms=result_ttl_ms,
        record_paths=record_paths,
        allow_private=True,
    )
    return Settings(profile="demo", profiles={"demo": profile}, download_dir=download_dir)
