"""Recognisers of personal data and secrets, and what is done about what they find."""
