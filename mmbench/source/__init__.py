"""What source files say, read without importing them: which variants there are, and what a fingerprint is made of."""
