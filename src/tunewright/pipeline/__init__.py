"""Level 5: the task table, the stages, their wiring and resume."""
