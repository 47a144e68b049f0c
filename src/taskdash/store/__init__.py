"""The list on disk, shared by every dashboard and command. The only package that imports sqlite3."""
