"""IDs as other families and gateways show them in a paste, and what tells under which path their records are."""

from __future__ import annotations

import pytest

from taskdash.domain.task_ids import find_task_ids, path_hint_of

U = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
H = "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6"
VIDEO = "video_68d7512d07848190b3e45da0ecbebcde004da08e1e0678d5"
UNIFIED = "task-unified-1756817821-4x3rx6ny"
KIE = "https://api.kie.ai/api/v1"

SHOWN: list[tuple[str, list[tuple[str, str | None]]]] = [
    # Accepted.
    ("Accepted: job_01J9ZK3ABCDEF", [("job_01J9ZK3ABCDEF", None)]),
    ("2026-09-14 INFO accepted job_9f8e7d6c in 80 ms", [("job_9f8e7d6c", None)]),
    (f"Accepted: {U}", [(U, None)]),
    ("Accepted: job_12345\nAccepted: job_12346", [("job_12345", None), ("job_12346", None)]),
    ("status: accepted 2026-09-14", []),
    ("accepted in 200ms, accepted: yes, unaccepted: job_12345678", []),
    # An id beside a status.
    (f'{{"id": "{VIDEO}", "object": "video", "status": "queued"}}', [(VIDEO, "/v1/videos/{id}")]),
    (f'{{"status": "queued", "progress": 0, "id": "{VIDEO}"}}', [(VIDEO, "/v1/videos/{id}")]),
    (f"{{ id: '{UNIFIED}', status: 'pending' }}", [(UNIFIED, "/v1/tasks/{id}")]),
    (
        f'{{\n  "id": "{UNIFIED}",\n  "usage": {{}},\n  "task_status": "pending"\n}}',
        [(UNIFIED, "/v1/tasks/{id}")],
    ),
    (f'{{"b": "{{\\"id\\":\\"{VIDEO}\\",\\"status\\":\\"queued\\"}}"}}', [(VIDEO, "/v1/videos/{id}")]),
    ('{"id": "video_1234567", "name": "x"}', []),
    ('{"id": "user_1234567", "status": "active"}', []),
    ('{"status": "ok", "video": {"id": "video_1234567"}}', []),
    ('{"param": {"id": "job_1234567", "status": "queued"}}', []),
    # A path in a URL.
    (f"curl https://api.evolink.ai/v1/tasks/{UNIFIED}", [(UNIFIED, "/v1/tasks/{id}")]),
    (f"GET /v1/tasks/{UNIFIED} 200", [(UNIFIED, "/v1/tasks/{id}")]),
    (
        "https://api.klingai.com/v1/videos/image2video/CjI17WevH1IAAAAAAHmgtx",
        [("CjI17WevH1IAAAAAAHmgtx", "/v1/videos/image2video/{id}")],
    ),
    (f"https://dashscope.aliyuncs.com/api/v1/tasks/{U}.", [(U, "/api/v1/tasks/{id}")]),
    (f'"https://api.bfl.ml/v1/get_result?id={U}"', [(U, "/v1/get_result?id={id}")]),
    (f"https://api.openai.com/v1/videos/{VIDEO}/content", [(VIDEO, "/v1/videos/{id}")]),
    (
        "https://ark.example.com/api/v3/contents/generations/tasks/cgt-20250331175019-68d9t",
        [("cgt-20250331175019-68d9t", "/api/v3/contents/generations/tasks/{id}")],
    ),
    ("https://cdn.example.com/v1/videos/abc12345.mp4", []),
    ("https://api.example.com/v1/tasks/{id} and /v1/tasks/list and /v1/videos/search?q=1", []),
    (f"https://cdn.example.com/files/{U}", []),
    # The family in a URL of a record.
    (f"{KIE}/veo/record-info?taskId={H}", [(H, "/api/v1/veo/record-info")]),
    (f"{KIE}/runway/record-detail?x=1&taskId={H}#top", [(H, "/api/v1/runway/record-detail")]),
    ("GET /api/v1/suno/cover/record-info?taskId=abc-123", [("abc-123", "/api/v1/suno/cover/record-info")]),
    ("veo/record-info?taskId=abc-123", [("abc-123", "/api/v1/veo/record-info")]),
    ('f"{BASE}/flux/kontext/record-info?taskId=abc-123"', [("abc-123", "/api/v1/flux/kontext/record-info")]),
    ("https://x.example/proxy/veo/record-info?taskId=abc-123", [("abc-123", "/api/v1/veo/record-info")]),
    (f"{KIE}/lyrics/record-info?taskId=abc-123", [("abc-123", "/api/v1/lyrics/record-info")]),
    (f"{KIE}/jobs/recordInfo?taskId=abc-123", [("abc-123", None)]),
    (f"{KIE}/jobs/recordInfo?taskId=task_veo3_12345678", [("task_veo3_12345678", "/api/v1/jobs/recordInfo")]),
    (f"created {H}\nGET {KIE}/mj/record-info?taskId={H}", [(H, "/api/v1/mj/record-info")]),
    # The family in a label, and in a form.
    ("Veo task ID: abc-12345", [("abc-12345", "/api/v1/veo/record-info")]),
    ('{"sunoTaskId": "abc-12345"}', [("abc-12345", "/api/v1/generate/record-info")]),
    ("removeo task ID: abc-12345", [("abc-12345", None)]),
    ("task_veo3_abc123def", [("task_veo3_abc123def", "/api/v1/veo/record-info")]),
    ("taskId: mj_task_abcdef123456", [("mj_task_abcdef123456", "/api/v1/mj/record-info")]),
]


@pytest.mark.parametrize(("text", "expected"), SHOWN, ids=[text[:48] for text, _ in SHOWN])
def test_a_paste_gives_ids_with_the_paths_that_it_tells(
    text: str, expected: list[tuple[str, str | None]]
) -> None:
    assert [(found.task_id, found.path_hint) for found in find_task_ids(text).found] == expected


@pytest.mark.parametrize(
    ("task_id", "hint"),
    [
        ("task_veo3_12345678", "/api/v1/veo/record-info"),
        ("task_veo_abc123", "/api/v1/veo/record-info"),
        ("veo_task_abcdef123456", "/api/v1/veo/record-info"),
        ("task_gpt4o_12345678", "/api/v1/gpt4o-image/record-info"),
        ("task_flux-kontext_1765175072483", "/api/v1/flux/kontext/record-info"),
        ("suno-task-1", "/api/v1/generate/record-info"),
        ("runway_12345678", "/api/v1/runway/record-detail"),
        (UNIFIED, "/v1/tasks/{id}"),
        (VIDEO, "/v1/videos/{id}"),
        ("task_flux-2_1765175072483", None),
        ("task_nano-banana-pro_1765178625768", None),
        ("task_kling_1765187774173", None),
        ("task_veoli_1765187774173", None),
        (U, None),
        (H, None),
        ("task_abc123", None),
    ],
)
def test_the_form_of_an_id_may_tell_its_path(task_id: str, hint: str | None) -> None:
    assert path_hint_of(task_id) == hint


def test_each_of_several_urls_tells_its_own_path() -> None:
    paths = ["/api/v1/veo/record-info", "/api/v1/generate/record-info", "/api/v1/runway/record-detail"]
    ids = [f"{n}{'0123456789abcdef' * 2}"[:32] for n in range(3)]
    text = "\n".join(f"{path}?taskId={task_id}" for path, task_id in zip(paths, ids, strict=True))
    assert {found.task_id: found.path_hint for found in find_task_ids(text).found} == dict(
        zip(ids, paths, strict=True)
    )
