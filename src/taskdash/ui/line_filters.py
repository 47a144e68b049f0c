"""Filters lines, the last step before output: makes text inert, and fits colours to the terminal.

Text is made inert where it enters; this is the safety net. Filters run after widths are measured, so they protect the
terminal, not the alignment of columns.

With 16 or 256 colours, Rich rounds the pale red of a failure and the pale green of a success to two greys, and a dark
grey with a trace of blue to navy. Here a colour keeps its hue, and one with hardly any becomes a grey.
"""

from __future__ import annotations

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
"""The CSS class of an app on a terminal with 16 colours."""
EIGHT_BITS: Final = "-eight-bits"
"""The CSS class of an app on a terminal with 256 colours."""
_LEVELS: Final = (0, 95, 135, 175, 215, 255)
"""Levels of red, green and blue in the 6x6x6 cube of colours, which starts at 16; 24 greys follow it."""
_PALE: Final = 0.2
"""Text becomes grey if its chroma, the strongest minus the weakest part of its colour, is less than this ..."""
_PALE_GROUND: Final = 0.4
"""... and so do backgrounds below this: 16 colours have no tints. The style sheets use others (`FEW_COLOURS`)."""
_TRACE: Final = 0.1
"""With less chroma than this a colour becomes grey in 256 colours, too."""
_GREYS: Final = ((0.3, 0), (0.5, 8), (0.8, 7), (2.0, 15))
"""Black, dark grey, light grey and white: the lightness that each ends at, and its number."""
_HUES: Final = ((30, 1), (75, 3), (165, 2), (200, 6), (260, 4), (330, 5), (361, 1))
"""Red, yellow, green, cyan, blue and magenta: the degree that each ends at, and its number."""
_BRIGHT_FROM: Final = 0.4
_ON_LIGHT: Final = {3: 0, 7: 8, 8: 8, 11: 0, 15: 8}
"""Replacements for colours that are illegible on white; all others become the dark one of their hue."""
_LIGHT: Final = (7, 15)
_NEED_WHITE: Final = (1, 4, 5, 8)
"""On these backgrounds only white is sure to be legible; on the other coloured ones, only black."""


class InertLines(LineFilter):
    """Removes everything a terminal acts on: control characters become U+FFFD, format characters go.

    It may also change styles: a second filter would walk every line again.
    """

    def __init__(self, restyle: Callable[[Style], Style] | None = None) -> None:
        super().__init__()
        self._restyle = restyle

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's
        if not all(text.isprintable() for text, _, _ in segments):
            segments = [
                segment if segment.text.isprintable() else Segment(_inert(segment.text), segment.style)
                for segment in segments
            ]
        restyle = self._restyle
        if restyle is None:
            return segments
        return [
            each if each.control or each.style is None else Segment(each.text, restyle(each.style))
            for each in segments
        ]


@lru_cache(1024)
def without_colour(style: Style) -> Style:
    """Return a style with bold, reverse and the like, but no colours; Textual's own filter leaves shades of grey.

    Textual's lists drop `reverse` from the style of the selected option. The style sheets ask for it by `strike`, which
    nothing else uses.
    """
    return style.without_color + _REVERSE if style.strike else style.without_color


def _inert(text: str) -> str:
    # Blanks are part of the drawing, but `inert_line` strips them from the ends.
    return "".join(char if char == " " else inert_line(f".{char}.")[1:-1] for char in text)


_TEXTS: Final = ("error", "success", "warning", "primary", "secondary", "accent", "muted")
_ON_DARK_GROUNDS: Final = ("#ff5555", "#55ff55", "#ffff55", "#55ffff", "#ff55ff", "#5555ff", "#aaaaaa")
_ON_LIGHT_GROUNDS: Final = ("#aa0000", "#00aa00", "#aa00aa", "#0000aa", "#00aaaa", "#000000", "#555555")


def texts_in_16(variables: Mapping[str, str]) -> dict[str, str]:
    """Return text colours for a theme on 16 colours: a distinct one for each meaning."""
    background = Color.parse(variables["background"])
    if background.ansi is not None:
        return {}
    is_dark = background.brightness < 0.5
    colours = zip(_TEXTS, _ON_DARK_GROUNDS if is_dark else _ON_LIGHT_GROUNDS, strict=True)
    return {
        "foreground": "#ffffff" if is_dark else "#000000",
        **{f"text-{name}": each for name, each in colours},
    }


def rounding_for(colour_system: str | None) -> InertLines | None:
    """Return the filter that rounds colours to those of a system, as Rich names it; None if it has all colours."""
    ways = {"standard": _rounded_to_16, "256": _rounded_to_256}
    return InertLines(ways[colour_system]) if colour_system in ways else None


def fit_to_terminal(app: App[Any]) -> InertLines | None:
    """Give an app, before it runs, the CSS class for its terminal's colours; return the filter it needs, if any."""
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
    # Many terminals draw bold black as grey.
    return rounded + Style(bold=False) if colour == 0 and on not in _LIGHT else rounded


@lru_cache(1024)
def _style(text: int | None, ground: int | None) -> Style:
    """Return a style with colours by number; None leaves a colour unchanged."""
    colours = (None if number is None else RichColor.from_ansi(number) for number in (text, ground))
    return Style(color=next(colours), bgcolor=next(colours))


@lru_cache(1024)
def in_256(colour: tuple[int, int, int], *, is_text: bool = False) -> int:
    """Return the number of the nearest of 256 colours, except the first 16, which differ between terminals.

    Text with a trace of a hue keeps it: as a grey it would mean nothing.
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
        """Return the distance between the colours; hue counts most."""
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
    """Return the number of the one of 16 colours with the same hue, or of the nearest grey if it is `pale`."""
    hue, lightness, _ = rgb_to_hls(*(part / 255 for part in colour))
    if _chroma(colour) < pale:
        return next(grey for end, grey in _GREYS if lightness < end)
    return next(number for end, number in _HUES if hue * 360 < end) + 8 * (lightness >= _BRIGHT_FROM)


def _seen_on(ground: int, text: int) -> int:
    """Return a text colour that is legible on a background, whatever shades the terminal has for both."""
    if ground == 0:
        return text or 7
    if ground in _LIGHT:
        return _ON_LIGHT.get(text, text % 8)
    return 15 if ground in _NEED_WHITE else 0
