"""Frozen pretrained encoders (the optional extra `mmbench[pretrained]`): found, run, and their output cached."""
