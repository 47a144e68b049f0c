"""One `[profiles.NAME]` table, read and checked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from taskdash.config.base_url import BaseUrlError, checked_base_url
from taskdash.config.settings import (
    DEFAULT_BASE_URL,
    DEFAULT_KEY_VARIABLE,
    DEFAULT_PROFILE,
    KEY_SOURCES,
    TIER_NAMES,
    Profile,
)
from taskdash.config.wording import may_be_key, one_of
from taskdash.domain.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from taskdash.config.table import TomlTable

PROFILE_KEYS: Final = (
    "base_url",
    *KEY_SOURCES,
    "tier",
    "per_second",
    "per_minute",
    "share",
    "result_ttl",
    "allow_private",
)
_TEN_YEARS_MS: Final = 3_650 * 86_400_000
_MAX_CHECKS: Final = 1_000_000
_VARIABLE_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]{0,127}"


def read_profile(name: str, table: TomlTable, source: Path, global_keys: Collection[str]) -> Profile:
    """Read one profile; what is wrong with it is noted in the table's problems.

    Args:
        name: the profile's.
        table: its keys.
        source: the file it stands in.
        global_keys: keys that belong to the top of the file, to say so where one stands here.
    """

    def place_of_global_key(key: str) -> str:
        return " It is a global setting: put it above the first [table]." if key in global_keys else ""

    table.reject_unknown(PROFILE_KEYS, place_of_global_key)
    _check_one_key_source(table)
    _check_limits(table)
    api_key, api_key_fault = _api_key(table)
    per_second = table.whole("per_second", None, 1, _MAX_CHECKS)
    other_source = table.has("api_key") or table.has("api_key_command")
    return Profile(
        name=name,
        base_url=_base_url(name, table),
        api_key_env=None
        if other_source
        else table.text("api_key_env", DEFAULT_KEY_VARIABLE, _fault_of_variable),
        api_key_command=table.command("api_key_command"),
        api_key=api_key,
        api_key_fault=api_key_fault,
        tier=None if per_second is not None else table.choice("tier", "free", TIER_NAMES),
        tier_assumed=not (table.has("tier") or table.has("per_second")),
        per_second=per_second,
        per_minute=table.whole("per_minute", None, 1, _MAX_CHECKS),
        share=table.fraction("share", 0.5),
        result_ttl_ms=table.duration_ms("result_ttl", None, _TEN_YEARS_MS),
        allow_private=table.flag("allow_private", False),
        source=source,
    )


def _base_url(name: str, table: TomlTable) -> str:
    if not table.has("base_url") and name != DEFAULT_PROFILE:
        table.note(
            "base_url",
            f'is missing: every profile but {DEFAULT_PROFILE} needs one, as in "https://api.kie.ai"',
        )

    def fault(value: str) -> str | None:
        try:
            checked_base_url(value)
        except BaseUrlError as error:
            return str(error)
        return None

    # Secret: a URL may have a password or a key in it.
    return checked_base_url(table.text("base_url", DEFAULT_BASE_URL, fault, secret=True))


def _check_one_key_source(table: TomlTable) -> None:
    given = [key for key in KEY_SOURCES if table.has(key)]
    if len(given) > 1:
        table.note(given[1], f"stands beside {given[0]}; a profile has exactly {one_of(KEY_SOURCES)}")


def _check_limits(table: TomlTable) -> None:
    limits = [key for key in ("per_second", "per_minute") if table.has(key)]
    if limits and table.has("tier"):
        table.note("tier", f"stands beside {limits[0]}; give a tier, or per_second and per_minute")
    elif len(limits) == 1:
        missing = "per_minute" if limits == ["per_second"] else "per_second"
        table.note(missing, f"is missing beside {limits[0]}; give per_second and per_minute, or a tier")


def _fault_of_variable(value: str) -> str | None:
    """What is wrong with a variable's name. It is never shown: people put the key itself there."""
    if may_be_key(value):
        return "looks like an API key; it must be the name of an environment variable, such as KIE_API_KEY"
    if not re.fullmatch(_VARIABLE_NAME, value):
        return "must be the name of an environment variable (letters, digits and _), such as KIE_API_KEY"
    return None


def _api_key(table: TomlTable) -> tuple[Secret | None, str]:
    """The key, or why it cannot be sent: no command that needs no key is to fail for that."""
    text = table.text("api_key", None, secret=True)
    if text is None:
        return None, ""
    try:
        return Secret(text), ""
    except ValueError as error:
        return None, str(error)
