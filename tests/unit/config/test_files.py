"""Files are where platformdirs and XDG say, or where the user says, and only their owner can read them.

The line of each key of a TOML file is the one in which a reader of the whole language finds its value.
"""

from __future__ import annotations

import os
import pwd
import tomllib
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NoReturn

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.config.files import (
    absolute,
    config_path,
    create_private_file,
    download_dir,
    key_lines,
    log_path,
    make_private_dir,
    replace_private_file,
    store_path,
    view_path,
)
from taskdash.config.load import load_settings
from taskdash.config.settings import Settings
from taskdash.domain.errors import UsageError


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom the password file does not know."""

    def unknown(uid: int) -> NoReturn:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o7777:o}"


@pytest.mark.parametrize("home", ["/home/somebody", "/root"])
@pytest.mark.parametrize("xdg", ["/home/xdg", "/home/x d g", "relative", "", None])
def test_folders_are_where_platformdirs_says(
    monkeypatch: pytest.MonkeyPatch, home: str, xdg: str | None
) -> None:
    monkeypatch.setenv("HOME", home)
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.delenv(f"XDG_{name}_HOME", raising=False)
        if xdg is not None:
            monkeypatch.setenv(f"XDG_{name}_HOME", xdg and f"{xdg}/{name}")
    dirs = platformdirs.PlatformDirs("taskdash", appauthor=False)
    assert config_path(None, {})[0] == Path(dirs.user_config_dir) / "config.toml"
    assert store_path(None, {}) == Path(dirs.user_data_dir) / "tasks.db"
    assert view_path() == Path(dirs.user_state_dir) / "view.toml"
    assert log_path() == Path(dirs.user_state_dir) / "taskdash.log"


def test_results_go_where_downloads_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DOWNLOAD_DIR", str(tmp_path))
    assert download_dir(Settings()) == tmp_path / "taskdash"


def test_options_win_over_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"TASKDASH_STORE": "~/env.db", "TASKDASH_CONFIG": "~/env.toml"}
    assert store_path(None, environ) == tmp_path / "env.db"
    assert store_path(Path("opt.db"), environ) == tmp_path / "opt.db"
    assert config_path(None, environ) == (tmp_path / "env.toml", "TASKDASH_CONFIG")
    assert config_path(Path("opt.toml"), environ) == (tmp_path / "opt.toml", "--config")
    assert store_path(None, {"TASKDASH_STORE": ""}).name == "tasks.db"


@pytest.mark.parametrize("value", [None, "", "relative/home"])
@pytest.mark.usefixtures("no_account")
def test_without_any_home_the_variables_to_set_are_named(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", value)
    monkeypatch.setenv("XDG_STATE_HOME", "also/relative")
    for place, variable in (
        (lambda: config_path(None, {}), "XDG_CONFIG_HOME"),
        (lambda: store_path(None, {}), "XDG_DATA_HOME"),
        (view_path, "XDG_STATE_HOME"),
        (lambda: download_dir(Settings()), "XDG_DOWNLOAD_DIR"),
        (lambda: absolute("~/x"), "~/x"),
        (lambda: load_settings(None, {}), "XDG_CONFIG_HOME"),
    ):
        with pytest.raises(UsageError, match=r"HOME.* absolute path") as caught:
            place()
        assert variable in str(caught.value)
        assert caught.value.exit_code == 2


@pytest.mark.usefixtures("no_account")
def test_who_names_every_file_needs_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    assert load_settings(None, {"TASKDASH_CONFIG": "/dev/null"}) == Settings()
    assert store_path(tmp_path / "x.db", {}) == tmp_path / "x.db"


@pytest.mark.parametrize(("home", "path"), [("", "~/x"), ("/home/me", "~nobody-of-that-name/x")])
def test_a_path_without_its_home_is_refused_by_the_name_of_its_source(
    monkeypatch: pytest.MonkeyPatch, home: str, path: str
) -> None:
    monkeypatch.setenv("HOME", home)
    with pytest.raises(UsageError, match=rf"TASKDASH_STORE: cannot expand {path}: no such home"):
        store_path(None, {"TASKDASH_STORE": path})


def test_folders_are_private_and_only_our_own_is_tightened(tmp_path: Path) -> None:
    old_umask = os.umask(0)
    try:
        ours = tmp_path / "state" / "taskdash"
        assert make_private_dir(ours) is None
        assert [mode(ours), mode(ours.parent)] == ["700", "700"]
        assert make_private_dir(ours) is None
        ours.chmod(0o755)
        assert make_private_dir(ours) == f"{ours} was open to other users: made 0700"
        assert mode(ours) == "700"
        theirs = tmp_path / "shared"
        theirs.mkdir()
        theirs.chmod(0o755)
        assert make_private_dir(theirs) is None
        assert mode(theirs) == "755"
    finally:
        os.umask(old_umask)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_private_dir(tmp_path / "file")
    with pytest.raises(OSError, match="Not a directory"):
        make_private_dir(tmp_path / "file" / "taskdash")


def test_files_are_private_and_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_umask = os.umask(0)
    try:
        create_private_file(tmp_path / "new", b"1")
        (tmp_path / "old").write_bytes(b"0")
        replace_private_file(tmp_path / "old", b"2")
    finally:
        os.umask(old_umask)
    assert [mode(tmp_path / name) for name in ("new", "old")] == ["600", "600"]
    with pytest.raises(FileExistsError):
        create_private_file(tmp_path / "new", b"3")

    def full(_: int) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for write, name in ((create_private_file, "newer"), (replace_private_file, "old")):
        with pytest.raises(OSError, match="No space left"):
            write(tmp_path / name, b"4")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"new": b"1", "old": b"2"}


# The lines of keys

FILE = '''\
# [no] = 1
note = """
[not.a.table]
fake = 1 \\"""
"""
raw = \'\'\'a
b = 2\'\'\'\'
keys = { open = "o", "re.move" = [
  "x",  # ] }
  "y" ] }
view."sort" = 1979-05-27 07:32:00

[profiles."a.b"]
tier = "pro"
  [ profiles . kie ]
[[views]]
[[views]]
name = "two"
[views.more]
'''


def test_the_lines_of_everything_that_a_file_may_have() -> None:
    assert key_lines(FILE) == {
        ("note",): 2,
        ("raw",): 6,
        ("keys",): 8,
        ("view",): 11,
        ("view", "sort"): 11,
        ("profiles",): 13,
        ("profiles", "a.b"): 13,
        ("profiles", "a.b", "tier"): 14,
        ("profiles", "kie"): 15,
        ("views",): 16,
        ("views", 0): 16,
        ("views", 1): 17,
        ("views", 1, "name"): 18,
        ("views", 1, "more"): 19,
    }


# A number of its own for each value: where that stands the key stands, as no value below is on another line than it.
NAMES = st.sampled_from(["a", "b-1", '"c d"', "'e.f'", '"g\\"="', '"[h]"', '"#i"', '""', "4", '"\\u00e9"'])
KEYS = st.lists(NAMES, min_size=1, max_size=3).map(" . ".join)
NOISE = st.sampled_from(["", "  ", "# [x] = '", '# """', "#}", "\r"])
STRINGS = st.sampled_from(
    [
        '"]"',
        "'{'",
        '"a\\\\"',
        "'''\n[z]\ny = 1\n''''",
        '"""\n\\"""\nx = [\n"""',
        "1.5e3",
        "1979-05-27T07:32:00Z",
    ]
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return lines that are a TOML file more often than not."""
    number = count(1_000_001)
    lines = []

    def value(depth: int) -> str:
        kind = draw(st.integers(0, 4)) if depth else 0
        if kind == 1:
            return "[" + ", ".join(value(depth - 1) for _ in range(draw(st.integers(0, 3)))) + "]"
        if kind == 2:
            pairs = [f"{draw(KEYS)} = {value(depth - 1)}" for _ in range(draw(st.integers(0, 2)))]
            return "{ " + ", ".join(pairs) + " }"
        return str(next(number))

    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.integers(0, 4))
        key = draw(KEYS)
        line = {0: f"[{key}]", 1: f"[[ {key} ]]", 2: f"{key} = {draw(STRINGS)}"}.get(
            kind
        ) or f"{key}={value(3)}"
        lines.append(line + " " + draw(NOISE))
    return "\n".join(lines)


def leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """Give every number of its own with its path."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list):
        for n, each in enumerate(value):
            yield from leaves(each, (*path, n))
    elif isinstance(value, int) and value > 1_000_000:
        yield path, value


@given(files())
def test_every_value_is_in_the_line_that_is_told_for_it(text: str) -> None:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = key_lines(text)
    rows = text.split("\n")
    for path, value in leaves(values):
        told = [lines[path[:n]] for n in range(1, len(path) + 1) if path[:n] in lines]
        assert str(value) in rows[told[-1] - 1]
        assert told == sorted(told)
