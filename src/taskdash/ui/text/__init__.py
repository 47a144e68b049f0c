"""Makes the texts of the dashboard by pure functions: a task, a status or a list in, styled text out."""
