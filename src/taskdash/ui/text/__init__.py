"""The texts of the dashboard, made by pure functions: a task, a status or a list in, styled text out."""
