"""Formats durations, ages and credits for people (`34s`, `1m52s`, `3d4h`): everywhere but in JSON and CSV."""

from __future__ import annotations

from typing import Final

NONE: Final = "–"
"""Shown for an unknown value."""
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_DECIMAL_BELOW_MS: Final = 9_950


def duration(ms: float | None, *, measured: bool = False) -> str:
    """Return a duration in its largest unit and the next smaller one: `0s`, `34s`, `2m`, `1m52s`, `21h37m`, `3d4h`.

    A measured one, which does not change while it is on screen, is rounded instead of truncated, and has a decimal
    below 10 s: `0.4s`, `4.2s`.
    """
    if ms is None:
        return NONE
    if measured and ms < _DECIMAL_BELOW_MS:
        return f"{max(0.0, ms) / 1000:.1f}".removesuffix(".0") + "s"
    return "".join(_parts(int(ms // 1000 + (measured and ms % 1000 >= 500))))


def age(ms: float | None) -> str:
    """Return an age in one unit: `now`, `8s`, `2m`, `21h`, `206d`; `in 5s` for the future."""
    if ms is None:
        return NONE
    if abs(ms) < 1000:
        return "now"
    words = _parts(int(abs(ms) // 1000))[0]
    return words if ms > 0 else f"in {words}"


def ago(at_ms: int | None, now_ms: int) -> str:
    """Return the age of a moment in prose: `just now`, `2m ago`; `in 5s` for the future."""
    if at_ms is None:
        return NONE
    ms = now_ms - at_ms
    return f"{age(ms)} ago" if ms >= 1000 else f"just {age(ms)}" if ms > -1000 else age(ms)


def amount(number: float | None) -> str:
    """Return an amount of credits: `4`, `0.5`, `1,234,567.25`; – if unknown."""
    return NONE if number is None else f"{number:,.4f}".rstrip("0").rstrip(".")


def tells_seconds(now_ms: int, *moments_ms: int | None) -> bool:
    """Return whether the age of any of these moments is shown in seconds, and so changes every second."""
    return any(at_ms is not None and abs(now_ms - at_ms) < 60_000 for at_ms in moments_ms)


def _parts(seconds: int) -> list[str]:
    """Return the largest unit, and the next smaller one unless it is zero."""
    seconds = max(0, seconds)
    place = next((n for n, (_, size) in enumerate(_UNITS) if seconds >= size), len(_UNITS) - 1)
    (unit, size), *smaller = _UNITS[place : place + 2]
    parts = [f"{seconds // size}{unit}"]
    for less, less_size in smaller:
        if count := seconds % size // less_size:
            parts.append(f"{count}{less}")
    return parts
