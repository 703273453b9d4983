"""Models that are not deep, on the same prepared data: what deep models gain is measured against them."""
