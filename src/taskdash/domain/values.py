"""Values: frozen dataclasses that are quick to define. The standard ones took half of our imports' time.

`dataclass` writes and compiles the source of up to six methods for each class, some 0.8 ms a class on Python 3.11,
and the dashboard needs 40 of them before its first frame, of most not one value. Here only `__init__` is written so,
and only when the first value is made; the rest is shared, and what the standard functions ask for is found out when
they do. That a value never changes is left to the type checker, which takes `value` for the standard decorator.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["value"]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
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

            def find_fields() -> None:
                """Let the standard decorator have a copy, and take from it what it found: the same in any thread."""
                copied = type(definition)(definition.__name__, definition.__bases__, dict(written))
                cls.__dataclass_fields__ = dataclasses.dataclass(
                    init=False, eq=False, repr=False, kw_only=kw_only
                )(copied).__dataclass_fields__

            def first_init(self: object, *values: object, **named: object) -> None:
                cls.__init__ = _written_init(definition, names, written, kw_only)
                cls.__init__(self, *values, **named)

            shared = {
                "__slots__": names,
                "__match_args__": () if kw_only else names,
                "__dataclass_fields__": _FieldsLater(find_fields),
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


def _written_init(
    definition: type, names: Sequence[str], written: Mapping[str, object], kw_only: bool
) -> Callable[..., None]:
    """`__init__` as the standard decorator writes it, in a third of the time: most fields have a plain default."""
    parameters, lines = ["self", *(["*"] if kw_only else [])], []
    scope: dict[str, Any] = {"_missing": dataclasses.MISSING}
    for name in names:
        default, taken = written.get(name, dataclasses.MISSING), name
        if isinstance(default, dataclasses.Field):
            if default.default_factory is not dataclasses.MISSING:
                scope[f"_new_{name}"] = default.default_factory
                taken = f"_new_{name}() if {name} is _missing else {name}"
                parameters.append(f"{name}=_missing")
            default = default.default
        if default is not dataclasses.MISSING:
            scope[f"_default_{name}"] = default
            parameters.append(f"{name}=_default_{name}")
        elif taken == name:
            parameters.append(name)
        lines.append(f" self.{name} = {taken}")
    if hasattr(definition, "__post_init__"):
        lines.append(" self.__post_init__()")
    source = f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines)
    exec(source, scope)  # noqa: S102 - nothing in it but the names of our own fields
    init: Callable[..., None] = scope["__init__"]
    init.__qualname__ = f"{definition.__qualname__}.__init__"
    return init


class _FieldsLater:
    """Stands for the fields of a class until somebody asks for them."""

    def __init__(self, find: Callable[[], None]) -> None:
        self._find = find

    def __get__(self, instance: object, owner: type[DataclassInstance]) -> dict[str, Any]:
        self._find()
        return owner.__dataclass_fields__


def _representation(self: DataclassInstance) -> str:
    shown = (
        f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr
    )
    return f"{type(self).__qualname__}({', '.join(shown)})"
