"""Which data cannot be spoilt by noise. No torch here."""

from __future__ import annotations

from mmbench.schema.dataset import DataSpec


def cannot_spoil(spec: DataSpec) -> str | None:
    """Why a modality cannot be spoilt; None where each can."""
    for name, modality in spec.modalities.items():
        # The stem of words reads numbers of a vocabulary, of which 0 is padding.
        if modality.options.get("vocabulary", 3) < 3:
            return f"{name} has one word, which cannot be replaced by another"
    return None
