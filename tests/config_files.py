"""Config files as tests write them, and a JSON Schema as far as ours goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from taskdash.config.settings import Settings

CANARY = "sk-CANARY-0123456789abcdef"
KIE = '[profiles.kie]\nbase_url = "https://api.kie.ai"\n'
_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": int | float,
}


class Load(Protocol):
    """Loads a text as the file `my.toml`."""

    def __call__(self, text: str | bytes, *, profile: str | None = None, **environ: str) -> Settings: ...


def write(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    """Write a config file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def fits(value: object, schema: dict[str, Any]) -> bool:
    """Return whether a value is what the part of JSON Schema that we use says."""
    if "anyOf" in schema:
        return any(fits(value, each) for each in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema["type"]
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return False
    if isinstance(value, dict):
        others = schema["additionalProperties"]
        return all(
            name in schema.get("propertyNames", {}).get("enum", value)
            and fits(each, schema.get("properties", {}).get(name, others) or {"enum": []})
            for name, each in value.items()
        )
    if isinstance(value, list):
        is_long_enough = len(value) >= schema.get("minItems", 0)
        return is_long_enough and all(fits(item, schema["items"]) for item in value)
    if isinstance(value, str):
        return bool(re.search(schema.get("pattern", ""), value))
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    return bool(low <= value <= high and value > schema.get("exclusiveMinimum", value - 1))
