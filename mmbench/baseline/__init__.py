"""Models that are not deep, on the same prepared data: what deep models gain is measured against them.

A baseline is made as `SomeBaseline(**options)`; `model(seed, task)` is the scikit-learn estimator for such a task.
"""
