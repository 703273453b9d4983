"""What several probes need."""
