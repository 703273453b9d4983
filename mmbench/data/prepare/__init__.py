"""From a card to prepared arrays."""
