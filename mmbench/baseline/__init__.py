"""Models that are not deep, on the same prepared data: what deep models gain is measured against them.

A baseline is made as `SomeBaseline(**options)`; `model(seed, task)` is the scikit-learn estimator for such a task. What
else it may say, by class attributes:

    tuned: option -> the distribution that tuning draws it from, as in params.yaml.
    per_modality: True: a copy of the estimator on each modality alone, their predictions averaged (late fusion).
    most_samples: the largest training split that it is for; on a larger one the plan skips it.
"""
