"""Variants for mmbench that live outside it."""
