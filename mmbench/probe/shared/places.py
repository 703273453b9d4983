"""Places in a model at which its modalities have vectors. No numpy here: quantities are named by them."""

from __future__ import annotations

TOKENS = ("stem", "middle", "last")
"""Where a modality's vector is the mean of its real tokens: after the stems, after the middle layer (the lower one of
two), and after the last. Layers are looked at before streams meet behind them."""
PLACES = (*TOKENS, "read-out")
