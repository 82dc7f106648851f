"""Level 0: the shared frozen types, errors, files, hashes and seeds. It imports no other room, and never torch."""
