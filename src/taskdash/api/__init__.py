"""The only place that speaks HTTP to the gateway: one request, one `domain.record.Answer`."""

import sys

# httpx imports its own command line, and with it rich and pygments, where those are installed: 80 ms that nobody
# asked for. It does without when the import fails, which is what None in here makes it do.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None is how the import system spells "no"
