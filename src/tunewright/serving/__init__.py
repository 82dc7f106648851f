"""Level 4: server, A/B router, log and drift. Nothing is served yet."""
