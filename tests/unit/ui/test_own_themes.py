"""Themes of the user's own: a right one is one of Textual's, a wrong one is a line that says what and where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.css.stylesheet import Stylesheet
from textual.theme import Theme

from taskdash.domain.errors import ConfigError
from taskdash.ui.own_themes import _FIELDS, _VARIABLES, known_themes, load_theme, load_themes
from taskdash.ui.themes import legible_theme

GOOD = """\
primary = "#3d8bff"
secondary = "slateblue"
background = "rgb(16, 16, 24)"
foreground = "#e8e8e8"
dark = true
text_alpha = 0.9
[variables]
text-muted = "#9a9aa8"
block-cursor-text-style = "bold"
link-color = "auto 80%"
"""


def test_a_right_theme_has_what_its_file_says_and_the_name_of_that(tmp_path: Path) -> None:
    path = tmp_path / "night-sky.toml"
    path.write_text(GOOD)
    assert load_theme(path) == Theme(
        "night-sky",
        primary="#3d8bff",
        secondary="slateblue",
        background="rgb(16, 16, 24)",
        foreground="#e8e8e8",
        text_alpha=0.9,
        variables={"text-muted": "#9a9aa8", "block-cursor-text-style": "bold", "link-color": "auto 80%"},
    )
    (tmp_path / "minimal.toml").write_text('primary = "#8a2be2"')
    (tmp_path / "broken.toml").write_text("primary =")
    (tmp_path / "notes.txt").write_text("no theme")
    found, faults = load_themes(tmp_path)
    assert [theme.name for theme in found] == ["minimal", "night-sky"]
    assert len(faults) == 1
    assert {"auto", "nord", "high-contrast-dark", "broken", "night-sky"} <= set(known_themes(tmp_path))
    assert load_themes(tmp_path / "none") == ([], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("primary = ", "not valid TOML: Invalid value (at end of document)"),
        ('primray = "#fff"', 'line 1: primray: unknown key. Did you mean "primary"?'),
        ("dark = true", "primary is missing"),
        ('primary = "#fff"\ndark = 1', "line 2: dark: must be true or false"),
        ('primary = "bleu"', 'line 1: primary: "bleu" is not a colour'),
        ('primary = "ansi_blue"', "is not a colour"),
        ('primary = "#fff"\ntext_alpha = 2', "line 2: text_alpha: must be a number above 0 and up to 1"),
        (
            'primary = "#fff"\n[variables]\ntext-mutd = "red"',
            'line 3: variables.text-mutd: unknown key. Did you mean "text-muted"?',
        ),
        ('primary = "#fff"\n[variables]\nlink-style = "blinking"', "line 3: variables.link-style"),
        ('primary = "#fff"\n[variables]\ntext-muted = "auto 60"', "line 3: variables.text-muted"),
        (
            'primary = "#fff"\n[variables]\nsurface = "auto"',
            'line 3: variables.surface: "auto" is not a colour',
        ),
        ('primary = "sk-CANARY-0123456789abcdef"', "looks like an API key"),
    ],
)
def test_a_wrong_theme_is_one_line_with_what_is_wrong_in_it(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_theme(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert message.isprintable()
    assert "CANARY" not in message


def test_a_pipe_among_the_themes_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    assert load_themes(tmp_path) == (
        [],
        [f"{tmp_path / name}.toml: not a file" for name in ("folder", "pipe")],
    )


@pytest.mark.parametrize("name", ["a b", "auto", "1a", "ä", "x" * 61])
def test_a_name_that_style_sheets_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.toml"
    path.write_text(GOOD)
    with pytest.raises(ConfigError, match="the file's name is the theme's"):
        load_theme(path)


WORDS = (
    "red|#fff|#12345678|auto|auto 60%|red 50%||none|bold|not bold|b u|$primary|; } * { color: red|rgb(1,2,3)"
    "|hsl(1,2%,3%)|initial|transparent|ansi_red|\n"
)
VALUES = st.sampled_from(WORDS.split("|")) | st.text(max_size=8).filter(lambda text: "\x00" not in text)


@settings(max_examples=25)
@given(
    st.dictionaries(st.sampled_from(sorted(set(_FIELDS) - {"variables"})), VALUES, max_size=3),
    st.dictionaries(st.sampled_from(sorted(_VARIABLES)), VALUES, max_size=3),
)
def test_whatever_is_taken_textual_can_draw_with(
    tmp_path: Path, values: dict[str, str], variables: dict[str, str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(tomli_w.dumps({"primary": "#3d8bff", **values, "variables": variables}))
    try:
        theme = load_theme(path)
    except ConfigError:
        return
    css = theme.to_color_system().generate() | theme.variables
    css |= legible_theme(css)
    sheet = Stylesheet(variables=css)
    rules = "".join(
        f"A {{ {'text-style' if name.endswith('style') else 'color'}: ${name}; }}\n" for name in variables
    )
    sheet.add_source(rules + "B { background: $background; color: $foreground; }")
    sheet.parse()
