"""What taskdash writes itself: the first config, and what the dashboard remembers."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.config.load import first_config_text, load_settings, load_view, save_view, write_first_config
from taskdash.config.own import COLUMN_NAMES
from taskdash.config.profile import Profile, preset_profile
from taskdash.config.settings import View
from taskdash.domain.errors import ConfigError, TaskdashError
from taskdash.domain.gateways import RECORD_PATH
from taskdash.domain.query import SortKey
from taskdash.domain.secret import Secret

FIRST_PROFILES = [
    Profile(name="aigptimage"),
    Profile(name="aigptimage", tier="basic", tier_assumed=False),
    Profile(name="aigptimage", api_key_env=None, api_key_command=("pass", "show", 'a "b"')),
    Profile(name="aigptimage", api_key_env=None, api_key=Secret("the-keys")),
    replace(
        preset_profile("kie", "kie"), preset="aigptimage", record_paths=(RECORD_PATH,), allow_private=True
    ),
    preset_profile("kie", "kie"),
    replace(preset_profile("kie", "mine"), share=0.1, base_url="https://x.example"),
    replace(preset_profile("kie", "kie"), tier="pro", per_second=None, per_minute=None),
    replace(preset_profile("kie", "kie"), api_key_env=None, api_key_command=("pass", "kie")),
]


@pytest.mark.parametrize("profile", FIRST_PROFILES)
def test_a_first_config_loads_as_what_was_asked_for(tmp_path: Path, profile: Profile) -> None:
    path = tmp_path / "new" / "taskdash" / "config.toml"
    assert write_first_config(path, profile) is None
    assert [f"{item.stat().st_mode & 0o777:o}" for item in (path, path.parent)] == ["600", "700"]
    assert load_settings(path, {}).in_use == profile


def test_the_hint_for_the_tier_works_when_it_is_uncommented(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        first_config_text(Profile(name="aigptimage")).replace('# tier = "basic"', 'tier = "basic"')
    )
    assert load_settings(path, {}).in_use.tier == "basic"


@pytest.mark.parametrize("kind", ["file", "link to nothing", "directory"])
def test_a_first_config_is_never_written_over_anything(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.toml"
    if kind == "file":
        path.write_text("# mine")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(TaskdashError, match="already exists; not overwritten") as caught:
        write_first_config(path, Profile(name="aigptimage"))
    assert caught.value.exit_code == 1
    assert [item.name for item in tmp_path.iterdir()] == ["config.toml"]
    assert kind != "file" or path.read_text() == "# mine"


def test_a_first_config_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        ConfigError, match="cannot be written: Not a directory; choose another path with --config"
    ):
        write_first_config(tmp_path / "file" / "config.toml", Profile(name="aigptimage"))


VIEWS = st.builds(
    View,
    columns=st.permutations(COLUMN_NAMES).flatmap(
        lambda names: st.integers(1, len(names)).map(lambda count: tuple(names[:count]))
    ),
    widths=st.dictionaries(st.sampled_from(COLUMN_NAMES), st.integers(3, 200)),
    sort=st.sampled_from([sign + key for key in SortKey for sign in ("", "-")]),
    detail=st.sampled_from(["auto", "right", "below", "hidden"]),
    detail_percent=st.integers(10, 90),
    theme=st.sampled_from(["nord", "textual-light"]),
    preview=st.booleans(),
)


@given(view=VIEWS, first=VIEWS)
def test_a_look_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, view: View, first: View
) -> None:
    path = tmp_path_factory.getbasetemp() / "look" / "view.toml"
    assert save_view(path, view, first) is None
    assert load_view(path, first) == view
    assert f"{path.stat().st_mode & 0o777:o}" == "600"


def test_only_what_was_changed_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "view.toml"
    save_view(path, View(theme="nord"), View())
    assert tomllib.loads(path.read_text()) == {"theme": "nord"}
    assert load_view(path, View(detail="below")) == View(theme="nord", detail="below")


def holding(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


@pytest.mark.parametrize(
    "make",
    {
        "not UTF-8": holding(b"\xff\xfe"),
        "no value": holding(b"theme = "),
        "too deep": holding(b"a = " + b"[" * 100_000),
        "wrong values": holding(b"detail = 'left'\npreview = 3"),
        "no table": holding(b"widths = 3"),
        "escapes": holding(b"sort = '\\u001b]0;x'"),
        "missing": lambda _: None,
        "directory": Path.mkdir,
    }.items(),
    ids=lambda each: each[0],
)
def test_a_view_file_that_is_missing_broken_or_something_else_counts_not(
    tmp_path: Path, make: tuple[str, Callable[[Path], object]]
) -> None:
    make[1](tmp_path / "view.toml")
    assert load_view(tmp_path / "view.toml", View()) == View()


def test_what_is_right_in_a_view_file_counts_beside_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "view.toml"
    path.write_text("theme = 'nord'\ndetail = 'left'\nof_a_later_version = 1")
    assert load_view(path, View()) == View(theme="nord")


def test_a_look_that_cannot_be_remembered_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert save_view(tmp_path / "file" / "view.toml", View(), View()) == (
        f"{tmp_path / 'file' / 'view.toml'}: the look cannot be remembered: Not a directory"
    )
