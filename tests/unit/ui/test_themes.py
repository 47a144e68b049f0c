"""Every theme can be read: what is written stands out from what it is written on, and one colour means one thing."""

from __future__ import annotations

from itertools import combinations

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from taskdash.ui.themes import TEXTS, THEMES, contrast, grounds_of, legible_theme

WANTED = 4.5
"""Of text, by the Web Content Accessibility Guidelines."""
ALL = {theme.name: theme for theme in (*BUILTIN_THEMES.values(), *THEMES)}
COLOURED = [name for name in ALL if "ansi" not in name]
"""The terminal's own colours look like nobody knows what."""
MEANINGS = ("text-error", "text-warning", "text-success", "text-accent", "text-primary", "text-secondary")


def seen(theme: str) -> dict[str, str]:
    variables = ALL[theme].to_color_system().generate()
    return {**variables, **legible_theme(variables)}


@pytest.mark.parametrize("theme", COLOURED)
def test_every_text_is_read_on_every_ground_and_muted_text_is_dimmer(theme: str) -> None:
    variables = seen(theme)
    wanted = 7.0 if theme.startswith("high") else WANTED
    grounds = grounds_of(variables)
    assert len(grounds) == 4
    for ground in grounds:
        ratios = {name: contrast(Color.parse(variables[name]), ground) for name in (*TEXTS, "text-muted")}
        assert {name: ratio for name, ratio in ratios.items() if ratio < wanted} == {}, ground.hex
        assert ratios["text-muted"] < 0.9 * ratios["foreground"] or theme.startswith("high"), ground.hex
        assert ratios["text-muted"] < ratios["foreground"]


def test_a_theme_whose_states_are_all_grey_is_legible_too() -> None:
    variables = Theme("grey", "#ffffff", accent="red").to_color_system().generate()
    assert "text-accent" in legible_theme(variables)


@pytest.mark.parametrize(
    "theme",
    [
        Theme("grey", "#0088ff", foreground="#555555", background="#222222"),
        Theme("pale", "#0088ff", background="#fafafa", dark=False, variables={"text-muted": "#aaaaaa"}),
    ],
    ids=lambda theme: theme.name,
)
def test_the_texts_of_a_theme_that_nobody_could_read_are_moved_until_one_can(theme: Theme) -> None:
    variables = theme.to_color_system().generate()
    grounds = grounds_of(variables)
    legible = variables | legible_theme(variables)
    for name in ("foreground", "text-muted"):
        assert min(contrast(Color.parse(legible[name]), ground) for ground in grounds) >= WANTED


def test_one_colour_means_one_thing() -> None:
    alike: dict[str, list[tuple[str, str]]] = {}
    for theme in COLOURED:
        variables = seen(theme)
        hues = {name: 360 * Color.parse(variables[name]).hsl.h for name in MEANINGS}
        for one, other in combinations(MEANINGS, 2):
            apart = abs(hues[one] - hues[other])
            # A theme's own three of states and problems are its own affair.
            if min(apart, 360 - apart) < 20 and other not in MEANINGS[:3]:
                alike.setdefault(theme, []).append((one, other))
    assert alike == {}


def test_the_terminals_own_colours_mean_one_thing_each() -> None:
    for theme in set(ALL) - set(COLOURED):
        variables = seen(theme)
        assert len({variables[name] for name in MEANINGS}) == len(MEANINGS), theme
