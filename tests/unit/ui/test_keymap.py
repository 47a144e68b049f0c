from __future__ import annotations

from pathlib import Path

import pytest

from taskdash.config.own import OwnCommand
from taskdash.domain.errors import ConfigError
from taskdash.ui.actions import ACTIONS, NO_KEY, REVIEW_ACTIONS, bindings
from taskdash.ui.keymap import PRESETS, FooterKey, changed_keys, footer_keys, make_keymap, textual_key


@pytest.mark.parametrize("preset", list(PRESETS))
def test_no_preset_gives_a_key_to_two_actions(preset: str) -> None:
    assert set(make_keymap(preset, {})) == {action.name for action in (*ACTIONS, *REVIEW_ACTIONS)}


def test_all_wrong_keys_are_told_at_once_and_the_file_once() -> None:
    own = {"add": ("x",), "remoev": ("q",), "help": ("hello", "f25"), "pause": ("d",)}
    with pytest.raises(ConfigError) as caught:
        make_keymap("default", own, Path("/home/me/config.toml"))
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "/home/me/config.toml", "keys.remoev", "keys.help", "keys.help", "keys", "keys",
    ]  # fmt: skip
    assert str(caught.value).count("/home/me/config.toml") == 1


@pytest.mark.parametrize("preset", list(PRESETS))
def test_keys_that_actions_got_in_2_0_stay_with_what_an_older_config_gave_them_to(preset: str) -> None:
    keymap = make_keymap(preset, {"sort": ("m",), "mark_all": ("left",)})
    assert (keymap["sort"], keymap["mark_all"], keymap["messages"]) == (("m",), ("left",), ())
    assert "left_square_bracket" in keymap["previous_tab"]
    assert "right" in keymap["next_tab"]
    with pytest.raises(ConfigError, match="m is assigned to both sort and messages"):
        make_keymap(preset, {"sort": ("m",), "messages": ("m",)})


def test_only_what_differs_is_changed_and_an_action_may_be_left_without_a_key() -> None:
    assert changed_keys(make_keymap("default", {})) == {}
    own: dict[str, tuple[str, ...]] = {"add": ("x",), "remove": ("delete", "f5"), "pause": ()}
    assert changed_keys(make_keymap("default", own)) == {"add": "x", "remove": "delete,f5", "pause": NO_KEY}


def test_an_unknown_action_is_refused_with_the_likely_one() -> None:
    said = r"keys\.remoev: there is no such action \(did you mean remove\?\); `taskdash config schema` names them all"
    with pytest.raises(ConfigError, match=said):
        make_keymap("default", {"remoev": ("q",)})


def test_each_action_is_bound_once() -> None:
    names = [each.id for place in ("screen", "pane") for each in bindings(place)]
    assert sorted(map(str, names)) == sorted(action.name for action in ACTIONS)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("?", "question_mark"),
        ("/", "slash"),
        ("[", "left_square_bracket"),
        ("Esc", "escape"),
        ("PgDn", "pagedown"),
        ("Ctrl+A", "ctrl+a"),
        ("G", "G"),
        ("+", "plus"),
        ("-", "minus"),
        ("shift+Tab", "shift+tab"),
        ("ctrl++", "ctrl+plus"),
        ("shift+b", "B"),
        ("ctrl+I", "tab"),
        ("ctrl+[", "escape"),
    ],
)
def test_keys_may_be_written_as_people_do(written: str, key: str) -> None:
    assert textual_key(written) == key


@pytest.mark.parametrize("written", ["hello", "ctrl+nonsense", "strg+a", "f25", "++a", "ctrl+"])
def test_a_key_that_no_keyboard_has_is_refused_with_its_action(written: str) -> None:
    with pytest.raises(ConfigError, match=r"keys\.remove: there is no key"):
        make_keymap("default", {"remove": (written,)})


@pytest.mark.parametrize(
    "written",
    [
        "D",
        "é",
        "f12",
        "ctrl+b",
        "alt+x",
        "ctrl+shift+up",
        "Delete",
        "left_square_bracket",
        "<",
        "backslash",
        "minus",
    ],
)
def test_any_key_there_is_may_be_given(written: str) -> None:
    assert make_keymap("default", {"remove": (written,), "previous_tab": (), "smaller_detail": ()})["remove"]


def command(name: str, *keys: str) -> dict[str, OwnCommand]:
    return {name: OwnCommand(name=name, keys=keys, command=("true",))}


def test_own_commands_have_their_keys_beside_the_actions() -> None:
    keymap = make_keymap("default", {}, None, command("up", "U", "Ctrl+u") | command("quiet"))
    assert (keymap["commands.up"], keymap["commands.quiet"]) == (("U", "ctrl+u"), ())
    assert changed_keys(keymap) == {}
    assert [
        key for key in footer_keys(keymap, on_marks=True, zoomed=False) if key.action.startswith("commands")
    ] == [FooterKey("U", "up", "commands.up")]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("d", "keys: d is assigned to both download and commands.up: change one of them"),
        ("m", "keys: m is assigned to both messages and commands.up: change one of them"),
        ("ctrl+i", "keys: Tab is assigned to both next_pane and commands.up: change one of them"),
        ("nokey", 'commands.up.key: there is no key "nokey"'),
    ],
)
def test_a_key_of_an_own_command_that_is_taken_or_none_is_refused(keys: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        make_keymap("default", {}, None, command("up", keys))
    assert told in str(error.value)


def test_two_own_commands_with_one_key_are_refused_in_the_line_of_the_second(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[commands.a]\nkey = 'U'\ncommand = ['a']\n[commands.b]\nkey = 'U'\ncommand = ['b']\n")
    with pytest.raises(ConfigError, match=r"line 5: keys: U is assigned to both commands\.a and"):
        make_keymap("default", {}, file, command("a", "U") | command("b", "U"))
