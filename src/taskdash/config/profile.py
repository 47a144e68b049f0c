"""Defines, checks and reads profiles, each a gateway with its key, and the presets for known gateways.

The checks say where and how a key may be sent: to https anywhere, to http on this machine only.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from taskdash.config import readers
from taskdash.config.keys import DEFAULT_KEY_VARIABLE, KEY_SOURCES, may_be_key, quoted
from taskdash.config.readers import Place, Reader, one_of_these, read, schema_of, setting
from taskdash.domain.gateways import AUTH_HEADER, FAMILIES, ID_MARK, KEY_MARK, RECORD_PATH, TIERS
from taskdash.domain.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from taskdash.domain.task import Json

DEFAULT_PROFILE: Final = "aigptimage"
DEFAULT_BASE_URL: Final = "https://aigptimage.com"
DEFAULT_PRESET: Final = "aigptimage"
PRESETS: Final[dict[str, dict[str, object]]] = {
    DEFAULT_PRESET: {"base_url": DEFAULT_BASE_URL, "api_key_env": DEFAULT_KEY_VARIABLE},
    "kie": {
        "base_url": "https://api.kie.ai",
        "api_key_env": "KIE_API_KEY",
        "per_second": 10,
        "per_minute": 300,
        "record_paths": [RECORD_PATH, *(path for path in FAMILIES if path.startswith("/api/"))],
        "result_ttl": "24h",
    },
}
"""The settings of each preset, which a profile can override."""

_LIMITS: Final = ("per_second", "per_minute")
_TEN_YEARS_MS: Final = 3_650 * 86_400_000
_MAX_CHECKS: Final = 1_000_000

# Base URLs, paths below them, and the header that carries the key

_PRINTABLE = re.compile(r"[\x21-\x5b\x5d-\x7e]{1,2048}")
"""ASCII without white space and backslashes, which some programs take for slashes."""
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})")
# People paste the endpoint's URL from the API's page, but the client adds this part itself.
_ENDPOINT = re.compile(r"/api/v1(?:/jobs(?:/recordInfo|/createTask)?)?$")
_ALLOWED = "use https://host, or http:// on this machine only (127.0.0.0/8, ::1, localhost)"
_BASE_URL_PATTERN: Final = r"^\s*[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9_\[](?:(?![@?#\\])[!-~])*\s*$"
_A_PATH: Final = '"/v1/tasks/{id}"'
_A_HEADER: Final = '"x-key: {key}"'
_IN_PATH: Final = r"[A-Za-z0-9/._~!$&'()*+,;=:@%?-]"
_PATH = re.compile(rf"{_IN_PATH}{{1,512}}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_HEADER_VALUE = re.compile(r"[A-Za-z0-9 ._~+/=,:;-]*")
"""No characters that are special between double quotes in a shell, where copied commands have them."""
_VARIABLE_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]{0,127}"


def checked_base_url(text: str) -> str:
    """Return the base URL without a trailing slash; a path prefix is kept.

    Raises ValueError for a URL that no key may be sent to. The message shows nothing that may be secret.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        is_host = bool(ipaddress.IPv6Address(host) if ":" in host else _HOST_NAME.fullmatch(host))
    except ValueError:
        raise ValueError(f"is not a URL; {_ALLOWED}") from None
    if "@" in parts.netloc:
        raise ValueError("contains a user name or password; remove everything before the @")
    if "?" in text or "#" in text:
        raise ValueError("has a ? or # part; remove it")
    if parts.scheme not in ("http", "https") or not is_host or port == 0 or not _PRINTABLE.fullmatch(text):
        raise ValueError(f"is not a URL that a key can be sent to; {_ALLOWED}")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(f"would send the API key unencrypted to {quoted(host)}; {_ALLOWED}")
    path = _ENDPOINT.sub("", parts.path.rstrip("/")).rstrip("/")
    netloc = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{netloc}{'' if port is None else f':{port}'}{path}"


def is_loopback(host: str) -> bool:
    """Return whether `host` is `localhost`, in 127.0.0.0/8 or ::1, in their usual spelling."""
    if host in ("localhost", "::1"):
        return True
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def _record_paths(value: object, place: Place) -> tuple[str, ...]:
    paths = readers.each_once(readers.TEXTS.read(value, place))
    for path in paths:
        rest = path.replace(ID_MARK, "")
        if not path.startswith("/") or path.startswith("//") or not _PATH.fullmatch(rest):
            raise ValueError(
                f"{quoted(path)} is not a path: it must begin with one / and have no other characters than URLs,"
                f" as in {_A_PATH}; {ID_MARK} stands for the task's ID"
            )
    return paths


def _auth_header(value: str) -> str:
    """Return the header as `NAME: VALUE`. A wrong one is never shown, as people put the key itself there."""
    name, _, rest = value.partition(": ") if ": " in value else value.partition(":")
    name, rest = name.strip(" "), rest.strip(" ")
    others = rest.replace(KEY_MARK, " ")
    if not _HEADER_NAME.fullmatch(name) or rest.count(KEY_MARK) != 1 or not _HEADER_VALUE.fullmatch(others):
        raise ValueError(
            f"must be the name of a header (letters, digits and -), a colon, and {KEY_MARK} once in place of the key,"
            f" as in {_A_HEADER}, with only letters, digits, spaces and - . _ ~ + / = , : ; beside it"
        )
    if any(may_be_key(word) for word in others.split()):
        raise ValueError(
            f"contains text that looks like an API key (not shown); {KEY_MARK} stands for the key"
        )
    return f"{name}: {rest}"


def _variable_name(value: str) -> str:
    """Check the name of an environment variable. A wrong one is never shown, as people put the key itself there."""
    if may_be_key(value) or not re.fullmatch(_VARIABLE_NAME, value):
        raise ValueError(
            "must be the name of an environment variable (letters, digits and _), such as KIE_API_KEY"
        )
    return value


_RECORD_PATHS: Final = Reader(
    _record_paths,
    lambda: {
        "type": "array",
        "items": {"type": "string", "pattern": rf"^/(?!/)(?:{_IN_PATH}|\{{id\}})*$(?!\n)"},
        "minItems": 1,
        "uniqueItems": True,
    },
)
_AUTH_HEADER: Final = readers.text(
    _auth_header,
    rf"^ *{_HEADER_NAME.pattern} *:(?: |(?!.*: )){_HEADER_VALUE.pattern}\{{key\}}{_HEADER_VALUE.pattern}$",
)

_API_KEY: Final[Reader[Any]] = readers.text(str)
"""It becomes a `Secret` in `read_profile`: a wrong key must not fail commands that need none."""


# Profiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Describes a gateway, with its URL, the source of its key, and the share of its limits that may be used."""

    name: str
    """The last part of the table's name, `[profiles.NAME]`."""
    preset: str = setting(
        DEFAULT_PRESET,
        readers.one_of(PRESETS),
        """A known gateway, aigptimage or kie: its base_url, api_key_env, limits, record_paths and result_ttl. Settings
        beside it win.""",
    )
    base_url: str = setting(
        DEFAULT_BASE_URL,
        readers.text(checked_base_url, _BASE_URL_PATTERN),
        """The gateway's URL: https, or http on this machine only (127.0.0.0/8, ::1, localhost). A path prefix is kept.
        Only the profile aigptimage has a default; TASKDASH_BASE_URL overrides it for the profile in use.""",
    )
    record_paths: tuple[str, ...] = setting(
        (RECORD_PATH,),
        _RECORD_PATHS,
        """Where task records are, below base_url, most common first: an ID not found under one path is tried under the
        next. {id} in a path is the task ID; without it, taskId=ID is added to the query.""",
    )
    auth_header: str = setting(
        AUTH_HEADER,
        _AUTH_HEADER,
        """The header that carries the API key, as in "x-key: {key}": {key} stands for the key.""",
    )
    api_key_env: str | None = setting(
        DEFAULT_KEY_VARIABLE,
        readers.text(_variable_name, f"^{_VARIABLE_NAME}$"),
        "The environment variable that holds the API key. Set only one of this, api_key_command and api_key.",
    )
    api_key_command: tuple[str, ...] = setting(
        (),
        readers.COMMAND,
        """A command that prints the API key on its first line, such as a password manager's: a list of arguments, or
        one string split into them. No shell; it has 10 seconds.""",
        example=["pass", "show", "aigptimage"],
    )
    api_key: Secret | None = setting(
        None,
        _API_KEY,
        "The API key itself. The file is refused while others can read it: chmod 600.",
        example="your-key",
    )
    api_key_fault: str = ""
    """Why the file's `api_key` cannot be sent; "" if it can."""
    tier: str | None = setting(
        "free",
        readers.one_of(TIERS),
        """The key's tier, which says how many checks the gateway allows: free, basic, standard, pro, ultra or
        enterprise. By default, free is assumed: slow, but never too fast.""",
        example="free",
    )
    tier_assumed: bool = True
    """Whether neither a tier nor limits are set."""
    per_second: int | None = setting(
        None,
        readers.whole(1, _MAX_CHECKS),
        "The key's own limit, instead of a tier: checks in any 1 second, 1 to 1000000. Needs per_minute.",
        example=2,
    )
    per_minute: int | None = setting(
        None,
        readers.whole(1, _MAX_CHECKS),
        "The key's own limit, instead of a tier: checks in any 60 seconds, 1 to 1000000. Needs per_second.",
        example=60,
    )
    share: float = setting(
        0.5,
        readers.FRACTION,
        """How much of the limits taskdash may use, above 0 up to 1; the rest is left for other programs on the same
        key.""",
    )
    result_ttl_ms: int | None = setting(
        None,
        readers.length_of_time(_TEN_YEARS_MS),
        """How long result links live after the task ends, as a number with s, m, h or d, for a countdown and one
        warning per task before unsaved results expire (with a quarter of that time left, at most a day). Without it,
        only for links that state their expiry.""",
        key="result_ttl",
        example="24h",
    )
    allow_private: bool = setting(
        False,
        readers.FLAG,
        "Whether to allow downloads from private and loopback addresses other than the gateway's own host.",
    )


def read_profile(value: object, place: Place, elsewhere: Callable[[str], str]) -> Profile:
    """Read one `[profiles.NAME]`, and note settings that are wrong or conflict.

    `elsewhere` returns a hint on where a key that is not a profile's setting belongs, if anywhere.
    """
    given: dict[str, object] = value if isinstance(value, dict) else {}
    preset = preset_of(given)
    found = read(Profile, {**preset, **given} if preset else value, place, elsewhere)
    if not {"base_url", "preset"} & given.keys() and place.key != DEFAULT_PROFILE:
        place.at("base_url").note(
            f'is missing: every profile but {DEFAULT_PROFILE} needs one, as in "https://api.kie.ai", or a preset'
        )
    _check_together(given, found, place)
    if "api_key" in found:
        try:
            found["api_key"] = Secret(found["api_key"])
        except ValueError as error:
            found |= {"api_key": None, "api_key_fault": str(error)}
    if "api_key" in given or "api_key_command" in given:
        found["api_key_env"] = None
    limits = {*preset, *given} & {"tier", "per_second"}
    if "per_second" in limits:
        found["tier"] = None
    return Profile(name=place.key, tier_assumed=not limits, **found)


def profile_schema() -> dict[str, Json]:
    """Return the JSON Schema of a profile, including which settings exclude or require each other."""
    whole_limits: list[Json] = [name for name, preset in PRESETS.items() if preset.keys() >= {*_LIMITS}]
    in_preset: dict[str, Json] = {"properties": {"preset": {"enum": whole_limits}}, "required": ["preset"]}
    pairs = [*combinations(KEY_SOURCES, 2), *(("tier", limit) for limit in _LIMITS)]
    return {
        **schema_of(Profile),
        "not": {"anyOf": [{"required": [*pair]} for pair in pairs]},
        "dependentSchemas": {
            one: {"anyOf": [{"required": [other]}, in_preset]} for one, other in permutations(_LIMITS)
        },
    }


def preset_profile(preset: str, name: str) -> Profile:
    """Return a profile with the values of a preset and nothing else."""
    return read_profile({"preset": preset}, Place([]).at(name), lambda _: "")


def preset_of(given: Mapping[str, object]) -> dict[str, object]:
    """Return the settings that a profile's preset adds to those given; none without a preset."""
    name = given.get("preset")
    found = dict(PRESETS.get(name, {})) if isinstance(name, str) else {}
    # A given setting overrides those of the preset that it excludes.
    if given.keys() & set(KEY_SOURCES):
        found.pop("api_key_env", None)
    if "tier" in given:
        found = {key: value for key, value in found.items() if key not in _LIMITS}
    return {key: value for key, value in found.items() if key not in given}


def _check_together(given: Collection[str], found: Collection[str], place: Place) -> None:
    """Note settings that exclude or require each other, except for those that are themselves wrong."""
    sources = [key for key in KEY_SOURCES if key in given]
    if len(sources) > 1 and sources[1] in found:
        place.at(sources[1]).note(
            f"cannot be combined with {sources[0]}; a profile has exactly {one_of_these(KEY_SOURCES)}"
        )
    limits = [key for key in _LIMITS if key in given]
    if limits and "tier" in given and "tier" in found:
        place.at("tier").note(
            f"cannot be combined with {limits[0]}; give a tier, or per_second and per_minute"
        )
    elif len(limits) == 1 and not {*_LIMITS} <= {*found} and "tier" not in given:
        missing = "per_minute" if limits == ["per_second"] else "per_second"
        place.at(missing).note(
            f"is missing, and {limits[0]} needs it; give per_second and per_minute, or a tier"
        )
