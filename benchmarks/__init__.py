"""Side by side with peers: each module is a command that prints a table and writes its figures."""
