"""Pure text of the dashboard: a task, a status or a list in, styled text out."""
