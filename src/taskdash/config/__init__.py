"""Knows what can be set, where it comes from, and where files are.

Import from its modules: none is loaded here, so that a command pays only for what it uses.
"""
