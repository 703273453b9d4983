"""What a trial does: the training loop, its objective, and one job from configuration to result."""
