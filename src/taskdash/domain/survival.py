"""Estimates how likely a task is still unfinished at each age: a survival curve, fitted to few or many finished tasks.

It works with the logarithms of durations, which are roughly normal for one model. Two kinds of estimate are
mixed: a normal distribution of unknown mean and variance (its Bayesian prediction is a Student t: valid from
the first task on, and best if durations really are log-normal), and kernel density estimates of three widths
(better if a model has several modes, because of a cache or two types of machine, say). Each is weighted by
how well it predicts every finished task from all others. The remaining share `_STUCK` is for tasks that hang,
for hours or for ever.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_HORIZON_S: Final = 7 * 86_400.0
_STUCK: Final = 0.002
_STUCK_SCALE_S: Final = 600.0
_KERNEL_FROM: Final = 8
"""Kernel estimates from fewer tasks are noise."""
_KERNELS: Final = 3
_MIN_WIDTH: Final = 0.04
_ROUNDS: Final = 20
# Prior weights, in tasks: of the t, which must keep its tails, and of each kernel estimate.
_TRUST: Final = (1.0, 0.1, 0.1, 0.1)


def _ages() -> tuple[float, ...]:
    ages = [0.0]
    while ages[-1] < _HORIZON_S:
        ages.append(ages[-1] + max(0.25, ages[-1] * 0.01))
    return tuple(ages)


AGES_S: Final = _ages()
"""The ages at which a curve is sampled: a quarter of a second apart, later a hundredth of the age."""

_FEW: Final = 0.1
"""Shares stop at the age that fewer tasks reach than this part of the finished ones: the rest is mere chance."""
_BIN: Final = 0.03
_LOW: Final = math.log(0.05)
_BINS: Final = math.ceil((math.log(AGES_S[-1]) - _LOW) / _BIN) + 1
# For each age the bin that it lies in, and how far into it.
_PLACES: Final = tuple(
    divmod(max(0.0, math.log(age) - _LOW) / _BIN, 1.0) if age else (0.0, 0.0) for age in AGES_S
)
_STUCK_ALIVE: Final = tuple((1.0 + age / _STUCK_SCALE_S) ** -0.5 for age in AGES_S)


@dataclass(frozen=True, slots=True)
class Prior:
    """The prior distribution of log seconds, before any task was seen (normal-inverse-gamma)."""

    mean: float
    mean_weight: float = 0.5
    """How many tasks the mean is worth."""
    shape: float = 2.0
    spread: float = 0.4
    """`spread / shape` is the variance expected within one model."""


class Curve:
    """The share of tasks unfinished at each of `AGES_S`, and figures derived from it. Compared by identity."""

    __slots__ = ("_area", "_effort", "alive", "late_s")

    def __init__(self, alive: Sequence[float]) -> None:
        self.alive = tuple(alive)
        area, effort = [0.0], [0.0]
        for i in range(1, len(AGES_S)):
            before, now, step = self.alive[i - 1], self.alive[i], AGES_S[i] - AGES_S[i - 1]
            middle = (before + now) / 2
            area.append(area[-1] + middle * step)
            effort.append(effort[-1] + math.sqrt(max(0.0, before - now) * middle * step))
        self._area = tuple(area)
        self._effort = tuple(effort)
        self.late_s = self.quantile_s(0.99)
        """The age by which 99 of 100 tasks have ended."""

    def quantile_s(self, share: float) -> float:
        """Return the age at which `share` (0 to 1) of the tasks is finished, in seconds."""
        i = bisect_left(self.alive, share - 1.0, key=lambda alive: -alive)
        return AGES_S[min(i, len(AGES_S) - 1)]

    def gain_s(self, seen_s: float, age_s: float) -> float:
        """Return the worth of a check at `age_s`, in seconds of delay, for a task seen unfinished at `seen_s`.

        It is the price per check at which checking now is as good as a moment later: with p(u) the chance
        that the task ended between `seen_s` and u, the area between p(age_s) and p. It grows with the square
        of the time since the last check, and fastest around the time when tasks usually end.
        """
        before = _between(self.alive, seen_s)
        if age_s <= seen_s or before <= 0.0:
            return 0.0
        seen_area = _between(self._area, age_s) - _between(self._area, seen_s)
        return max(0.0, (seen_area - (age_s - seen_s) * _between(self.alive, age_s)) / before)

    def effort(self, seen_s: float, age_s: float, span_s: float) -> float:
        """Return the integral of the root of the hazard over `span_s`, for a task seen unfinished at `seen_s`.

        At a price of q seconds per check a task is best checked every sqrt(2 q / hazard), so this over
        sqrt(2 q) is the expected number of checks from `age_s` on; after the task has ended there are none.
        """
        alive = _between(self.alive, seen_s)
        ahead = _between(self._effort, age_s + span_s) - _between(self._effort, age_s)
        return ahead / alive if alive > 0 else 0.0


def _between(values: Sequence[float], age_s: float) -> float:
    i = bisect_right(AGES_S, age_s)
    if i >= len(AGES_S):
        return values[-1]
    part = (age_s - AGES_S[i - 1]) / (AGES_S[i] - AGES_S[i - 1])
    return values[i - 1] + part * (values[i] - values[i - 1])


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


def fit(logs: Sequence[float], prior: Prior) -> Curve:
    """Return the curve predicted for the next task from the log seconds of finished tasks and a prior."""
    tamed = _tamed(logs)
    student = _Student.after(_Sums.of(tamed), prior)
    if len(logs) < _KERNEL_FROM:
        masses = student.masses()
    else:
        width = _width(tamed)
        weights = _weights(logs, tamed, prior, width)
        masses = [weights[0] * mass for mass in student.masses()]
        _add_kernels(masses, logs, weights[1:], width)
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


@dataclass(frozen=True, slots=True)
class _Sums:
    count: int
    mean: float
    squares: float
    """The sum of squared distances from the mean."""

    @classmethod
    def of(cls, logs: Sequence[float]) -> _Sums:
        mean = math.fsum(logs) / len(logs) if logs else 0.0
        return cls(len(logs), mean, math.fsum((x - mean) ** 2 for x in logs))

    def without(self, x: float) -> _Sums:
        mean = (self.count * self.mean - x) / (self.count - 1)
        return _Sums(self.count - 1, mean, max(0.0, self.squares - (x - self.mean) * (x - mean)))


@dataclass(frozen=True, slots=True)
class _Student:
    """A Student t, which is the prediction of the normal-inverse-gamma posterior for the next value."""

    freedom: float
    centre: float
    scale: float

    @classmethod
    def after(cls, sums: _Sums, prior: Prior) -> _Student:
        weight = prior.mean_weight + sums.count
        shape = prior.shape + sums.count / 2
        off = prior.mean_weight * sums.count * (sums.mean - prior.mean) ** 2 / weight
        spread = prior.spread + (sums.squares + off) / 2
        centre = (prior.mean_weight * prior.mean + sums.count * sums.mean) / weight
        return cls(2 * shape, centre, math.sqrt(spread * (weight + 1) / (shape * weight)))

    def density(self, x: float) -> float:
        v, z = self.freedom, (x - self.centre) / self.scale
        norm = (
            math.lgamma((v + 1) / 2) - math.lgamma(v / 2) - 0.5 * math.log(v * math.pi) - math.log(self.scale)
        )
        return math.exp(norm - (v + 1) / 2 * math.log1p(z * z / v))

    def masses(self) -> list[float]:
        v = self.freedom
        half = -(v + 1) / 2
        start = (_LOW + _BIN / 2 - self.centre) / self.scale
        step = _BIN / self.scale
        bare = [(1.0 + (start + i * step) ** 2 / v) ** half for i in range(_BINS)]
        total = math.fsum(bare)
        return [mass / total for mass in bare]


def _width(tamed: Sequence[float]) -> float:
    """Return the widest kernel's standard deviation, by the usual rule for a normal distribution."""
    sums = _Sums.of(tamed)
    return max(4 * _MIN_WIDTH, 1.06 * math.sqrt(sums.squares / sums.count) * math.pow(sums.count, -0.2))


def _weights(logs: Sequence[float], tamed: Sequence[float], prior: Prior, width: float) -> list[float]:
    """Return the weights of the t and each kernel estimate, by how well they predict each value from the rest."""
    sums = _Sums.of(tamed)
    scores: list[list[float]] = [
        [_Student.after(sums.without(t), prior).density(x), *near]
        for x, t, near in zip(logs, tamed, _kernel_scores(logs, width), strict=True)
    ]
    total = sum(_TRUST)
    weights = [trust / total for trust in _TRUST]
    for _ in range(_ROUNDS):
        shares = list(_TRUST)
        for row in scores:
            mix = sum(w * s for w, s in zip(weights, row, strict=True)) or 1.0
            for k, score in enumerate(row):
                shares[k] += weights[k] * score / mix
        whole = sum(shares)
        weights = [share / whole for share in shares]
    return weights


def _kernel_scores(logs: Sequence[float], width: float) -> list[list[float]]:
    """Return the density at each value given the others, for kernels of `width`, a half and a quarter of it."""
    count = len(logs)
    sums = [[0.0] * _KERNELS for _ in logs]
    factor = -0.5 / width**2
    for i, x in enumerate(logs):
        mine = sums[i]
        for j in range(i):
            wide = math.exp(factor * (x - logs[j]) ** 2)
            half = wide**4
            quarter = half**4
            theirs = sums[j]
            mine[0] += wide
            mine[1] += half
            mine[2] += quarter
            theirs[0] += wide
            theirs[1] += half
            theirs[2] += quarter
    norm = 1.0 / ((count - 1) * width * math.sqrt(2 * math.pi))
    return [[s * norm * 2**k for k, s in enumerate(row)] for row in sums]


def _add_kernels(masses: list[float], logs: Sequence[float], weights: Sequence[float], width: float) -> None:
    """Spread each value over the bins around it, by the mix of the three kernels."""
    reach = math.ceil(4 * width / _BIN)
    kernel = [0.0] * (2 * reach + 1)
    for k, weight in enumerate(weights):
        scale = width / 2**k
        bare = [math.exp(-0.5 * (i * _BIN / scale) ** 2) for i in range(-reach, reach + 1)]
        total = math.fsum(bare) * len(logs)
        for i, height in enumerate(bare):
            kernel[i] += weight * height / total
    for x in logs:
        # The value lies between the middles of two bins, which share it.
        place, part = divmod((x - _LOW) / _BIN - 0.5, 1.0)
        for first, share in ((int(place) - reach, 1.0 - part), (int(place) + 1 - reach, part)):
            for i, height in enumerate(kernel, first):
                if 0 <= i < _BINS:
                    masses[i] += share * height
