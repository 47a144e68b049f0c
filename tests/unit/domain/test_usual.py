from __future__ import annotations

import math
import random
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.schedule import AGES_S, Curve
from taskdash.domain.usual import KEPT, SHOWN_FROM, Durations, Usual, fit, guess_s

IMAGE = "gpt-image-2-text-to-image"
VIDEO = "seedance-2.0-image-to-video"


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # a simulation, no secret


def lognormal_ms(rng: random.Random, median_s: float, sigma: float) -> int:
    return round(1000 * median_s * math.exp(sigma * rng.gauss(0, 1)))


def typical_ms(durations: Durations, model: str | None, variant: str | None = None) -> int | None:
    usual = durations.usual(model, variant)
    return usual.ms if usual else None


def usual_of(durations: Durations, model: str, variant: str | None = None) -> Usual:
    usual = durations.usual(model, variant)
    assert usual is not None
    return usual


def learned(median_s: float, count: int, *, model: str = IMAGE, variant: str | None = None) -> Durations:
    rng = seeded(1)
    return Durations((model, variant, lognormal_ms(rng, median_s, 0.3)) for _ in range(count))


def test_nothing_is_said_of_a_model_before_five_of_its_tasks_are_finished() -> None:
    durations = Durations()
    for count in range(SHOWN_FROM):
        assert typical_ms(durations, IMAGE) is None
        durations.learn(IMAGE, None, 30_000 + count)
    assert typical_ms(durations, IMAGE) == 30_002
    assert typical_ms(durations, "another") is None
    assert typical_ms(durations, None) is None


def test_usual_is_what_half_stay_within_and_overdue_twice_what_nine_in_ten_do() -> None:
    durations = Durations((IMAGE, None, 1000 * second) for second in range(1, 102))
    assert durations.usual(IMAGE) == Usual(51_000, 76_000, 182_000)


@pytest.mark.parametrize("known_before", [0, 100])
@pytest.mark.parametrize("spread", ["chance", "queue"])
@pytest.mark.parametrize("part", [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97])
def test_a_batch_under_way_is_not_taken_for_late(part: float, spread: str, known_before: int) -> None:
    """A batch sent off at once: at any time those that are finished are the quick ones."""
    rng = seeded(7)
    takes_ms = sorted(
        lognormal_ms(rng, 27.0, 0.4) if spread == "chance" else 4_000 + 200 * n for n in range(300)
    )
    before = [(IMAGE, None, takes_ms[rng.randrange(300)]) for _ in range(known_before)]
    done = round(part * len(takes_ms))
    durations = Durations([*before, *((IMAGE, None, ms) for ms in takes_ms[:done])])
    age_ms = takes_ms[done] - 1
    durations.see_waiting([(IMAGE, None, age_ms)] * (len(takes_ms) - done))
    usual = usual_of(durations, IMAGE)
    assert age_ms < usual.overdue_ms
    half_ms = takes_ms[150]
    if part >= 0.5:
        # Of a larger batch the first ones are forgotten near its end.
        assert abs(usual.ms - half_ms) < (0.1 if part < 0.9 else 0.3) * half_ms
        assert not usual.is_more
    elif not known_before:
        assert usual.ms <= age_ms
        assert usual.is_more


def test_what_stalls_is_overdue_however_much_of_it_there_is() -> None:
    for stalled in (1, 30, 100, 1000):
        durations = learned(32.0, 200)
        durations.learn(IMAGE, None, 6 * 3_600_000)
        durations.see_waiting([(IMAGE, None, 1_200_000)] * stalled)
        usual = usual_of(durations, IMAGE)
        assert usual.overdue_ms < 160_000
        assert usual.is_more == (stalled > 200)


def test_what_has_just_begun_or_hangs_for_days_changes_nothing() -> None:
    durations = learned(32.0, 50)
    before = durations.usual(IMAGE)
    durations.see_waiting([(IMAGE, None, age_ms) for age_ms in (0, -5, 100, 2 * 86_400_000)] * 100)
    assert durations.usual(IMAGE) == before
    durations.see_waiting([(None, None, 60_000), ("another", None, 60_000)])
    assert durations.usual(IMAGE) == before


def test_of_a_variant_told_apart_only_its_own_wait() -> None:
    durations = Durations()
    for n in range(10):
        durations.learn(IMAGE, "quality=low", 10_000 + n)
        durations.learn(IMAGE, "quality=high", 60_000 + n)
    durations.see_waiting([(IMAGE, "quality=high", 90_000)] * 20)
    assert typical_ms(durations, IMAGE, "quality=low") == 10_004
    assert usual_of(durations, IMAGE, "quality=high").is_more


def test_an_outlier_hardly_moves_what_is_typical() -> None:
    durations = learned(32.0, 50)
    before = usual_of(durations, IMAGE)
    durations.learn(IMAGE, None, 6 * 3_600_000)
    assert abs(usual_of(durations, IMAGE).ms - before.ms) < 1000
    assert durations.curve(IMAGE).quantile_s(0.9) < 70


@pytest.mark.parametrize("cost_ms", [None, 0, -5, 10**18, 7 * 86_400_000 + 1])
def test_an_absurd_time_teaches_nothing(cost_ms: int | None) -> None:
    durations = Durations([(IMAGE, None, 30_000)] * (SHOWN_FROM - 1))
    durations.learn(IMAGE, None, cost_ms)
    for model in (None, ""):
        for _ in range(SHOWN_FROM):
            durations.learn(model, None, 1000)
    assert [typical_ms(durations, model) for model in (IMAGE, None, "")] == [None] * 3


def test_a_variant_is_told_apart_where_it_differs() -> None:
    rng = seeded(3)
    durations = Durations()
    for _ in range(30):
        durations.learn(IMAGE, "quality=low", lognormal_ms(rng, 12, 0.2))
        durations.learn(IMAGE, "quality=high", lognormal_ms(rng, 60, 0.2))
    assert usual_of(durations, IMAGE, "quality=low").ms < 15_000
    assert usual_of(durations, IMAGE, "quality=high").ms > 50_000
    assert durations.curve(IMAGE, "quality=low").quantile_s(0.95) < durations.curve(
        IMAGE, "quality=high"
    ).quantile_s(0.05)


def test_variants_that_do_not_differ_share_what_the_model_knows() -> None:
    rng = seeded(4)
    durations = Durations()
    for _ in range(30):
        durations.learn(IMAGE, "size=1:1", lognormal_ms(rng, 30, 0.4))
        durations.learn(IMAGE, "size=3:2", lognormal_ms(rng, 30, 0.4))
    # A rare variant uses what the model knows, too.
    durations.learn(IMAGE, "size=16:9", 300_000)
    assert durations.usual(IMAGE, "size=16:9") == durations.usual(IMAGE)
    assert typical_ms(durations, IMAGE, "never seen") == typical_ms(durations, IMAGE)
    assert durations.curve(IMAGE, "size=1:1") is durations.curve(IMAGE, "size=3:2")


def test_only_the_last_tasks_of_a_model_count() -> None:
    durations = learned(30.0, 1000)
    for _ in range(KEPT):
        durations.learn(IMAGE, None, 1)
    assert typical_ms(durations, IMAGE) == 50  # an instant task counts as very short
    assert durations.curve(IMAGE).quantile_s(0.5) < 1.0


@pytest.mark.parametrize(
    ("model", "seconds"),
    [
        (IMAGE, 32),
        (VIDEO, 180),
        ("kling-2.6/text-to-video", 180),
        ("google/veo3_fast", 180),
        ("google/nano-banana", 32),
        ("elevenlabs/text-to-dialogue-v3", 60),
        ("brand-new", 45),
        (None, 45),
    ],
)
def test_a_name_tells_what_a_model_makes(model: str | None, seconds: float) -> None:
    assert guess_s(model) == seconds


def test_an_unseen_video_model_is_believed_to_take_minutes_and_an_image_half_of_one() -> None:
    durations = Durations()
    assert 25 < durations.curve(IMAGE).quantile_s(0.5) < 40
    assert durations.curve(VIDEO).quantile_s(0.5) > 120
    assert durations.curve(IMAGE) is durations.curve("another-image-model")


def test_a_curve_is_kept_until_enough_was_learned_to_fit_it_again() -> None:
    durations = learned(30.0, 100)
    first = durations.curve(IMAGE)
    for _ in range(9):
        durations.learn(IMAGE, None, 30_000)
        assert durations.curve(IMAGE) is first
    durations.learn(IMAGE, None, 30_000)
    assert durations.curve(IMAGE) is not first


def assert_is_curve(curve: Curve) -> None:
    assert len(curve.alive) == len(AGES_S)
    assert curve.alive[0] == 1.0
    assert all(0.0 <= later <= before for before, later in zip(curve.alive, curve.alive[1:], strict=False))


@given(st.lists(st.integers(-10, 10**12), max_size=60))
def test_any_history_makes_a_curve_that_falls_from_one(costs_ms: list[int]) -> None:
    assert_is_curve(Durations((IMAGE, None, cost_ms) for cost_ms in costs_ms).curve(IMAGE))


@pytest.mark.parametrize("seconds", [0.05, 3.0, 32.0, 300.0])
def test_tasks_that_all_last_the_same_make_a_curve(seconds: float) -> None:
    curve = Durations([(IMAGE, None, round(1000 * seconds))] * 40).curve(IMAGE)
    assert_is_curve(curve)
    assert curve.quantile_s(0.1) >= seconds * 0.7 - 0.5
    assert curve.quantile_s(0.9) <= seconds * 1.4 + 0.5


def alive_at(curve: Curve, age_s: float) -> float:
    return curve.alive[bisect_left(AGES_S, age_s)]


def test_two_modes_stay_two_modes() -> None:
    rng = seeded(5)
    logs = [rng.gauss(math.log(12), 0.15) for _ in range(30)] + [
        rng.gauss(math.log(80), 0.15) for _ in range(30)
    ]
    curve = fit(logs, math.log(32))
    # A sixth in the middle third, where one mode would have over a third.
    assert alive_at(curve, 25) - alive_at(curve, 45) < 0.2
    assert alive_at(curve, 25) == pytest.approx(0.5, abs=0.1)


def test_some_tasks_are_always_believed_to_hang() -> None:
    curve = learned(30.0, 200).curve(IMAGE)
    assert 1e-5 < alive_at(curve, 86_400) < 0.01


def test_a_check_is_worth_nothing_at_once_and_more_the_longer_nobody_looked() -> None:
    curve = learned(30.0, 50).curve(IMAGE)
    assert curve.gain_s(30, 30) == 0.0
    assert curve.gain_s(30, 29) == 0.0
    gains = [curve.gain_s(30, 30 + gap) for gap in (1, 2, 4, 8, 16)]
    assert gains == sorted(gains)
    assert gains[0] > 0
    assert curve.gain_s(0, 5) < curve.gain_s(25, 30)
    # What surely is finished loses a second per second.
    assert curve.gain_s(5, 10_000) - curve.gain_s(5, 9_000) < 100
