"""Bytes, read safely: folders, archives, and the formats that hold numbers."""
