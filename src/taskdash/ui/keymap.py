"""Makes key maps, and translates the names of keys between Textual, the screen and the config.

A key map starts from the table of actions; a preset overrides that, and the user's own keys override both.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from string import punctuation
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.config.load import read_config_file
from taskdash.domain.errors import ConfigError
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import nearest
from taskdash.ui.actions import (
    ACTIONS,
    FOOTER,
    FOOTER_OF_REVIEW,
    FOOTER_ON_MARKS,
    NO_KEY,
    OWN,
    REVIEW_ACTIONS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from taskdash.config.own import OwnCommand

KEY_NAMES: Final = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "plus": "+",
    "minus": "-",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "shift+tab": "shift+Tab",
    "tab": "Tab",
}
_SPELLINGS: Final = {shown.casefold(): key for key, shown in KEY_NAMES.items()} | {
    "esc": "escape",
    "return": "enter",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "del": "delete",
}
# Textual has its own names for these; the others are as in Unicode.
_SHORTENED: Final = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_NAMED: Final = frozenset((*KEY_NAMES, "insert", "delete", "backspace", *(f"f{n}" for n in range(1, 25))))
_MODIFIERS: Final = frozenset(("ctrl", "shift", "alt", "meta", "super", "hyper"))
_SENT_AS: Final = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+left_square_bracket": "escape"}
"""Terminals send the same for both keys of a pair."""


Keymap = Mapping[str, tuple[str, ...]]
"""The keys of each action, as Textual names them; the first is the one that is shown."""

DEFAULT_KEYS: Final = {action.name: action.keys for action in (*ACTIONS, *REVIEW_ACTIONS)}
_OF_REVIEW: Final = frozenset(action.name for action in REVIEW_ACTIONS)
PRESETS: Final[Mapping[str, Keymap]] = {
    "default": {},
    "plain": {
        "cursor_up": ("up",),
        "cursor_down": ("down",),
        "first": ("home",),
        "last": ("end",),
        "previous_tab": ("left", "left_square_bracket"),
        "next_tab": ("right", "right_square_bracket"),
        "remove": ("delete", "x"),
    },
    "vim": {
        "cursor_up": ("k", "up"),
        "cursor_down": ("j", "down"),
        "page_up": ("ctrl+b", "ctrl+u", "pageup"),
        "page_down": ("ctrl+f", "ctrl+d", "pagedown"),
        "previous_tab": ("h", "left_square_bracket", "left"),
        "next_tab": ("l", "right_square_bracket", "right"),
        "undo": ("u", "z"),
        "copy_urls": ("U",),
    },
}

YIELDING: Final = frozenset(("left", "right", "m", "b"))
"""Keys that no action had in 1.0: a config that gives one to another action takes it from the default one."""


def make_keymap(
    preset: str,
    own: Keymap,
    file: Path | None = None,
    commands: Mapping[str, OwnCommand] = MappingProxyType({}),
) -> dict[str, tuple[str, ...]]:
    """Return the keys of every action, then of the user's own commands: those of a preset, overridden by `own`.

    Raises:
        ConfigError: two actions share a key (the message names both), or an action or key does not exist.
    """
    keys, faults = _assigned(preset, own, commands)
    if faults:
        read = read_config_file(file, "") if file else None
        told = [f"{read.line_of(path) if read else ''}{fault}" for path, fault in faults]
        raise ConfigError.of(told, inert_line(str(file)) if file else "")
    return keys


def key_faults(
    preset: str, own: Keymap, commands: Mapping[str, OwnCommand]
) -> list[tuple[tuple[str, ...], str]]:
    """Return the faults for which `make_keymap` would raise, each with its place in the config."""
    return _assigned(preset, own, commands)[1]


def _assigned(
    preset: str, own: Keymap, commands: Mapping[str, OwnCommand]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[tuple[str, ...], str]]]:
    of_commands = {f"{OWN}{name}": command.keys for name, command in commands.items()}
    faults = [*_unknown(own, of_commands)]
    keys = DEFAULT_KEYS | dict(PRESETS[preset])
    own = {name: tuple(map(textual_key, written)) for name, written in own.items() if name in keys}
    taken = YIELDING.intersection(
        key for name, written in own.items() if name not in _OF_REVIEW for key in written
    )
    keys = {
        name: tuple(key for key in written if key not in taken or name in _OF_REVIEW)
        for name, written in keys.items()
    } | own
    keys |= {name: tuple(map(textual_key, written)) for name, written in of_commands.items()}
    owners: dict[tuple[bool, str], str] = {}
    for name, written in keys.items():
        for key in written:
            # The review has keys of its own.
            owner = owners.setdefault((name in _OF_REVIEW, key), name)
            if owner != name:
                both = f"{owner} and {name}"
                fault = f"keys: {key_name(key)} is assigned to both {both}: change one of them"
                faults.append((name if name in own or name in of_commands else owner, fault))
    return keys, [(_path(name), fault) for name, fault in faults]


def _unknown(own: Keymap, of_commands: Keymap) -> Iterator[tuple[str, str]]:
    """Yield the actions and keys that do not exist: the action's name, and the fault."""
    for name in (name for name in own if name not in DEFAULT_KEYS):
        near = nearest(name, DEFAULT_KEYS)
        advice = f" (did you mean {near}?)" if near else ""
        yield name, f"keys.{name}: there is no such action{advice}; `taskdash config schema` names them all"
    names = 'a sign or a letter, or a name such as "space", "delete", "f5", "ctrl+p", "alt+x"'
    for name, written in (*own.items(), *of_commands.items()):
        for key in written:
            if not is_key(textual_key(key)):
                where = ".".join(_path(name))
                yield name, f'{where}: there is no key "{inert_line(key, 40)}": write {names}'


def _path(name: str) -> tuple[str, ...]:
    return (*name.split(".", 1), "key") if name.startswith(OWN) else ("keys", name)


def changed_keys(keymap: Keymap) -> dict[str, str]:
    """Return the keys that differ from the table of actions, as `App.set_keymap` takes them."""
    return {
        name: ",".join(keys) or NO_KEY
        for name, keys in keymap.items()
        if name in DEFAULT_KEYS and tuple(keys) != DEFAULT_KEYS[name]
    }


class FooterKey(NamedTuple):
    """Names a key in the footer, and what it does."""

    key: str
    does: str
    action: str


def footer_keys(keymap: Keymap, *, on_marks: bool, zoomed: bool) -> list[FooterKey]:
    """Return the keys of the footer, which differ while rows are marked or the detail fills the screen."""
    shown = FOOTER_ON_MARKS if on_marks else FOOTER
    own = {name: name.removeprefix(OWN) for name in keymap if name.startswith(OWN)}
    last = {name: shown[name] for name in ("help", "quit")}
    shown = {name: does for name, does in shown.items() if name not in last} | own | last
    if zoomed:
        shown = {name: "list" if name in ("zoom", "close") else short for name, short in shown.items()}
    return review_keys(keymap, shown)


def review_keys(keymap: Keymap, shown: Mapping[str, str] = FOOTER_OF_REVIEW) -> list[FooterKey]:
    """Return the keys of the footer in the review, or those with the labels in `shown`, by action."""
    named = {name: short for name, short in shown.items() if keymap[name]}
    return [FooterKey(key_name(keymap[name][0]), short, name) for name, short in named.items()]


def key_name(key: str) -> str:
    """Return the display name of a key of Textual's."""
    return KEY_NAMES.get(key, key)


def textual_key(name: str) -> str:
    """Return Textual's name for a key of the config: `question_mark` for `?`, `escape` for `Esc`."""
    *modifiers, key = [name] if len(name) == 1 else name.split("+")
    if name.endswith("++"):
        modifiers, key = modifiers[:-1], "+"
    modifiers = [modifier.casefold() for modifier in modifiers]
    if modifiers == ["shift"] and len(key) == 1 and key.isalpha():
        return key.upper()
    if len(key) == 1 and not key.isalnum():
        key = unicodedata.name(key, key).lower().replace("-", "_").replace(" ", "_")
        key = _SHORTENED.get(key, key)
    elif len(key) > 1 or (modifiers and "shift" not in modifiers):
        # Terminals cannot tell Ctrl+A from Ctrl+a.
        key = _SPELLINGS.get(key.casefold(), key.casefold())
    whole = "+".join([*modifiers, key])
    return _SENT_AS.get(whole, whole)


def is_key(name: str) -> bool:
    """Return whether a key, as Textual names it, exists."""
    *modifiers, key = name.split("+")
    return _MODIFIERS.issuperset(modifiers) and (len(key) == 1 or key in _NAMED or _is_sign(key))


def _is_sign(name: str) -> bool:
    if name in map(textual_key, punctuation):
        return True
    with suppress(KeyError):
        return bool(unicodedata.lookup(name.replace("_", " ")))
    return False
