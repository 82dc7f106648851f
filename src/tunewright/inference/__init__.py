"""Level 3: a loaded model put to use."""
