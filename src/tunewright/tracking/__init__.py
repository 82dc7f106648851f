"""Level 2: where events go."""
