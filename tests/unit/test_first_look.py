"""Which columns the dashboard begins with."""

from __future__ import annotations

from types import MappingProxyType

from taskdash.config.profile import Profile
from taskdash.config.settings import Settings, View
from taskdash.wiring import first_view_of

USUAL = View().columns


def settings(ttl_ms: int | None, origins: dict[str, str] | None = None) -> Settings:
    profile = Profile(name="p", result_ttl_ms=ttl_ms)
    return Settings(profile="p", profiles=MappingProxyType({"p": profile}), origins=origins or {})


def test_where_results_expire_a_column_says_so() -> None:
    assert first_view_of(settings(None)).columns == USUAL
    assert first_view_of(settings(3_600_000)).columns == (*USUAL[:-1], "expires", USUAL[-1])


def test_columns_that_the_config_names_stay_as_they_are() -> None:
    assert first_view_of(settings(3_600_000, {"view.columns": "file config.toml"})).columns == USUAL
