"""The embedded default: its data, and how its models are found."""
