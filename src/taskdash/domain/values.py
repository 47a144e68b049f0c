"""Values: frozen dataclasses that are quick to define. The standard ones took half of our imports' time.

`dataclass` writes and compiles the source of up to six methods for each class, some 0.8 ms a class on Python 3.11,
and the dashboard needs 40 of them before its first frame, of most not one value. Here only `__init__` is made so,
and only when the first value is; the rest is shared. That a value never changes is left to the type checker, which
takes `value` for the standard decorator.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["value"]

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as value

    from _typeshed import DataclassInstance
else:

    def value(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[type], type]:
        """Make a class whose instances are equal, hashed and shown by their fields."""
        assert frozen and slots  # noqa: S101, PT018 - what changes is no value: it takes the standard one

        def define(definition: type) -> type:
            names = tuple(definition.__annotations__)
            written = {
                name: each
                for name, each in vars(definition).items()
                if name not in ("__dict__", "__weakref__")
            }
            # A default may be a `field`, which says whether it is compared.
            compared = [
                name
                for name in names
                if not isinstance(default := written.get(name), dataclasses.Field) or default.compare
            ]
            # An attrgetter of one name gives the value alone, which serves as well as a tuple of it.
            key = attrgetter(*compared)

            def complete() -> None:
                """Let the standard decorator have a copy, and take from it what it made: the same in any thread."""
                copied = type(definition)(definition.__name__, definition.__bases__, dict(written))
                made = dataclasses.dataclass(eq=False, repr=False, kw_only=kw_only)(copied)
                cls.__dataclass_fields__, cls.__init__ = made.__dataclass_fields__, made.__init__

            def first_init(self: object, *values: object, **named: object) -> None:
                complete()
                cls.__init__(self, *values, **named)

            shared = {
                "__slots__": names,
                "__match_args__": () if kw_only else names,
                "__dataclass_fields__": _FieldsLater(complete),
                "__init__": first_init,
                "__eq__": lambda self, other: (
                    key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented
                ),
                "__hash__": lambda self: hash(key(self)),
                "__repr__": _representation,
                "__qualname__": definition.__qualname__,
            }
            methods = {name: each for name, each in written.items() if name not in names}
            # Methods of its own, as a dataclass's, are kept: only `__init__` is never written by hand.
            cls = type(definition)(definition.__name__, definition.__bases__, {**methods, **shared})
            return cls

        return define


class _FieldsLater:
    """Stands for the fields of a class until somebody asks for them."""

    def __init__(self, complete: Callable[[], None]) -> None:
        self._complete = complete

    def __get__(self, instance: object, owner: type[DataclassInstance]) -> dict[str, Any]:
        self._complete()
        return owner.__dataclass_fields__


def _representation(self: DataclassInstance) -> str:
    shown = (
        f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr
    )
    return f"{type(self).__qualname__}({', '.join(shown)})"
