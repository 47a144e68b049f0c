"""The only place that speaks HTTP to the gateway: one request, one `domain.task.Answer`."""
