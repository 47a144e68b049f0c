"""Asks the gateway over HTTP: one request returns one `domain.record.Answer`."""

import sys

# httpx imports its own command line, and with it rich and pygments where those are installed, which takes 80 ms.
# It skips that if the import fails, as None in `sys.modules` makes it do.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None is how the import system spells "no"
