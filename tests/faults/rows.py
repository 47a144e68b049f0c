"""The fault matrix: what goes wrong, and what a user may trust to happen then. Tests name the row they prove.

A row that this system cannot provoke says why in `not_provoked`; every other one has a test. `make faults` counts both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    fault: str
    trusted: str
    not_provoked: str = ""
    """Why no test here can bring this about; empty for nearly all."""


ROWS: Final = (
    Row("N1", "no such host, refused, unreachable", "the row stays, growing pauses, one banner"),
    Row("N2", "a reset or an early end at any byte", "as N1; a part of a body is never read"),
    Row("N3", "a server that connects and says nothing", "a deadline for the whole request"),
    Row("N4", "a byte now and then", "the deadline ends it"),
    Row("N5", "a body of 100 MB, chunks without end", "stopped at a cap, memory within 32 MB"),
    Row("N6", "compressed bombs, other encodings", "refused, memory as N5"),
    Row("N7", "a redirect to another host", "a problem; the other host sees no request and no key"),
    Row("N8", "redirect loops and odd locations", "a problem, one request, no crash"),
    Row("N9", "TLS: expired, wrong host, unknown issuer, plain text", "told apart; never without TLS"),
    Row("N10", "a broken proxy or certificate variable", "the message names the variable"),
    Row("N11", "malformed status lines, headers, chunks", "a problem, no crash"),
    Row("N12", "the page of a captive portal", "says it is not JSON; the row stays"),
    Row("A1", "401 and 403", "checks stop, the key is asked for, no storm of requests"),
    Row("A2", "402", "the row stays, a banner, slow checks"),
    Row("A3", "404", "`not found`, checked ever more rarely, never dropped"),
    Row("A4", "422", "`recordInfo is null` is not found yet; any other is final for this ID"),
    Row("A5", "429 with every kind of waiting time", "no request before the later of both, within bounds"),
    Row("A6", "5xx between good answers", "growing pauses, recovers"),
    Row("A7", "HTTP 200 with another code in the body", "the body's code counts"),
    Row("A8", "no JSON, empty, UTF-16, broken UTF-8", "`unreadable`, the record stays"),
    Row("A9", "deep, huge, NaN, doubled keys, surrogates", "a problem or a cleaned value, no crash"),
    Row("A10", "fields missing, extra, null or of another type", "what can be read is read, no crash"),
    Row("A11", "an unknown state", "shown as it is, made inert; still checked"),
    Row("A12", "waiting after success", "finished stays finished"),
    Row("A13", "another task's record", "dropped, and said"),
    Row("A14", "a resultJson that is none", "no links from it; the raw text can be seen"),
    Row("A15", "links that are no links", "shown inert, never opened"),
    Row("A16", "10,000 links", "the first and a count, painted at once"),
    Row("A17", "a message or prompt of 1 MB", "kept short with a mark"),
    Row("A18", "a param that is no JSON, wrapped twice, huge", "what can be read is read"),
    Row("A19", "times that are none", "`?` or nothing, no crash"),
    Row("X1", "escapes, C1, DEL, NUL in every field", "no such byte reaches the terminal"),
    Row("X2", "markup in every field", "literal text; a click does nothing"),
    Row("X3", "bidi controls, tags, joiners", "removed or made visible"),
    Row("X4", "wide characters, towers of marks, tabs, newlines", "the columns stay aligned"),
    Row("X5", "IDs that are none", "refused or ignored with a reason; what is asked is percent-encoded"),
    Row("X6", "`list --json` of all that", "one JSON document, ASCII only"),
    Row("I1", "a paste of 10 MB, 100,000 IDs", "taken or refused with a message; the screen goes on"),
    Row("I2", "a paste of any bytes", "replaced; the program lives"),
    Row("I3", "the end of a paste inside a paste", "what follows does no harm"),
    Row("I4", "a paste without an end", "keys are back within 2 s"),
    Row("I5", "the same ID many times, from many processes", "added once, counted"),
    Row("I6", "escape sequences nobody ever saw", "no exit"),
    Row("S1", "SIGKILL at any moment", "every acknowledged ID is there, the file is whole"),
    Row("S2", "power loss", "nothing is acknowledged before it is synced"),
    Row("S3", "disk full, file too big, I/O error", "adding fails loud; reading works"),
    Row("S4", "a read-only file or folder", "reads, or exit 6; no traceback"),
    Row(
        "S5", "a corrupt file", "set aside, never deleted; what SQL reads and the newest copy come back; said"
    ),
    Row("S6", "a file of a newer version", "refused with exit 6, unchanged to the byte"),
    Row("S7", "locked by another for 30 s", "the screen lives; commands end with 6"),
    Row("S8", "two dashboards and eight commands", "one budget, no lost row"),
    Row("S9", "the file deleted or replaced while open", "noticed, opened again, said"),
    Row("S10", "network and overlay file systems", "no write-ahead log"),
    Row("S11", "the clock jumps", "the schedule does not"),
    Row("S12", "no HOME, relative XDG folders, no such user", "exit 2 that names the variable"),
    Row("R1", "SIGTERM, SIGHUP, SIGINT, SIGQUIT", "the terminal is restored, exit 128+n"),
    Row("R2", "the terminal closes, with nohup too", "gone within 1 s, no busy loop"),
    Row("R3", "Ctrl+Z and back, SIGSTOP for long", "drawn again, no burst of requests"),
    Row("R4", "1x1, 0x0, 1000x1000, a storm of sizes", "no crash"),
    Row("R5", "no terminal, TERM=dumb, LANG=C, NO_COLOR", "exit 2 with a hint, or no colour at all"),
    Row("R6", "an error in any layer", "the terminal is restored, exit 1, one line, no values"),
    Row("R7", "a terminal that stops reading", "nothing lost, no burst after"),
    Row("R8", "`list | head`, stdout closed", "a quiet end"),
    Row("Z1", "a config that others can read", "refused, or mended with a warning"),
    Row("Z2", "a key among the arguments", "no such option; never in any argument list"),
    Row("Z3", "a key in any file, output or request target", "never"),
    Row("Z4", "base URLs without TLS or with a password", "refused"),
    Row("Z5", "names of files from outside", "our own names, inside the folder"),
    Row("Z6", "targets that exist, links, pipes", "never overwritten, never followed"),
    Row("Z7", "results on private addresses", "refused on every hop, no request"),
    Row("Z8", "endless, mistyped, cut downloads", "capped, checked, nothing half left"),
    Row("Z9", "picture bombs", "no preview, memory bounded"),
    Row("Z10", "browsers that run a shell, hang, print", "no shell; the screen goes on untouched"),
    Row("Z11", "settings of other programs in folder and environment", "ignored"),
)
