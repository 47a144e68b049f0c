"""Learns how long tasks usually take from the finished tasks of this list.

Each model is learned separately, from its last `KEPT` finished tasks, as gateways get faster and slower and
old tasks say little about today's. A variant (size, quality and the like) is kept apart only once this list
shows that it differs from the model's other tasks; until then it shares their history. A model without
finished tasks starts from a guess by its name (videos take minutes) and from its siblings of the same sort
on this list.

Figures *shown* to people never rest on such a guess: `Durations.usual` is None until `SHOWN_FROM` tasks are finished.
Tasks that are still waiting count as well, as the first half of a batch to finish is the quick half.
"""

from __future__ import annotations

import math
import re
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from statistics import fmean, median, variance
from typing import TYPE_CHECKING, Final, TypeAlias, TypeGuard

from taskdash.domain.survival import Curve, Prior, ended_shares, fit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

KEPT: Final = 200
"""Finished tasks remembered per model, and per variant of it."""
SHOWN_FROM: Final = 5
_TOLD_APART_FROM: Final = 8
_MODELS: Final = 500
_VARIANTS: Final = 64
_LONGEST_WAIT_MS: Final = 86_400_000
"""A task that has waited longer hangs, and says nothing about the others."""
_OVERDUE: Final = 2
_LEAST_MS: Final = 50
_MOST_MS: Final = 7 * 86_400_000
Finished: TypeAlias = "tuple[str | None, str | None, int | None]"
"""Model, variant, and `costTime` in milliseconds."""
Waiting: TypeAlias = "tuple[str | None, str | None, int]"
"""Model, variant, and the age at which it was last seen unfinished, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Usual:
    """The usual durations of one kind of task."""

    ms: int
    """The time within which half of them end."""
    most_ms: int
    """The time within which three quarters end."""
    overdue_ms: int
    """Twice the time within which nine in ten end; a task that waits longer is overdue."""
    is_more: bool = False
    """Whether fewer than half have ended, so that `ms` is only a lower bound."""


class Sort(Enum):
    """The output of a model, guessed from its name; the value is the initial estimate of its duration in seconds."""

    IMAGE = 32.0
    """From the one duration on the API's page: 32,241 ms."""
    VIDEO = 180.0
    AUDIO = 60.0
    UNKNOWN = 45.0


# Searched in this order: "image-to-video" makes a video.
_WORDS: Final = (
    (
        Sort.VIDEO,
        re.compile(r"video|seedance|kling|veo|sora|runway|hailuo|wan|luma|pika|animate|avatar|t2v|i2v"),
    ),
    (Sort.AUDIO, re.compile(r"audio|music|suno|speech|tts|voice|elevenlabs|sound|song|lyria")),
    (
        Sort.IMAGE,
        re.compile(
            r"image|flux|midjourney|banana|ideogram|seedream|recraft|dall|diffusion|photo|upscale|4o|qwen"
        ),
    ),
)


def sort_of(model: str | None) -> Sort:
    """Return the sort of a model by the words in its name."""
    name = (model or "").lower()
    return next((sort for sort, words in _WORDS if words.search(name)), Sort.UNKNOWN)


@dataclass(slots=True)
class _History:
    """The last finished tasks of one model or variant, as logarithms of seconds."""

    logs: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    learned: int = 0
    """How many were ever added; tells the age of a fitted curve."""
    curve: Curve | None = None
    fitted_at: tuple[int, int] = (0, 0)

    def add(self, log_s: float) -> None:
        self.logs.append(log_s)
        self.learned += 1

    def is_stale(self, learned_in_all: int) -> bool:
        """Return whether the curve should be fitted again: after each of the first tasks, later after a tenth more."""
        own, whole = self.fitted_at
        if self.learned - own >= max(1, min(own, KEPT) // 10):
            return True
        # With few tasks of its own, those of its siblings count.
        return len(self.logs) < SHOWN_FROM and learned_in_all - whole >= max(1, whole // 10)


@dataclass(slots=True)
class _Model:
    sort: Sort
    all: _History = field(default_factory=_History)
    names: deque[str | None] = field(default_factory=lambda: deque(maxlen=KEPT))
    """The variant of each of `all`."""
    variants: dict[str, _History] = field(default_factory=dict)
    told_apart: dict[str, tuple[int, bool]] = field(default_factory=dict)
    """Per variant, the number of finished tasks when it was last compared, and whether it differs from the rest."""

    def learn(self, variant: str | None, log_s: float) -> None:
        self.all.add(log_s)
        self.names.append(variant)
        if variant is None:
            return
        if variant not in self.variants and len(self.variants) >= _VARIANTS:
            oldest = next(iter(self.variants))
            del self.variants[oldest]
            self.told_apart.pop(oldest, None)
        self.variants.setdefault(variant, _History()).add(log_s)

    def history(self, variant: str | None) -> _History:
        own = self.variants.get(variant) if variant is not None else None
        if variant is None or own is None:
            return self.all
        at, differs = self.told_apart.get(variant, (-1, False))
        if at != self.all.learned:
            others = [x for x, name in zip(self.all.logs, self.names, strict=True) if name != variant]
            differs = _differs(own.logs, others)
            self.told_apart[variant] = (self.all.learned, differs)
        return own if differs else self.all


class Durations:
    """The durations of this list's tasks. Memory is bounded by models, not by tasks.

    It starts with the tasks already `finished`, the oldest first.
    """

    def __init__(self, finished: Iterable[Finished] = ()) -> None:
        self._models: dict[str, _Model] = {}
        self._learned = 0
        self._unknown: dict[str, _History] = {}
        self._waiting: dict[str, list[tuple[str | None, float]]] = {}
        self._usual: dict[tuple[str | None, str | None], Usual | None] = {}
        for model, variant, cost_ms in finished:
            self.learn(model, variant, cost_ms)

    def learn(self, model: str | None, variant: str | None, cost_ms: int | None) -> bool:
        """Add a finished task; return False if it is of no use (no model, or no plausible time)."""
        if not model or not _is_duration(cost_ms):
            return False
        log_s = math.log(max(cost_ms, _LEAST_MS) / 1000.0)
        known = self._models.pop(model, None) or _Model(sort_of(model))
        # The latest model comes last, so a flood of made-up names evicts those that are out of use.
        self._models[model] = known
        if len(self._models) > _MODELS:
            del self._models[next(iter(self._models))]
        known.learn(variant, log_s)
        self._learned += 1
        self._usual.clear()
        return True

    def see_waiting(self, waiting: Iterable[Waiting]) -> None:
        """Replace the tasks known to be waiting."""
        self._waiting.clear()
        self._usual.clear()
        for model, variant, age_ms in waiting:
            if model and 0 < age_ms <= _LONGEST_WAIT_MS:
                self._waiting.setdefault(model, []).append((variant, math.log(age_ms / 1000.0)))

    def count(self, model: str | None, variant: str | None = None) -> int:
        """Return how many finished tasks the figures of this model and variant rest on, at most `KEPT`."""
        history = self._history(model, variant)
        return len(history.logs) if history else 0

    def usual(self, model: str | None, variant: str | None = None) -> Usual | None:
        """Return how long such tasks usually take, or None if there is too little history: an ETA is never made up."""
        kind = (model, variant)
        if kind not in self._usual:
            self._usual[kind] = self._usual_of(model, variant)
        return self._usual[kind]

    def _usual_of(self, model: str | None, variant: str | None) -> Usual | None:
        known = self._models.get(model) if model else None
        history = known.history(variant) if known else None
        if model is None or known is None or history is None or len(history.logs) < SHOWN_FROM:
            return None
        waiting = [
            log_s for name, log_s in self._waiting.get(model, ()) if history is known.all or name == variant
        ]
        shares = ended_shares(history.logs, waiting)
        half_ms, most_ms, nearly_all_ms = (
            round(1000 * math.exp(next((log_s for log_s, ended in shares if ended >= share), shares[-1][0])))
            for share in (0.5, 0.75, 0.9)
        )
        return Usual(half_ms, most_ms, _OVERDUE * nearly_all_ms, is_more=shares[-1][1] < 0.5)

    def curve(self, model: str | None, variant: str | None = None) -> Curve:
        """Return how likely a task of this model and variant is still unfinished at each age.

        The same object is returned until enough has been learned to fit it again.
        """
        history = self._history(model, variant)
        if history is None:
            # Never learned: one curve per sort serves all such models.
            history = self._unknown.setdefault(sort_of(model).name, _History())
        if history.curve is None or history.is_stale(self._learned):
            history.curve = fit(tuple(history.logs), self._prior(model, history))
            history.fitted_at = (history.learned, self._learned)
        return history.curve

    def _history(self, model: str | None, variant: str | None) -> _History | None:
        known = self._models.get(model) if model else None
        return known.history(variant) if known else None

    def _prior(self, model: str | None, history: _History) -> Prior:
        known = self._models.get(model) if model else None
        if known is not None and history is not known.all:
            return Prior(mean=fmean(known.all.logs))
        sort = sort_of(model)
        siblings = [
            median(other.all.logs)
            for name, other in self._models.items()
            if other.sort is sort and name != model and len(other.all.logs) >= SHOWN_FROM
        ]
        return Prior(mean=fmean([math.log(sort.value), *siblings]))


def _is_duration(cost_ms: object) -> TypeGuard[int | float]:
    if isinstance(cost_ms, bool) or not isinstance(cost_ms, int | float):
        return False
    return 0 < cost_ms <= _MOST_MS  # also False for NaN


def _differs(mine: Collection[float], others: Collection[float]) -> bool:
    """Return whether a variant's durations differ from its model's others: beyond chance, and enough to matter."""
    if len(mine) < _TOLD_APART_FROM or len(others) < _TOLD_APART_FROM:
        return False
    error = math.sqrt(variance(mine) / len(mine) + variance(others) / len(others))
    return abs(fmean(mine) - fmean(others)) > max(0.15, 3.0 * error)
