"""The sections of the report, a folder each, found rather than listed."""
