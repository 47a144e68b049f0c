"""Learns how long tasks usually take from the finished tasks of this list, and how likely one is unfinished at an age.

Each model is learned separately, from its last `KEPT` finished tasks, as gateways get faster and slower and
old tasks say little about today's. A variant (size, quality and the like) is kept apart only once this list
shows that it differs from the model as a whole; until then it shares its history. A model without
finished tasks starts from a guess by its name, as videos take minutes.

Figures *shown* to people never rest on such a guess: `Durations.usual` is None until `SHOWN_FROM` tasks are finished.
Tasks that are still waiting count as well, as the first half of a batch to finish is the quick half.

The survival curve is fitted to few or many tasks (`fit`). It works with the logarithms of durations, which are roughly
normal for one model. From eight tasks on it is the mean of two estimates: a normal distribution of unknown mean and
variance (its Bayesian prediction is a Student t: valid from the first task on, and best if durations really are
log-normal), and a kernel density estimate (better if a model has several modes, because of a cache or two types of
machine, say). The remaining share `_STUCK` is for tasks that hang, for hours or for ever.
"""

from __future__ import annotations

import math
import re
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from statistics import fmean, median, stdev, variance
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.schedule import AGES_S, Curve

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

KEPT: Final = 200
"""Finished tasks remembered per model, and per variant of it."""
SHOWN_FROM: Final = 5
_TOLD_APART_FROM: Final = 8
_LONGEST_WAIT_MS: Final = 86_400_000
"""A task that has waited longer hangs, and says nothing about the others."""
_OVERDUE: Final = 2
_LEAST_MS: Final = 50
_MOST_MS: Final = 7 * 86_400_000


class Usual(NamedTuple):
    """Tells the usual durations of one kind of task."""

    ms: int
    """The time within which half of them end."""
    most_ms: int
    """The time within which three quarters end."""
    overdue_ms: int
    """Twice the time within which nine in ten end; a task that waits longer is overdue."""
    is_more: bool = False
    """Whether fewer than half have ended, so that `ms` is only a lower bound."""


# Searched in this order: "image-to-video" makes a video.
_GUESSES: Final = (
    (180.0, r"video|seedance|kling|veo|sora|runway|hailuo|wan|luma|pika|animate|avatar|t2v|i2v"),
    (60.0, r"audio|music|suno|speech|tts|voice|elevenlabs|sound|song|lyria"),
    (32.0, r"image|flux|midjourney|banana|ideogram|seedream|recraft|dall|diffusion|photo|upscale|4o|qwen"),
)
"""How long tasks take, in seconds, by the words in the names of their models; 32,241 ms is on the API's own page."""
_UNKNOWN_S: Final = 45.0


def guess_s(model: str | None) -> float:
    """Guess from the name of a model how long its tasks take, in seconds: the same for all models of one sort."""
    name = (model or "").lower()
    return next((seconds for seconds, words in _GUESSES if re.search(words, name)), _UNKNOWN_S)


@dataclass(slots=True)
class _History:
    """Keeps the last finished tasks of one model or variant, as logarithms of seconds."""

    logs: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    learned: int = 0
    """How many were ever added; tells the age of a fitted curve."""
    curve: Curve | None = None
    fitted_at: int = 0
    differs: bool = False
    """Says of a variant that it differs from its model as a whole."""
    compared_at: int = 0
    """How many tasks of the model had been added then."""

    def add(self, log_s: float) -> None:
        self.logs.append(log_s)
        self.learned += 1

    def is_stale(self) -> bool:
        """Return whether the curve should be fitted again: after each of the first tasks, later after a tenth more."""
        return self.learned - self.fitted_at >= max(1, min(self.fitted_at, KEPT) // 10)


@dataclass(slots=True)
class _Model:
    guess_s: float
    all: _History = field(default_factory=_History)
    variants: dict[str, _History] = field(default_factory=dict)

    def learn(self, variant: str | None, log_s: float) -> None:
        self.all.add(log_s)
        if variant is not None:
            self.variants.setdefault(variant, _History()).add(log_s)

    def history(self, variant: str | None) -> _History:
        own = self.variants.get(variant or "")
        if own is None:
            return self.all
        if own.compared_at != self.all.learned:
            own.compared_at, own.differs = self.all.learned, _differs(own.logs, self.all.logs)
        return own if own.differs else self.all


class Durations:
    """Learns the durations of this list's tasks. Memory grows with the models, not with the tasks.

    It starts with the tasks already `finished`, the oldest first: model, variant and `costTime` in milliseconds.
    """

    def __init__(self, finished: Iterable[tuple[str | None, str | None, int | None]] = ()) -> None:
        self._models: dict[str, _Model] = {}
        self._waiting: dict[str, list[tuple[str | None, float]]] = {}
        self._usual: dict[tuple[str | None, str | None], Usual | None] = {}
        for model, variant, cost_ms in finished:
            self.learn(model, variant, cost_ms)

    def learn(self, model: str | None, variant: str | None, cost_ms: int | None) -> None:
        """Add a finished task, unless it is of no use: without a model, or a plausible time."""
        if not model or cost_ms is None or not 0 < cost_ms <= _MOST_MS:
            return
        log_s = math.log(max(cost_ms, _LEAST_MS) / 1000.0)
        if model not in self._models:
            self._models[model] = _Model(guess_s(model))
        self._models[model].learn(variant, log_s)
        self._usual.clear()

    def see_waiting(self, waiting: Iterable[tuple[str | None, str | None, int]]) -> None:
        """Replace the tasks known to be waiting: model, variant and the age (ms) at which it was last seen so."""
        self._waiting.clear()
        self._usual.clear()
        for model, variant, age_ms in waiting:
            if model and 0 < age_ms <= _LONGEST_WAIT_MS:
                self._waiting.setdefault(model, []).append((variant, math.log(age_ms / 1000.0)))

    def usual(self, model: str | None, variant: str | None = None) -> Usual | None:
        """Return how long such tasks usually take, or None if there is too little history: an ETA is never made up."""
        kind = (model, variant)
        if kind not in self._usual:
            self._usual[kind] = self._usual_of(model, variant)
        return self._usual[kind]

    def _usual_of(self, model: str | None, variant: str | None) -> Usual | None:
        known = self._models.get(model or "")
        history = known.history(variant) if known else None
        if known is None or history is None or len(history.logs) < SHOWN_FROM:
            return None
        seen = self._waiting.get(model or "", ())
        waiting = [log_s for name, log_s in seen if history is known.all or name == variant]
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
        known = self._models.get(model or "")
        if known is None:
            return _unseen(guess_s(model))
        history = known.history(variant)
        if history.curve is None or history.is_stale():
            expected = math.log(known.guess_s) if history is known.all else fmean(known.all.logs)
            history.curve = fit(history.logs, expected)
            history.fitted_at = history.learned
        return history.curve


@cache
def _unseen(guessed_s: float) -> Curve:
    """Return the curve of all models of a sort without a finished task."""
    return fit((), math.log(guessed_s))


def _differs(mine: Collection[float], every: Collection[float]) -> bool:
    """Return whether a variant's durations differ from all of its model: beyond chance, and enough to matter."""
    if len(mine) < _TOLD_APART_FROM:
        return False
    error = math.sqrt(variance(mine) / len(mine) + variance(every) / len(every))
    return abs(fmean(mine) - fmean(every)) > max(0.1, 3.0 * error)


# The curve

_STUCK: Final = 0.002
_STUCK_SCALE_S: Final = 600.0
_KERNEL_FROM: Final = 8
"""Kernel estimates from fewer tasks are noise."""
_LEAST_WIDTH: Final = 0.08
# The prior distribution of log seconds, before any task was seen (normal-inverse-gamma), but for its mean: how many
# tasks the mean is worth; `_SPREAD / _SHAPE` is the variance expected within one model.
_MEAN_WEIGHT: Final = 0.5
_SHAPE: Final = 2.0
_SPREAD: Final = 0.4
_FEW: Final = 0.1
"""Shares stop at the age that fewer tasks reach than this part of the finished ones: the rest is mere chance."""
_BIN: Final = 0.03
_LOW: Final = math.log(0.05)
_BINS: Final = math.ceil((math.log(AGES_S[-1]) - _LOW) / _BIN) + 1
_MIDDLES: Final = tuple(_LOW + (i + 0.5) * _BIN for i in range(_BINS))
# For each age the bin that it lies in, and how far into it.
_PLACES: Final = tuple(
    divmod(max(0.0, math.log(age) - _LOW) / _BIN, 1.0) if age else (0.0, 0.0) for age in AGES_S
)
_STUCK_ALIVE: Final = tuple((1.0 + age / _STUCK_SCALE_S) ** -0.5 for age in AGES_S)


def ended_shares(finished: Sequence[float], waiting: Sequence[float]) -> list[tuple[float, float]]:
    """Return the ages at which tasks ended, each with the share of all that had ended (Kaplan-Meier estimator).

    Waiting tasks will end at some later age than they were last seen at; without them, the estimate would be based on
    the quick tasks only. Ages are in any unit, or their logarithms.
    """
    ages = sorted((*((age, False) for age in finished), *((age, True) for age in waiting)))
    alive, shares = 1.0, []
    for place, (age, waits) in enumerate(ages):
        left = len(ages) - place
        if left < _FEW * len(finished):
            break
        if not waits:
            alive *= 1.0 - 1.0 / left
            shares.append((age, round(1.0 - alive, 9)))
    return shares


def fit(logs: Collection[float], expected: float) -> Curve:
    """Return the curve predicted for the next task from the log seconds of finished tasks and those expected."""
    logs = tuple(logs)
    density = _student(_tamed(logs), expected)
    masses = [density(middle) * _BIN for middle in _MIDDLES]
    if len(logs) >= _KERNEL_FROM:
        masses = [(mass + own) / 2 for mass, own in zip(masses, _spread(logs), strict=True)]
    return _curve(masses)


def _curve(masses: Sequence[float]) -> Curve:
    total = math.fsum(masses)
    ended = [0.0]
    for mass in masses:
        ended.append(ended[-1] + mass / total)
    alive = []
    for (place, part), stuck in zip(_PLACES, _STUCK_ALIVE, strict=True):
        i = int(place)
        done = ended[i] + part * (ended[i + 1] - ended[i])
        alive.append((1.0 - _STUCK) * max(0.0, 1.0 - done) + _STUCK * stuck)
    alive[0] = 1.0
    return Curve(alive)


def _tamed(logs: Sequence[float]) -> list[float]:
    """Return `logs` with outliers clamped: one task that hung for hours must not widen the t for all others."""
    if len(logs) < _KERNEL_FROM:
        return list(logs)
    centre = median(logs)
    reach = 3.5 * max(0.1, 1.4826 * median(abs(x - centre) for x in logs))
    return [min(max(x, centre - reach), centre + reach) for x in logs]


def _student(logs: Sequence[float], expected: float) -> Callable[[float], float]:
    """Return the density of a Student t, the prediction of the normal-inverse-gamma posterior for the next value."""
    tasks = len(logs)
    mean = fmean(logs) if logs else expected
    weight = _MEAN_WEIGHT + tasks
    shape = _SHAPE + tasks / 2
    off = _MEAN_WEIGHT * tasks * (mean - expected) ** 2 / weight
    spread = _SPREAD + (math.fsum((x - mean) ** 2 for x in logs) + off) / 2
    centre = (_MEAN_WEIGHT * expected + tasks * mean) / weight
    scale = math.sqrt(spread * (weight + 1) / (shape * weight))
    norm = (
        math.lgamma(shape + 0.5) - math.lgamma(shape) - 0.5 * math.log(2 * shape * math.pi) - math.log(scale)
    )
    return lambda x: math.exp(norm - (shape + 0.5) * math.log1p(((x - centre) / scale) ** 2 / (2 * shape)))


def _spread(logs: Sequence[float]) -> list[float]:
    """Return the share of each bin if each value is spread around itself (a kernel density estimate)."""
    # Half of what the usual rule says for one mode: where there are several, each is narrower than the whole.
    width = max(_LEAST_WIDTH, 0.53 * stdev(_tamed(logs)) * len(logs) ** -0.2)
    reach = math.ceil(4 * width / _BIN)
    masses = [0.0] * _BINS
    for x in logs:
        place = round((x - _LOW) / _BIN)
        for i in range(max(0, place - reach), min(_BINS, place + reach)):
            masses[i] += math.exp(-0.5 * ((_MIDDLES[i] - x) / width) ** 2)
    total = math.fsum(masses)
    return [mass / total for mass in masses]
