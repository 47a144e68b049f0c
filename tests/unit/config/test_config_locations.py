"""Files are where platformdirs and XDG say, or where the user says, and only their owner can read them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import NoReturn

import pytest

from taskdash.config.files import (
    absolute,
    config_path,
    create_private_file,
    download_dir,
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


def test_xdg_directories_are_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("XDG_DOWNLOAD_DIR", str(tmp_path / "down"))
    assert config_path(None, {}) == (tmp_path / "config/taskdash/config.toml", "")
    assert store_path(None, {}) == tmp_path / "data/taskdash/tasks.db"
    assert view_path() == tmp_path / "state/taskdash/view.toml"
    assert log_path() == tmp_path / "state/taskdash/taskdash.log"
    assert download_dir(Settings()) == tmp_path / "down/taskdash"


def test_a_relative_xdg_directory_is_ignored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    assert store_path(None, {}) == home / ".local/share/taskdash/tasks.db"


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
        (view_path, "XDG_STATE_HOME is not an absolute path"),
        (lambda: download_dir(Settings()), "XDG_DOWNLOAD_DIR"),
        (lambda: absolute("~/x"), "~/x"),
        (lambda: load_settings(None, {}), "XDG_CONFIG_HOME"),
    ):
        with pytest.raises(UsageError, match="HOME is not") as caught:
            place()
        assert variable in str(caught.value)
        assert caught.value.exit_code == 2


@pytest.mark.usefixtures("no_account")
def test_who_names_every_file_needs_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    assert load_settings(None, {"TASKDASH_CONFIG": "/dev/null"}) == Settings()
    assert store_path(tmp_path / "x.db", {}) == tmp_path / "x.db"


def test_a_home_that_is_no_path_gives_way_to_the_password_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "")
    assert absolute("~/x") == Path(pwd.getpwuid(os.getuid()).pw_dir) / "x"
    with pytest.raises(UsageError, match="no such user"):
        absolute("~nobody-of-that-name/x")


def test_a_path_with_a_nul_is_refused_by_the_name_of_its_source() -> None:
    with pytest.raises(UsageError, match=r"TASKDASH_STORE: .*NUL"):
        store_path(None, {"TASKDASH_STORE": "a\0b"})


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
        theirs.mkdir(0o755)
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
