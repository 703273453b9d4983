"""What a forward pass is: the interfaces of its parts, the block that all mechanisms share, and the whole model."""
