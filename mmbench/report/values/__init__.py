"""How scores, numbers and words read, and the records that all parts share."""
