"""Bytes that no terminal should send, made up from those that it does: for fuzzing what reads them."""

from __future__ import annotations

from random import Random
from typing import Final

_ENDS: Final = b"~uABCDEFHPQRSMmRtyzIOnc"
_PIECES: Final = (
    b"\x1b", b"\x1b[", b"\x1bO", b"\x1b]", b"\x1bP", b"\x1b[<", b"\x1b[?", b"\x1b[48;", b"\x1b[200~", b"\x1b[201~",
    b"\x9b", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xae", b"\x00", b"\x07", b"\x7f",
    b";", b":", b"0", b"1", b"9", b"4999999", b"99999999999999999999", b"-1", b"2026;", b"2048;", b"$y", b"$p",
    "\u0660".encode(), "\u00b2".encode(), b"a", b" ", b"\r", b"\t", "\U0001f600".encode(),
)  # fmt: skip

_NAMED_KEYS: Final = (
    "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[5~", "\x1b[6~", "\x1b[H", "\x1b[F", "\x1b[Z", "\x1b[3~",
    "\x1b[1;2A", "\x1b[1;2B", "\x1b[1;5C", "\x1b[1;5D", "\x1bOP", "\r", "\t", "\x7f", "\x1b\x1b",
)  # fmt: skip
_CONTROL_KEYS: Final = "\x01\x02\x04\x05\x06\x0b\x0c\x0e\x0f\x10\x12\x14\x15\x16\x17\x18\x19\x1a"
_OPENING_KEYS: Final = "aesSccC?::FtJoox//VEiv123"
_BURSTS: Final = (
    ":zz\x1b[6~",
    ":zz\r",
    ":theme\r",
    ":\x1b[6~\r",
    "/fox\r",
    "/state:\r",
    ":th\r\r",
    "\r\r\r",
    "xy",
    "a\r",
)


def keys(chance: Random) -> bytes:
    """A burst of keys that a keyboard has, as they arrive over a slow line; many of them open something."""
    kinds = (_OPENING_KEYS, _NAMED_KEYS, _CONTROL_KEYS, [chr(code) for code in range(32, 127)], _BURSTS)
    picked = chance.choices(kinds, (4, 5, 3, 6, 2), k=chance.randint(1, 12))
    return "".join(chance.choice(kind) for kind in picked).encode()


def sequence(chance: Random) -> bytes:
    """One sequence, of a form that is nearly right or of none."""
    kind = chance.random()
    if kind < 0.4:
        numbers = b";".join(_number(chance) for _ in range(chance.randint(0, 4)))
        lead = chance.choice((b"\x1b[", b"\x1b[<", b"\x1b[?", b"\x1b[48;", b"\x1bO"))
        return lead + numbers + bytes((chance.choice(_ENDS),))
    if kind < 0.8:
        return b"".join(chance.choice(_PIECES) for _ in range(chance.randint(1, 8)))
    return chance.randbytes(chance.randint(1, 12))


def _number(chance: Random) -> bytes:
    if chance.random() < 0.1:
        return b":".join(_number(chance) for _ in range(2))
    return str(chance.choice((0, 1, 2, 35, 64, 127, 55296, 57344, 1114111, 1114112, 10**9, 10**12))).encode()
