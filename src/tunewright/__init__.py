"""Fine-tuning from a messy dataset to a tuned model that was tested against its base."""

__version__ = "0.1.0"
