"""The list on disk: the one truth that every dashboard and command reads. The only place that imports sqlite3."""
