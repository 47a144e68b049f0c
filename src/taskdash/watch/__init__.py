"""Polls the gateway within the key's budget, from one process per list and profile, off the UI's event loop."""
