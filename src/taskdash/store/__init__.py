"""Keeps the list on disk, for every dashboard and command. The only package that imports sqlite3."""
