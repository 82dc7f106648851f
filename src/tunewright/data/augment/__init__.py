"""Training rows made of others: texts are varied, doubted, and let in only where nothing speaks against them."""
