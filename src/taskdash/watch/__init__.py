"""Polls the gateway: one process per list and profile, off the UI's event loop, within the key's budget."""
