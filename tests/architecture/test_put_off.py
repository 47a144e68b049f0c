"""What Textual and asyncio import too early is loaded when it is first used, and is then as it always is."""

from __future__ import annotations

import ast
import functools
import importlib
import subprocess
import sys
from pathlib import Path

import textual

from taskdash.put_off import PUT_OFF

BEGIN = """
import sys
from taskdash.put_off import PUT_OFF, StandIn, load_put_off, put_off
for name in (*PUT_OFF, "inspect", "urllib.parse"):
    sys.modules.pop(name, None)
with put_off():
    import inspect, locale, urllib.parse, asyncio, textual.app, textual.theme
for name in PUT_OFF:
    assert type(sys.modules[name]).__name__ == "_PutOff", f"{name} is loaded"
"""
TEXTUAL = Path(textual.__file__).parent


def run(code: str) -> str:
    """Run it in a process of its own, where nothing was imported before."""
    done = subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_is_loaded_by_importing_textual_and_no_stand_in_stays() -> None:
    heavy = "_ssl platform tempfile textual.widgets._input textual.widgets._option_list textual.widgets._tree"
    run(f"""
assert not set({heavy.split()}) & set(sys.modules)
assert type(textual.app.CommandPalette) is StandIn
assert list(load_put_off()) == list(PUT_OFF) and not list(load_put_off())
held = [
    (name, key) for name, module in sys.modules.items() for key, value in vars(module).items()
    if isinstance(value, StandIn)
]
assert not held, held
for name in PUT_OFF:
    assert type(sys.modules[name]) is type(sys), name
    assert type(sys.modules[name].__loader__).__name__ == "SourceFileLoader", name
""")


def test_the_palette_is_whole_after_its_first_use() -> None:
    run("""
from textual.theme import ThemeProvider
stand_in = textual.app.CommandPalette
assert stand_in.__name__ == "CommandPalette"
from textual.command import CommandPalette, Provider, SimpleProvider
assert textual.app.CommandPalette is CommandPalette and textual.app.SimpleProvider is SimpleProvider
assert textual.theme.Provider is Provider
assert ThemeProvider.__mro__ == (ThemeProvider, *Provider.__mro__)
assert not hasattr(ThemeProvider, "__orig_bases__") and not ThemeProvider.__abstractmethods__
assert isinstance(stand_in(), CommandPalette)
""")


def test_the_source_of_a_class_is_found_where_the_finder_derives_from_what_was_put_off() -> None:
    run("""
import json
assert inspect.getsource(json.JSONDecoder).startswith("class JSONDecoder(")
import ast
finder = getattr(inspect, "_ClassFinder", ast.NodeVisitor)
assert finder.__mro__[-2:] == (ast.NodeVisitor, object)
""")


def test_a_stand_in_knows_what_is_one_of_its_kind() -> None:
    run("""
stand_in = textual.app.CommandPalette
from textual.command import CommandPalette
assert issubclass(CommandPalette, stand_in) and isinstance(CommandPalette(), stand_in)
assert not isinstance(stand_in, stand_in) and not issubclass(int, stand_in)
""")


def test_threads_that_use_a_module_at_once_find_all_of_it() -> None:
    run("""
import threading
sys.setswitchinterval(1e-6)
import ssl
gate, found = threading.Barrier(8), []
def use():
    gate.wait()
    found.append(ssl.create_default_context())
threads = [threading.Thread(target=use) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(found) == 8 and asyncio.base_events.ssl is ssl
assert asyncio.sslproto.SSLProtocol is asyncio.selector_events.sslproto.SSLProtocol
""")


def test_a_module_that_cannot_be_loaded_says_so_each_time() -> None:
    run("""
sys.modules["_ssl"] = None
for _ in range(2):
    try:
        asyncio.sslproto.SSLProtocol
    except ImportError:
        continue
    raise AssertionError("no error")
""")


def test_what_was_imported_before_stays_as_it_is() -> None:
    run("""
import json
before = sys.modules["json"]
with put_off():
    import json
    import tomllib
assert sys.modules["json"] is before and type(tomllib) is type(sys)
assert not any(type(each).__name__ == "_Finder" for each in sys.meta_path)
""")


@functools.cache
def holders() -> dict[str, dict[str, tuple[ast.Module, set[str]]]]:
    """By module that is put off: which of Textual's modules take what from it, each with its text."""
    found: dict[str, dict[str, tuple[ast.Module, set[str]]]] = {name: {} for name in PUT_OFF}
    for module in run("print(*sys.modules)").split():
        path = Path(TEXTUAL.parent, *module.split(".")).with_suffix(".py")
        if not module.startswith("textual.") or module in PUT_OFF or not path.exists():
            continue
        tree = ast.parse(path.read_text("utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module in PUT_OFF:
                found[node.module][module] = (tree, {alias.asname or alias.name for alias in node.names})
    return {name: held for name, held in found.items() if held}


def used_at_import(tree: ast.Module, names: set[str]) -> set[str]:
    """Those that the module itself uses while it is imported: annotations are texts, functions run later."""
    found: set[str] = set()

    def look(node: ast.AST, what: str) -> None:
        if isinstance(node, ast.Name) and node.id in names:
            found.add(f"{what} {node.id}")
        for field, value in ast.iter_fields(node):
            of_class = isinstance(node, ast.ClassDef) and field == "bases"
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if field in {"annotation", "returns"} or (is_function and field == "body"):
                continue
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, ast.AST):
                    look(each, "derives from" if of_class else "uses")

    look(tree, "uses")
    return found


def test_textual_does_nothing_with_a_stand_in_but_derive_from_it_until_it_runs() -> None:
    used = {
        name: {module: used_at_import(*held) for module, held in each.items()}
        for name, each in holders().items()
    }
    assert used == {
        "platformdirs": {"textual.app": set()},
        "difflib": {"textual.suggestions": set()},
        "uuid": {"textual.notifications": set()},
        "rich.table": {"textual.design": set()},
        "textual.canvas": {"textual.layout": set()},
        "textual.command": {"textual.app": set(), "textual.theme": {"derives from Provider"}},
    }


def test_every_name_that_textual_takes_has_a_stand_in_and_exists() -> None:
    for name, names in PUT_OFF.items():
        if name in holders():
            assert {each for _, taken in holders()[name].values() for each in taken} == set(names)
        assert all(hasattr(importlib.import_module(name), each) for each in names)
