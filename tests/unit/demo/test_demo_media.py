"""The pictures and clips of the demo: that they are what they should be, and how they are served."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.demo.test_demo_server import ask

from taskdash.demo.jobs import MEDIA, MEDIA_FOLDER
from taskdash.demo.server import MEDIA_TYPES, DemoApi


def test_there_are_files_of_each_kind_and_they_are_small() -> None:
    assert sum(path.stat().st_size for path in MEDIA_FOLDER.iterdir()) < 400_000
    assert {Path(name).suffix for name in MEDIA} == MEDIA_TYPES.keys()


@pytest.fixture(scope="module")
def api() -> Iterator[DemoApi]:
    with DemoApi(clock=lambda: 1_777_474_689.0) as api:
        yield api


PATH = "/uploads/cat.webp"
WHOLE = (MEDIA_FOLDER / "cat.webp").read_bytes()


def get(
    api: DemoApi, method: str = "GET", path: str = PATH, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = ask(api, path, method, headers=fields, key="")
    return answer.status, answer.headers, answer.body


def test_a_picture_is_served_whole_without_a_key(api: DemoApi) -> None:
    status, headers, body = get(api)
    assert (status, body) == (200, WHOLE)
    assert headers["Content-Type"] == "image/webp"
    assert headers["Content-Length"] == str(len(WHOLE))
    assert headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=5-99999999", 5, None)],
)
def test_a_part_is_served_as_asked_for(api: DemoApi, asked: str, start: int, stop: int | None) -> None:
    status, headers, body = get(api, Range=asked)
    assert status == 206
    assert body == WHOLE[start:stop]
    assert headers["Content-Range"] == f"bytes {start}-{start + len(body) - 1}/{len(WHOLE)}"


def test_a_part_that_cannot_be_is_416_and_one_that_makes_no_sense_the_whole(api: DemoApi) -> None:
    for asked in ("bytes=0-1,5-6", "items=0-1", "bytes=-7", "bytes=a-b"):
        assert get(api, Range=asked)[::2] == (200, WHOLE), asked
    for asked in ("bytes=99999999-", "bytes=9-3"):
        status, headers, _ = get(api, Range=asked)
        assert (status, headers["Content-Range"]) == (416, f"bytes */{len(WHOLE)}"), asked


def test_a_download_goes_on_only_if_the_file_is_still_the_same(api: DemoApi) -> None:
    _, headers, _ = get(api, "HEAD")
    assert get(api, Range="bytes=10-", If_Range=headers["ETag"])[::2] == (206, WHOLE[10:])
    assert get(api, Range="bytes=10-", If_Range='"other"')[::2] == (200, WHOLE)


def test_other_files_are_404(api: DemoApi) -> None:
    uploads = ("../server.py", "%2e%2e/server.py", "")
    for path in ("/results/", "/results/x-1.webp", *(f"/uploads/{name}" for name in uploads)):
        status, _, body = get(api, path=path)
        assert (status, b'"code":404' in body) == (404, True), path


def test_a_result_is_there_once_its_task_has_succeeded() -> None:
    now_s = 1_777_474_689.0
    with DemoApi(clock=lambda: now_s) as api:
        # The first one on the list has been created last, and ends after half a minute.
        path = f"/results/{api.task_ids[0]}-1.webp"
        assert get(api, path=path)[0] == 404
        now_s += 60
        status, headers, body = get(api, "HEAD", path)
        assert (status, headers["Content-Type"], body) == (200, "image/webp", b"")
        assert get(api, "HEAD", path.replace("-1.", "-2."))[0] == 404
        assert get(api, "HEAD", path.replace(".webp", ".mp4"))[0] == 404
