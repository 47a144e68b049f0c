"""Text that means to do something to whoever shows it, and the few things a terminal may be sent."""

from __future__ import annotations

import base64
import re
import unicodedata
from typing import Final

CONTROLS: Final = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0))))
INVISIBLE: Final = "".join(
    map(
        chr,
        (
            0xAD, 0x034F, 0x061C, 0x115F, 0x180E, *range(0x200B, 0x2010), *range(0x2028, 0x202F),
            *range(0x2060, 0x2070), 0x3164, 0xFEFF, *range(0xFFF9, 0xFFFC), 0xFFFE, 0xFFFF,
            0xE0001, *range(0xE0020, 0xE0080), 0xE0100,
        ),
    )
)  # fmt: skip
SURROGATES: Final = "\ud800\udbff\udc00\udfff"
SEQUENCES: Final = (
    "\x1b]52;c;aG9zdGlsZQ==\x07", "\x1b]0;hostile\x07", "\x1b[2J", "\x1b[31mhostile\x1b[0m", "\x1b[?1049l", "\x1bc",
    "\x1bP+q544e\x1b\\", "\x1b]8;;file:///etc/passwd\x1b\\x\x1b]8;;\x1b\\", "\x9b2J", "\x9d0;hostile\x9c", "\x90q\x9c",
    "\x1b[6n", "\x1b[5i", "\x1b]1337;File=:AAAA\x07",
)  # fmt: skip
MARKUP: Final = (
    "[red]R[/red]", "[/]", "[/red]", "[bold", "[@click=app.quit]Q[/]", "[@click=app.exit()]E[/@click]",
    "[link=file:///etc/passwd]L[/link]", "[link=https://hostile.example]L[/]", "\\[", "[$error]x", ":smile:", "[b]]",
    "[on red] [/]",
)  # fmt: skip
POINTS: Final = CONTROLS + INVISIBLE + SURROGATES
PARTS: Final = (*(POINTS[start : start + 12] for start in range(0, len(POINTS), 12)), *SEQUENCES, *MARKUP)
TEXT: Final = "".join(PARTS)

_LOOKS: Final = (
    rb"\x1b\[[\d;]*m|\x1b\[\d+;\d+H|\x1b\[\?(?:1000|1003|1004|1006|1015|1016|1049|2004|2026|25|7)[hl]"
    rb"|\x1b\[>\d+u|\x1b\[<u|\x1b\[\?20(?:26|48)\$p|\x1b\]22;[a-z-]*\x07|\x1b\]52;c;(?P<copied>[A-Za-z0-9+/=]*)\x07|\r\n"
    rb"|\x1b\]8;(?:id=[\w-]+;https?://[!-~]+|;)\x1b\\"
    # The title, and what the terminal is asked once.
    rb"|\x1b\[2[23];2t|\x1b\]2;[\w, \xc2\xb7]*\x1b\\"
    rb"|\x1b\]11;\?\x1b\\|\x1b\[>0q|\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\|\x1b\[c"
)
_LEAVING: Final = "\x1b[?1049l"
_OURS: Final = re.compile(_LOOKS)


def texts(mark: str, length: int = 6) -> list[str]:
    """Texts that begin with every part once, each with `mark` in sight and more parts behind it."""
    return [
        f"{mark}{part}{mark} {''.join(PARTS[index + 1 : index + length])}" for index, part in enumerate(PARTS)
    ]


def leaks(raw: bytes) -> list[str]:
    """What is in a terminal's input that is neither a sequence of the dashboard's own nor something to read."""
    # What looks like ours and is not: nobody but us leaves the screen, and we do once.
    found = [sequence for sequence in SEQUENCES if sequence.encode() in raw and sequence != _LEAVING]
    found += [_LEAVING] * (raw.count(_LEAVING.encode()) > 1)
    for between in _OURS.sub(b"\n", raw).split(b"\n"):
        text = between.decode("utf-8", "surrogateescape")
        bad = [char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
        if bad:
            found.append(f"{''.join(bad)!r} in {text!r}")
    return found


def copied(raw: bytes) -> list[str]:
    """The texts that were handed to the terminal's clipboard."""
    return [base64.b64decode(match["copied"]).decode() for match in _OURS.finditer(raw) if match["copied"]]
