"""The last look at what is drawn: that nothing in it acts, and that its colours are those that the terminal has.

Text is made inert where it enters; this is the net for what slipped through. A filter runs after widths were measured,
so it keeps harm from the terminal, not columns aligned.

Of 16 or 256 colours Rich's own way takes the pale red of a failure and the pale green of a success for two greys, and a
dark grey with a trace of blue for navy. Here a colour keeps its hue, and one with hardly any is a grey.
"""

from __future__ import annotations

import re
from colorsys import rgb_to_hls
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.app import App

_REVERSE: Final = Style(reverse=True, strike=False)
FEW_COLOURS: Final = "-few-colours"
"""The class of an application on a terminal of 16 colours."""
EIGHT_BITS: Final = "-eight-bits"
"""The class of one on a terminal of 256."""
_COLOURLESS: Final = r"vt(?:52|100|102|220|320|420)(?:-.*)?|.*-(?:m|mono)"
_LEVELS: Final = (0, 95, 135, 175, 215, 255)
"""Of red, green and blue in the 6x6x6 colours that begin at 16; 24 greys come after them."""
_PALE: Final = 0.2
"""Texts with less between the strongest and the weakest part of their colour are grey ..."""
_PALE_GROUND: Final = 0.4
"""... and so are grounds: 16 colours have no tints. The style sheets have others there (`FEW_COLOURS`)."""
_TRACE: Final = 0.1
"""With less than that they are grey among 256 colours too."""
_GREYS: Final = ((0.3, 0), (0.5, 8), (0.8, 7), (2.0, 15))
"""Black, dark grey, light grey and white, by the lightness that each ends at."""
_HUES: Final = ((30, 1), (75, 3), (165, 2), (200, 6), (260, 4), (330, 5), (361, 1))
"""Red, yellow, green, cyan, blue and magenta, by the degree that each ends at."""
_BRIGHT_FROM: Final = 0.4
_ON_LIGHT: Final = {3: 0, 7: 8, 8: 8, 11: 0, 15: 8}
"""What stands for colours that cannot be read on white; the others are the dark ones of their hue."""
_LIGHT: Final = (7, 15)
_NEED_WHITE: Final = (1, 4, 5, 8)
"""On these grounds only white is sure to be read, on the coloured ones besides them only black."""


class InertLines(LineFilter):
    """Leaves nothing that a terminal acts on: controls become U+FFFD, format characters go."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's
        if all(text.isprintable() for text, _, _ in segments):
            return segments
        return [
            segment if segment.text.isprintable() else Segment(_inert(segment.text), segment.style)
            for segment in segments
        ]


class Colourless(InertLines):
    """Leaves bold, reverse and the like, but no colour: Textual's own way of it, shades of grey, is colours.

    Textual's lists lose `reverse` from the style of what is chosen in them. The style sheets ask for it by `strike`,
    which nothing else has.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text, style and _without_colour(style))
            for text, style, _ in super().apply(segments, background)
        ]


@lru_cache(1024)
def _without_colour(style: Style) -> Style:
    return style.without_color + _REVERSE if style.strike else style.without_color


def _inert(text: str) -> str:
    # Blanks at the ends are part of the drawing.
    return "".join(char if char == " " else inert_line(f".{char}.")[1:-1] for char in text)


def has_no_colour(term: str) -> bool:
    """Return whether terminals of that name have none; Textual and Rich take all for such of 16 colours at least."""
    return re.fullmatch(_COLOURLESS, term) is not None


_TEXTS: Final = ("error", "success", "warning", "primary", "secondary", "accent", "muted")
_ON_DARK_GROUNDS: Final = ("#ff5555", "#55ff55", "#ffff55", "#55ffff", "#ff55ff", "#5555ff", "#aaaaaa")
_ON_LIGHT_GROUNDS: Final = ("#aa0000", "#00aa00", "#aa00aa", "#0000aa", "#00aaaa", "#000000", "#555555")


def texts_in_16(variables: Mapping[str, str]) -> dict[str, str]:
    """Return colours for the texts of a theme: of 16, each meaning has one of its own."""
    background = Color.parse(variables["background"])
    if background.ansi is not None:
        return {}
    is_dark = background.brightness < 0.5
    colours = zip(_TEXTS, _ON_DARK_GROUNDS if is_dark else _ON_LIGHT_GROUNDS, strict=True)
    return {
        "foreground": "#ffffff" if is_dark else "#000000",
        **{f"text-{name}": each for name, each in colours},
    }


class Rounded(InertLines):
    """Leaves only colours that the terminal has, in inert text: each filter more is a walk over every line."""

    def __init__(self, round_style: Callable[[Style], Style]) -> None:
        super().__init__()
        self._round = round_style

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment if control or style is None else Segment(text, self._round(style))
            for segment in super().apply(segments, background)
            for text, style, control in [segment]
        ]


def rounding_for(colour_system: str | None) -> Rounded | None:
    """Return what to draw through on a terminal of such colours, as Rich names them; None where it has all."""
    ways = {"standard": _rounded_to_16, "256": _rounded_to_256}
    return Rounded(ways[colour_system]) if colour_system in ways else None


def fit_to_terminal(app: App[Any]) -> Rounded | None:
    """Give an application that is to run the class of its terminal; return what it is to be drawn through, if any."""
    colour_system = app.console.color_system
    if name := {"standard": FEW_COLOURS, "256": EIGHT_BITS}.get(colour_system or ""):
        app.add_class(name, update=False)
    return rounding_for(colour_system)


@lru_cache(4096)
def _rounded_to_256(style: Style) -> Style:
    text, ground = (each and each.triplet for each in (style.color, style.bgcolor))
    return style + _style(text and in_256(text, is_text=True), ground and in_256(ground))


@lru_cache(4096)
def _rounded_to_16(style: Style) -> Style:
    text, ground = (each and each.triplet for each in (style.color, style.bgcolor))
    on = ground and in_16(ground, _PALE_GROUND)
    colour = text and in_16(text)
    if colour is not None and on is not None:
        colour = _seen_on(on, colour)
    rounded = style + _style(colour, on)
    # Many a terminal writes bold black in grey.
    return rounded + Style(bold=False) if colour == 0 and on not in _LIGHT else rounded


def _style(text: int | None, ground: int | None) -> Style:
    """Return a style of colours by their numbers; None leaves one as it is."""
    colours = (None if number is None else RichColor.from_ansi(number) for number in (text, ground))
    return Style(color=next(colours), bgcolor=next(colours))


@lru_cache(1024)
def in_256(colour: tuple[int, int, int], *, is_text: bool = False) -> int:
    """Return the number of the nearest of 256 colours, whatever the terminal makes of the first 16.

    A text with a trace of a hue keeps it: as a grey it would mean nothing.
    """
    around = [sorted(range(6), key=lambda level: abs(_LEVELS[level] - part))[:2] for part in colour]
    cells = {16 + 36 * r + 6 * g + b: (_LEVELS[r], _LEVELS[g], _LEVELS[b]) for r, g, b in product(*around)}
    grey = max(0, min(23, round((sum(colour) / 3 - 8) / 10)))
    greys = {16: (0, 0, 0), 232 + grey: (8 + 10 * grey,) * 3, 231: (255, 255, 255)}
    if is_text:
        cells = {number: cell for number, cell in cells.items() if _chroma(cell)}
    pale = _TRACE if is_text else _PALE
    found = (cells if _chroma(colour) >= _TRACE else {}) | (greys if _chroma(colour) < pale else {})
    hue = _hue(colour)

    def difference(number: int) -> float:
        """Return how unlike the colours are, the hue of which counts most."""
        cell = found[number]
        turn = abs(hue - _hue(cell)) if _chroma(cell) else 0
        return sum((a - b) ** 2 for a, b in zip(colour, cell, strict=True)) + (2 * min(turn, 360 - turn)) ** 2

    return min(found, key=difference)


def _chroma(colour: tuple[int, int, int]) -> float:
    return (max(colour) - min(colour)) / 255


def _hue(colour: tuple[int, int, int]) -> float:
    """Return the hue in degrees."""
    red, green, blue = (part / 255 for part in colour)
    return rgb_to_hls(red, green, blue)[0] * 360


def in_16(colour: tuple[int, int, int], pale: float = _PALE) -> int:
    """Return the number of the one of 16 colours that has the hue of this one, or is the grey next to it."""
    hue, lightness, _ = rgb_to_hls(*(part / 255 for part in colour))
    if _chroma(colour) < pale:
        return next(grey for end, grey in _GREYS if lightness < end)
    return next(number for end, number in _HUES if hue * 360 < end) + 8 * (lightness >= _BRIGHT_FROM)


def _seen_on(ground: int, text: int) -> int:
    """Return a colour for a text that can be read on a ground, in whatever colours the terminal has for both."""
    if ground == 0:
        return text or 7
    if ground in _LIGHT:
        return _ON_LIGHT.get(text, text % 8)
    return 15 if ground in _NEED_WHITE else 0
