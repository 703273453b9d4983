"""How raw input becomes tokens: one file per kind of modality."""
