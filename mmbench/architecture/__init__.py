"""Which weights process which tokens: one file per architecture."""
