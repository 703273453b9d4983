"""Real signals that say a small number: what the embedded data sets are composed of."""
