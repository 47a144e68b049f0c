"""The command line: one module a command group. Nothing here imports textual or httpx before it is needed."""
