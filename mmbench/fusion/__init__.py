"""Where and how modalities meet: one file per fusion."""
