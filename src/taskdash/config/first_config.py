"""`config init`: the first config file, and never a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taskdash.config.private_files import create_private_file, make_private_dir
from taskdash.config.table import duration_text
from taskdash.domain.errors import ConfigError, TaskdashError
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from pathlib import Path

    from taskdash.config.settings import Profile

_HEAD: Final = """\
# Written by `taskdash config init`. Everything that can be set, with its default: `taskdash config example`.
# See what is in force with `taskdash config show`; check a change with `taskdash config check`.
# Global settings (download_dir, bell, [keys], [view], ...) go above the profiles.

"""
_TIER_HINT: Final = """
# The tier of your API key says how fast taskdash may check: free, basic, standard, pro, ultra or enterprise.
# Without it free is assumed. It goes into the table above:
# tier = "basic"
"""


def first_config_text(profile: Profile) -> str:
    """The text of a config with `profile` in use: its URL, its key's source, and what is no default."""
    import tomli_w

    table: dict[str, object] = {"base_url": profile.base_url}
    if profile.api_key_command:
        table["api_key_command"] = list(profile.api_key_command)
    elif profile.api_key is not None:
        table["api_key"] = profile.api_key.reveal()
    else:
        table["api_key_env"] = profile.api_key_env
    if profile.per_second is not None and profile.per_minute is not None:
        table |= {"per_second": profile.per_second, "per_minute": profile.per_minute}
    elif not profile.tier_assumed:
        table["tier"] = profile.tier
    table |= _changed_from_default(profile)
    text = _HEAD + tomli_w.dumps({"profile": profile.name, "profiles": {profile.name: table}})
    return text + (_TIER_HINT if profile.tier_assumed else "")


def _changed_from_default(profile: Profile) -> dict[str, object]:
    table: dict[str, object] = {}
    if profile.share != 0.5:
        table["share"] = profile.share
    if profile.result_ttl_ms is not None:
        table["result_ttl"] = duration_text(profile.result_ttl_ms)
    if profile.allow_private:
        table["allow_private"] = True
    return table


def write_first_config(path: Path, profile: Profile) -> str | None:
    """Write a first config, 0600, in a folder that is 0700.

    Returns:
        A line for the user where the folder had to be tightened, else None.

    Raises:
        TaskdashError: something is there already; nothing was touched.
        ConfigError: the file cannot be written.
    """
    shown_path = inert_line(str(path))
    try:
        warning = make_private_dir(path.parent)
        create_private_file(path, first_config_text(profile).encode())
    except FileExistsError:
        raise TaskdashError(
            f"{shown_path} is there already and was not touched: edit it, or move it away first"
        ) from None
    except OSError as error:
        reason = inert_line(error.strerror or "unknown reason")
        raise ConfigError(
            f"{shown_path}: cannot be written: {reason}; name another place with --config"
        ) from None
    return warning
