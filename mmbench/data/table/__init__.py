"""A person's table and the card that describes it."""
