from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

from taskdash.demo.jobs import MEDIA, Job, files_for, sample_jobs

START_MS = 1_777_474_689_024
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIMED = re.compile(r"task_(gpt-image-2|seedance-2\.0)_\d{13}")


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


def test_the_latest_task_comes_first_and_ids_have_known_forms() -> None:
    created = [job.create_ms for job in jobs()]
    assert created == sorted(created, reverse=True)
    ids = [job.task_id for job in jobs()]
    assert len(set(ids)) == len(ids)
    assert all(UUID.fullmatch(task_id) or TIMED.fullmatch(task_id) for task_id in ids)
    assert sum(bool(TIMED.fullmatch(task_id)) for task_id in ids) >= 2
    for job in jobs():
        if TIMED.fullmatch(job.task_id):
            assert job.task_id.endswith(str(job.create_ms))


def test_one_task_has_four_results_and_prompts_are_of_many_scripts() -> None:
    assert [len(job.files) for job in jobs()].count(4) == 1
    inputs = [json.loads(job.param)["input"] for job in jobs()]
    prompts = [each["prompt"] for each in inputs]
    assert max(map(len, prompts)) > 500
    for script in ("[\u3040-\u30ff]", "[\u4e00-\u9fff]", "[\u0600-\u06ff]", "\U0001fa90"):
        assert re.search(script, "".join(prompts)), script
    assert max(len(each.keys() - {"prompt", "image_urls"}) for each in inputs) >= 5


def test_every_success_has_results_of_its_kind_and_every_file_is_there() -> None:
    for job in jobs():
        assert bool(job.files) != bool(job.failure)
        assert set(job.files) <= set(MEDIA)
        assert all(name.endswith(".mp4" if job.model.endswith("-video") else ".webp") for name in job.files)
        request: Any = json.loads(job.param)
        assert request["model"] == job.model
        for url in request["input"].get("image_urls", []):
            if url.startswith("http://127.0.0.1"):
                assert url.removeprefix("http://127.0.0.1:9/uploads/") in MEDIA


def test_several_results_of_a_prompt_differ_and_are_of_the_kind_asked_for() -> None:
    for prompt in ("A Bauhaus poster", "桜の枝", "Half \ud83d of something"):
        names = files_for(prompt, 4, ".webp")
        assert len({*names} & {*MEDIA}) == 4
        assert all(name.endswith(".mp4") for name in files_for(prompt, 3, ".mp4"))
