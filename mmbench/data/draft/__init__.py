"""Guesses for a first card; used by the command line alone."""
