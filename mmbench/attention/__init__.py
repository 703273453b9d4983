"""How tokens mix: one file per mechanism."""
