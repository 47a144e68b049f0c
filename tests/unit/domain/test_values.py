"""Our quick dataclasses behave as the standard ones do, but for being changeable at run time."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from taskdash.domain.values import value


@value(frozen=True, slots=True, kw_only=True)
class Point:
    x: int
    y: int = 0
    note: str = dataclasses.field(default="", compare=False)
    secret: str = dataclasses.field(default="", repr=False)
    tags: list[str] = dataclasses.field(default_factory=list)


@value(frozen=True, slots=True)
class Single:
    value: str


def test_equal_fields_make_equal_values_with_one_hash() -> None:
    assert Single("a") == Single("a") != Single("b")
    assert hash(Single("a")) == hash(Single("a"))
    assert Point(x=1, note="one") == Point(x=1, note="other")
    assert Point(x=1) != Point(x=1, y=2)


def test_another_class_with_the_same_fields_is_another_value() -> None:
    @value(frozen=True, slots=True)
    class Other:
        value: str

    others: list[object] = [Other("a")]
    assert Single("a") not in others


def test_it_shows_its_fields_but_those_that_are_not_to_be_shown() -> None:
    assert repr(Single("a")) == "Single(value='a')"
    assert repr(Point(x=1, secret="sk-1")) == "Point(x=1, y=0, note='', tags=[])"


def test_the_standard_functions_know_it() -> None:
    point = Point(x=1, tags=["a"])
    assert dataclasses.replace(point, y=5) == Point(x=1, y=5, tags=["a"])
    assert [field.name for field in dataclasses.fields(point)] == ["x", "y", "note", "secret", "tags"]
    assert dataclasses.asdict(Single("a")) == {"value": "a"}
    assert Point(x=1).tags is not Point(x=1).tags


def test_it_can_be_copied_and_pickled() -> None:
    pickled = pickle.dumps(Single("a"))
    assert pickle.loads(pickled) == copy.copy(Single("a")) == Single("a")  # noqa: S301 - it is our own


def test_it_begins_as_a_standard_one_does() -> None:
    begun: list[str] = []

    @value(frozen=True, slots=True)
    class Begun:
        first: str
        second: list[int] = dataclasses.field(default_factory=list)
        third: int = 3

        def __post_init__(self) -> None:
            begun.append(self.first)

    match Begun("a", [1]):
        case Begun(first, second, third):
            assert (first, second, third) == ("a", [1], 3)
    assert Begun("b").second == []
    assert begun == ["a", "b"]
    assert dataclasses.is_dataclass(Begun)


def test_what_is_missing_or_unknown_is_refused() -> None:
    with pytest.raises(TypeError):
        Point(y=1)  # type: ignore[call-arg] # that is what is refused
    with pytest.raises(AttributeError):
        Single("a").other = 1  # type: ignore[attr-defined] # as above
