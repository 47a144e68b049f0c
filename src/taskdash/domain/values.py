"""Values: frozen dataclasses that are quick to define. The standard ones took half of our imports' time.

`dataclass` writes and compiles the source of up to six methods for each class, some 0.8 ms a class on Python 3.11,
and the dashboard needs 30 of them before its first frame. Here only `__init__` is made so; the rest is shared.
That a value never changes is left to the type checker, which takes `value` for the standard decorator.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING

__all__ = ["value"]

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as value

    from _typeshed import DataclassInstance
else:

    def value(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[type], type]:
        """Make a class whose instances are equal, hashed and shown by their fields."""
        assert frozen  # noqa: S101 - what changes is no value: it takes the standard one

        def define(definition: type) -> type:
            cls = dataclasses.dataclass(eq=False, repr=False, slots=slots, kw_only=kw_only)(definition)
            compared = [field.name for field in dataclasses.fields(cls) if field.compare]
            # An attrgetter of one name gives the value alone, which serves as well as a tuple of it.
            key = attrgetter(*compared)
            cls.__eq__ = lambda self, other: (
                key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented
            )
            cls.__hash__ = lambda self: hash(key(self))
            cls.__repr__ = _representation
            return cls

        return define


def _representation(self: DataclassInstance) -> str:
    shown = (
        f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr
    )
    return f"{type(self).__qualname__}({', '.join(shown)})"
