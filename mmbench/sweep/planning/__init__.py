"""What there is to train: trials with identities, sizes, costs and times."""
