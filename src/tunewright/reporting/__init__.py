"""Level 4: results to pages, plots and model cards."""
