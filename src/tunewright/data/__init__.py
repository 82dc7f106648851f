"""Level 2: raw rows to splits to token rows; it sees a tokenizer only as a core Protocol."""
