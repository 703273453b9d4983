"""DVC stages: parameters in, one call of mmbench, outputs out."""
