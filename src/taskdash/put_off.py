"""Puts off what others import long before they use it: Textual, asyncio, `inspect`. No first frame waits for it.

A module that is put off is loaded when something of it is first used, in a dashboard right after the first frame at the
latest. `import name` brings the module itself, empty as yet. `from name import Thing` brings a stand-in, which can be
called, asked for what it has or whether something is one, and derived from; all but the last load the module. Once that
is done no stand-in is left.

Textual is pinned. What it does with the names that it takes from these modules, a test reads from its source.
"""

from __future__ import annotations

import sys
from abc import ABC
from contextlib import contextmanager, suppress
from importlib.machinery import PathFinder
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec

PUT_OFF: Final = {
    "ast": ("NodeVisitor", "literal_eval"),
    "ipaddress": (),
    "linecache": (),
    "locale": (),
    "tokenize": (),
    "ssl": (),
    "asyncio.sslproto": (),
    "mimetypes": (),
    "uuid": ("uuid4",),
    "difflib": ("get_close_matches",),
    "platformdirs": ("user_downloads_path",),
    "rich.table": ("Table",),
    "textual.canvas": ("Canvas", "Rectangle"),
    "textual.command": (
        "CommandListItem",
        "CommandPalette",
        "DiscoveryHit",
        "Hit",
        "Hits",
        "Provider",
        "SimpleProvider",
    ),
}
"""The modules, each with the names for which there may be stand-ins."""
ABSTRACT: Final = frozenset({"Provider"})
"""Those of them that are abstract classes."""
HOLDERS: Final = ("textual", "rich")
"""The packages that may hold stand-ins."""
_NO_USE: Final = frozenset({"__class__", "__dict__", "__file__", "__name__", "__path__", "__spec__"})
"""What the import system and introspection ask of every module."""


@contextmanager
def put_off() -> Iterator[None]:
    """Put off what is imported meanwhile; what was imported before stays as it is."""
    sys.meta_path.insert(0, _FINDER)
    _FINDER.gives_stand_ins = True
    try:
        yield
    finally:
        sys.meta_path.remove(_FINDER)
        _FINDER.gives_stand_ins = False


def load_put_off() -> Iterator[str]:
    """Load what is still put off, one module a step. One that cannot be loaded says so when it is used."""
    for name in PUT_OFF:
        module = sys.modules.get(name)
        later = getattr(getattr(module, "__spec__", None), "loader", None)
        if module is not None and isinstance(later, _Later):
            with suppress(ImportError, OSError):
                later.load(module)
            yield name


class _Finder:
    """Finds the modules that are put off, as Python itself does."""

    gives_stand_ins = False
    """Whether names are asked for that may be put off."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """One of them, with a loader that waits; None for all others."""
        spec = PathFinder.find_spec(name, path, target) if name in PUT_OFF else None
        if spec is not None and spec.loader is not None:
            later = _Later(spec.loader, PUT_OFF[name])
            spec.loader = later  # type: ignore[assignment] # importing the class of loaders would take its time too
        return spec


_FINDER: Final = _Finder()


class _Later:
    """Loads a module when it is first used."""

    def __init__(self, loader: Loader, names: Sequence[str]) -> None:
        self._loader, self._names = loader, names
        self._lock = RLock()
        self._begun = False

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the module's own loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it empty."""
        module.__class__ = _PutOff

    def is_stood_in_for(self, name: str) -> bool:
        """Whether who asks for `name` gets a stand-in."""
        return _FINDER.gives_stand_ins and not self._begun and name in self._names

    def load(self, module: ModuleType) -> None:
        """Load it. Another thread waits until all of it is there; it may itself ask for what it has so far."""
        with self._lock:
            if self._begun:
                return
            self._begun = True
            try:
                self._loader.exec_module(module)
            except BaseException:
                self._begun = False
                raise
            if module.__spec__ is not None:
                module.__spec__.loader = module.__loader__ = self._loader
            module.__class__ = ModuleType
            _replace_stand_ins(module)


class _PutOff(ModuleType):
    """A module that is not loaded yet."""

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        get = super().__getattribute__
        if name not in _NO_USE:
            later = get("__spec__").loader
            if isinstance(later, _Later):
                if later.is_stood_in_for(name):
                    return StandIn(self, name)
                later.load(self)
        return get(name)


class StandIn:
    """Something of a module that is not loaded yet."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self.module = module
        self._name = name

    @property
    def real(self) -> Any:  # noqa: ANN401 - whatever the module has
        """What it stands for."""
        later = getattr(self.module.__spec__, "loader", None)
        if isinstance(later, _Later):
            later.load(self.module)
        return getattr(self.module, self._name)

    def __call__(self, *args: object, **named: object) -> object:
        """As what it stands for does."""
        return self.real(*args, **named)

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self.real)

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self.real)

    def __mro_entries__(self, _: tuple[object, ...]) -> tuple[type, ...]:
        """What is derived from meanwhile."""
        return (_AbstractBase if self._name in ABSTRACT else _Base,)


class _Base:
    """The base of classes that derive from a stand-in; only one of the same kind can take its place."""


class _AbstractBase(ABC):  # noqa: B024 - it is only derived from
    """The base of those that derive from one for an abstract class."""


def _replace_stand_ins(module: ModuleType) -> None:
    """Put what they stand for in the place of all stand-ins for `module`."""

    def is_one(thing: object) -> bool:
        return type(thing) is StandIn and thing.module is module

    for name, holder in list(sys.modules.items()):
        if name.partition(".")[0] in HOLDERS:
            names = vars(holder)
            for each in [key for key, value in names.items() if is_one(value)]:
                names[each] = names[each].real
    for derived in (*_Base.__subclasses__(), *_AbstractBase.__subclasses__()):
        bases = vars(derived)["__orig_bases__"]
        if any(map(is_one, bases)):
            derived.__bases__ = tuple(base.real if is_one(base) else base for base in bases)
            delattr(derived, "__orig_bases__")
