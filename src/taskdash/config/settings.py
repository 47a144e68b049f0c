"""What can be set, with its unit, its default and its edge values: the one place that says so.

The text under each setting is the text above it in `config.example.toml`; a test keeps the two equal. Reading
and checking a file is `load`'s work: whatever stands in one of these objects is valid.
"""

from __future__ import annotations

from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.secret import Secret
from taskdash.domain.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_PROFILE: Final = "aigptimage"
DEFAULT_BASE_URL: Final = "https://aigptimage.com"
DEFAULT_KEY_VARIABLE: Final = "AIGPTIMAGE_API_KEY"

KEY_SOURCES: Final = ("api_key_env", "api_key_command", "api_key")
TIER_NAMES: Final = ("free", "basic", "standard", "pro", "ultra", "enterprise")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
KEY_PRESETS: Final = ("default", "plain", "vim")
DRAWINGS: Final = ("auto", "kitty", "sixel", "blocks")
DETAIL_POSITIONS: Final = ("auto", "right", "below", "hidden")
COLUMN_NAMES: Final = (
    "state",
    "label",
    "model",
    "cost",
    "created",
    "checked",
    "id",
    "added",
    "completed",
    "note",
    "problem",
    "results",
    "expires",
    "saved",
)

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@value(frozen=True, slots=True, kw_only=True)
class Profile:
    """A gateway: where it is, where its key comes from, how much of its limits may be used."""

    name: str
    """Not a setting: the last part of the table's name, `[profiles.NAME]`."""
    base_url: str = DEFAULT_BASE_URL
    """Where the gateway is: https, or http on this machine only (127.0.0.0/8, ::1, localhost). A path prefix
    is kept. Only the profile aigptimage has a default; TASKDASH_BASE_URL overrides it for the profile in
    use."""
    api_key_env: str | None = DEFAULT_KEY_VARIABLE
    """The environment variable that holds the API key. This, api_key_command or api_key: one of the three."""
    api_key_command: tuple[str, ...] = ()
    """A command that prints the API key as its first line, as a list of arguments or one text that is split
    into them: for a password manager. No shell; it has 10 seconds."""
    api_key: Secret | None = None
    """The API key itself. The file is refused while others can read it: chmod 600."""
    api_key_fault: str = ""
    """Not a setting: why the `api_key` of the file cannot be sent; empty where it can."""
    tier: str | None = "free"
    """The key's tier, which says how many checks the gateway allows: free, basic, standard, pro, ultra or
    enterprise. Without it free is assumed, which is slow but never too fast."""
    tier_assumed: bool = True
    """Not a setting: nobody set a tier or limits."""
    per_second: int | None = None
    """The key's own limit in place of a tier: checks in any 1 second, 1 to 1000000. Together with
    per_minute."""
    per_minute: int | None = None
    """The key's own limit in place of a tier: checks in any 60 seconds, 1 to 1000000. Together with
    per_second."""
    share: float = 0.5
    """How much of the limits taskdash may use, above 0 up to 1; the rest is left to your own program on the
    same key."""
    result_ttl_ms: int | None = None
    """How long result links live, counted from the task's end, as a number with s, m, h or d: then a
    countdown is shown, and once for each task a warning before its results expire unsaved (when a quarter of
    that time is left, a day at most). Without it none is."""
    allow_private: bool = False
    """Whether results may be downloaded from private and loopback addresses other than the gateway's own
    host."""
    source: Path | None = None
    """Not a setting: the file this profile stands in; None for one that is built in."""


@value(frozen=True, slots=True, kw_only=True)
class View:
    """The first look of the dashboard."""

    columns: tuple[str, ...] = COLUMN_NAMES[:7]
    """The table's columns from left to right, out of state, label, model, cost, created, checked, id, added,
    completed, note, problem, results, saved and expires, which is there by default where a result_ttl is set."""
    widths: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    """Widths of columns, in terminal cells, 3 to 200. A column that is not named here gets what it needs."""
    sort: str = "added"
    """What the table is sorted by: added (last first), state, label, model, cost, created, checked or id; a -
    before it reverses."""
    detail: str = "auto"
    """Where the detail pane is: right, below, hidden, or auto (right in a wide terminal, below in a narrow
    one)."""
    detail_percent: int = 35
    """How much of the screen the detail pane takes, in percent, 10 to 90."""
    theme: str = "textual-dark"
    """The colour theme; the command palette lists them all."""
    preview: bool = True
    """Whether the detail pane shows a picture of the result; needs the extra `preview`."""
    preview_as: str = "auto"
    """How pictures are drawn: kitty, sixel, blocks (coloured half characters, which any terminal has), or auto
    (what the terminal is known to have; blocks in tmux and screen)."""


@value(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is in force, wherever it came from."""

    profile: str = DEFAULT_PROFILE
    """The profile in use, unless --profile or TASKDASH_PROFILE says otherwise. Where only one other profile
    is configured, that one."""
    download_dir: Path | None = None
    """Where results are saved: an absolute folder, or one that starts with ~. By default the folder taskdash
    in your downloads."""
    open_command: tuple[str, ...] = ()
    """The command that opens a result, as a list of arguments; the link is added as the last one. Empty: your
    browser."""
    on_finish: tuple[str, ...] = ()
    """A command that is run once for each task that finishes, as a list of arguments; a shell reads it only
    if it is one: ["sh", "-c", "..."]. It gets the task as JSON on its standard input and its fields as
    TASKDASH_... in its environment, but no API key; it has 60 seconds. Empty: none."""
    bell: bool = False
    """Whether the terminal's bell rings when a task finishes, once for each message."""
    auto_download: bool = False
    """Whether each result is saved as soon as its task finishes, before its link can expire."""
    max_result_mib: int | None = None
    """The largest result that is saved, in MiB, 1 to 1048576. Without it, it is what the disk has room for: nine
    tenths of what is free."""
    log_level: str = "info"
    """How much goes to the log file: debug, info, warning or error. --log-level overrides it."""
    key_preset: str = "default"
    """The set of keys that [keys] changes: default, plain (arrows and named keys first) or vim."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING)
    """Keys of your own: action = "key", or a list of keys; an empty list takes the action's keys away. The
    help (?) names the actions."""
    view: View = field(default_factory=View)
    """First values only: what you change in the dashboard is remembered in view.toml and wins; the palette
    resets it."""
    profiles: Mapping[str, Profile] = field(
        default_factory=lambda: MappingProxyType({DEFAULT_PROFILE: Profile(name=DEFAULT_PROFILE)})
    )
    """One table for each gateway, [profiles.NAME]; a name has letters, digits, dots, - and _ only."""
    config_file: Path | None = field(default=None, compare=False)
    """Not a setting: the file that was read; None where there is none."""
    origins: Mapping[str, str] = field(default_factory=lambda: _NOTHING, compare=False)
    """Not a setting: where each value that is no default came from, by its dotted name."""

    @property
    def in_use(self) -> Profile:
        """The profile in use."""
        return self.profiles[self.profile]

    def ttls_ms(self, profile: str | None) -> dict[str, int]:
        """How long result links live, of one profile or (None) of all, where that is set."""
        ttls = {name: each.result_ttl_ms for name, each in self.profiles.items() if profile in (None, name)}
        return {name: ttl_ms for name, ttl_ms in ttls.items() if ttl_ms is not None}


def demo_settings(
    base_url: str,
    key: str,
    *,
    download_dir: Path,
    tier: str = "standard",
    result_ttl_ms: int | None = None,
) -> Settings:
    """The settings of `taskdash --demo`: one profile named `demo`, and nothing from any file or environment.

    Args:
        base_url: of the embedded API; taken as it stands.
        key: what the embedded API accepts.
        download_dir: inside the demo's temporary folder.
        tier: whose limits the embedded API enforces.
        result_ttl_ms: how long its result links live; None shows no countdown.
    """
    profile = Profile(
        name="demo",
        base_url=base_url,
        api_key_env=None,
        api_key=Secret(key),
        tier=tier,
        tier_assumed=False,
        share=1.0,
        result_ttl_ms=result_ttl_ms,
        allow_private=True,
    )
    return Settings(profile="demo", profiles={"demo": profile}, download_dir=download_dir)
