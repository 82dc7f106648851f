"""Level 1: what the user writes. Frozen, strict specs; they validate themselves and never load or repair anything."""
