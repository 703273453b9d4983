"""Frozen pretrained encoders (the optional extra `pretrained`): found, run, and their output cached."""
