"""A picture names its task and stays what it was; whatever a file is, to ask it where it is from does no harm."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from tests.pictures import encoded, halves

from taskdash.domain.task import Task
from taskdash.results.saved_results import Origin, origin_for, origin_from, origin_in, sidecar_name

TASK = Task(seq=1, profile="kie", task_id="job:1", added_at_ms=1, prompt='a "red" fox\n満月')
GRADIENT = Image.linear_gradient("L").convert("RGB")
PICTURES = {
    "png": halves(),
    "jpg": encoded(GRADIENT, "JPEG", quality=90),
    "jpg with exif": encoded(GRADIENT, "JPEG", exif=Image.Exif().tobytes() or b"Exif\0\0", comment=b"theirs"),
    "jpg progressive": encoded(GRADIENT, "JPEG", progressive=True),
}


def marked(data: bytes, ending: str, task: Task = TASK, number: int = 2) -> bytes | None:
    insertion = origin_for(lambda offset, count: data[offset : offset + count], ending, task, number)
    return insertion and data[: insertion[0]] + insertion[1] + data[insertion[0] :]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_names_its_task_and_is_the_same_picture(name: str) -> None:
    before = PICTURES[name]
    after = marked(before, name[:3])
    assert after is not None
    assert origin_in(io.BytesIO(before)) is None
    assert origin_in(io.BytesIO(after)) == Origin("kie", "job:1", 2)
    was, now = Image.open(io.BytesIO(before)), Image.open(io.BytesIO(after))
    assert now.tobytes() == was.tobytes()
    assert now.getexif().tobytes() == was.getexif().tobytes()
    # All that was there is there, in its order.
    same = next(n for n, (old, new) in enumerate(zip(before, after, strict=False)) if old != new)
    assert after.endswith(before[same:])
    if name == "png":
        assert (now.text["Description"], type(now).__name__) == (TASK.prompt, "PngImageFile")  # type: ignore[attr-defined]
    else:
        assert str(TASK.prompt).encode() in after


def test_a_task_without_a_prompt_is_named_all_the_same_and_a_long_prompt_is_cut() -> None:
    bare = Task(seq=1, profile="p", task_id="t", added_at_ms=1)
    long = Task(seq=1, profile="p", task_id="t", added_at_ms=1, prompt="満" * 40_000)
    for task in (bare, long):
        for ending in ("png", "jpg"):
            data = marked(PICTURES[ending], ending, task)
            assert data is not None
            Image.open(io.BytesIO(data)).load()
            assert origin_in(io.BytesIO(data)) == Origin("p", "t", 2)


@pytest.mark.parametrize(
    ("data", "ending"),
    [
        (PICTURES["png"], "webp"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "png"),
        (b"\xff\xd8", "jpg"),
        (b"\xff\xd8\xff\xe0\xff\xff", "jpg"),
        (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 20, "jpg"),
        (b"\xff\xd8\x00\x00\x00\x00", "jpg"),
        (b"", "png"),
    ],
)
def test_what_is_no_such_picture_stays_as_it_is(data: bytes, ending: str) -> None:
    assert marked(data, ending) is None


@given(
    st.binary()
    | st.builds(
        lambda head, tail: head + tail,
        st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\xff\xd8\xff\xfe", PICTURES["png"][:60]]),
        st.binary(),
    )
)
@example(b"\xff\xd8\xff\xfe\x00\x00")
@example(b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffiTXt")
def test_any_file_is_read_without_harm(data: bytes) -> None:
    assert origin_in(io.BytesIO(data)) is None
    for ending in ("png", "jpg"):
        after = marked(data, ending)
        assert after is None or origin_in(io.BytesIO(after)) == Origin("kie", "job:1", 2)


@pytest.mark.parametrize(
    ("values", "origin"),
    [
        ({"taskId": "a", "profile": "p", "result": 3}, Origin("p", "a", 3)),
        ({"taskId": "a", "profile": "p", "result": True}, Origin("p", "a", None)),
        ({"taskId": "a", "profile": "p", "result": -1}, Origin("p", "a", None)),
        ({"taskId": "a", "profile": "p\x1b[2J", "resultUrls": ["x"]}, Origin("p\ufffd[2J", "a", 1)),
        ({"taskId": "a", "profile": "p", "resultUrls": ["x", "y"]}, Origin("p", "a", None)),
        ({"taskId": "a", "profile": "p", "resultUrls": 7}, None),
        ({"taskId": "a b", "profile": "p"}, None),
        ({"taskId": "a"}, None),
        (["taskId"], None),
        (None, None),
    ],
)
def test_json_that_names_a_task_is_believed_and_no_other(values: object, origin: Origin | None) -> None:
    assert origin_from(json.dumps(values)) == origin


def test_a_sidecar_has_the_name_of_its_file_and_never_is_that_file() -> None:
    names = ["fox-1.png", "veo-3.1-2.mp4", "scene.json", "plain"]
    assert [*map(sidecar_name, names)] == ["fox-1.json", "veo-3.1-2.json", "scene.json.json", "plain.json"]
