"""Data sets of others: their formats as distributed, and how they are fetched."""
