"""Level 2: a name becomes a trainable model and a settled tokenizer."""
