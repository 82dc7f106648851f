"""Level 3: the engine, one visible loop and its parts."""
