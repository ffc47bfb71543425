"""Measurements: how much PET records in a second, and how long a caller waits for it."""
