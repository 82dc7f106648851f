"""Level 3: predictions to results, in numpy."""
