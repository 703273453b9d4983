"""The embedded data sets: one file per generator."""
