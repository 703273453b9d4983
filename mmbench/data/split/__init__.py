"""Who trains, who tests, and what leaks."""
