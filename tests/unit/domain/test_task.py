"""Tests what may be an ID, and what of a request changes how long a task takes."""

from __future__ import annotations

import pytest

from taskdash.domain.id_forms import is_task_id
from taskdash.domain.task import variant_of


@pytest.mark.parametrize(
    ("param", "variant"),
    [
        ({"model": "gpt-image-2", "input": {"size": "1:1", "quality": "High"}}, "size=1:1 quality=high"),
        ({"input": {"prompt": "x"}}, None),
        ({"model": "gpt-image-2", "aspect_ratio": "16:9", "n": 2}, "aspect_ratio=16:9 n=2"),
        ({"input": "not an object", "quality": "low"}, "quality=low"),
        ({"input": {"size": None, "quality": "", "resolution": ["4K"]}}, None),
        ("text", None),
        (None, None),
        ([1, 2], None),
    ],
)
def test_the_variant_is_made_of_what_changes_a_duration(param: object, variant: str | None) -> None:
    assert variant_of(param) == variant  # type: ignore[arg-type]  # literals are not seen as Json


@pytest.mark.parametrize("text", ["a", "A.b_c:d-9", "x" * 128, "..", "task_xxx"])
def test_an_id_may_have_letters_digits_and_five_marks(text: str) -> None:
    assert is_task_id(text)


@pytest.mark.parametrize("text", ["", "x" * 129, "a b", "a\n", "a/b", "é", "a&b", "a\x00"])
def test_an_id_may_not_have_anything_else(text: str) -> None:
    assert not is_task_id(text)
