"""From cells to arrays of one shape: one file per kind."""
