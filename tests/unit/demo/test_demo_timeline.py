from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

from taskdash.demo.jobs import MEDIA, Job, files_for, sample_jobs

START_MS = 1_777_474_689_024


def jobs() -> list[Job]:
    return sample_jobs(Random(1), START_MS, "http://127.0.0.1:9/uploads/")  # noqa: S311 - no secret


def states(at_s: float) -> Counter[object]:
    now_ms = START_MS + round(at_s * 1000)
    return Counter(job.record(now_ms, "http://127.0.0.1:9/results/")["state"] for job in jobs())


def test_at_the_start_there_are_tasks_of_every_state_and_each_model_has_a_history() -> None:
    at_start = states(0)
    assert 28 <= sum(at_start.values()) <= 36
    assert (at_start["waiting"] >= 8, at_start["success"] >= 15, at_start["fail"] >= 3) == (True,) * 3
    done = Counter(job.model for job in jobs() if job.finish_ms <= START_MS and job.failure is None)
    assert done["gpt-image-2-text-to-image"] >= 8
    assert len(done) == 4
    assert min(done.values()) >= 3


def test_one_task_ends_every_few_seconds_and_all_within_fifty_each_after_its_models_time() -> None:
    running = [job for job in jobs() if job.finish_ms > START_MS]
    times = sorted((job.finish_ms - START_MS) / 1000 for job in running)
    assert 4 <= times[0] <= 6
    assert max(later - earlier for earlier, later in pairwise(times)) <= 6.5
    assert times[-1] < 50
    before, after = states(0), states(50)
    assert after["waiting"] == 0
    # A viewer sees successes, and at least one failure.
    assert after["success"] - before["success"] >= 5
    assert after["fail"] - before["fail"] >= 1
    for job in running:
        took_s = (job.finish_ms - job.create_ms) / 1000
        if job.failure is None and job.model.endswith("-video"):
            assert 60 <= took_s <= 180
        elif job.failure is None:
            assert 5 <= (START_MS - job.create_ms) / 1000 <= 40
            assert 25 <= took_s <= 45


def test_the_latest_task_comes_first_and_each_success_has_results_of_its_kind() -> None:
    created = [job.create_ms for job in jobs()]
    assert created == sorted(created, reverse=True)
    for job in jobs():
        assert bool(job.files) != bool(job.failure)
        assert set(job.files) <= set(MEDIA)
        assert all(name.endswith(".mp4" if job.model.endswith("-video") else ".webp") for name in job.files)


def test_several_results_of_a_prompt_differ_and_are_of_the_kind_asked_for() -> None:
    for prompt in ("A Bauhaus poster", "桜の枝", "Half \ud83d of something"):
        names = files_for(prompt, 4, ".webp")
        assert len({*names} & {*MEDIA}) == 4
        assert all(name.endswith(".mp4") for name in files_for(prompt, 3, ".mp4"))
