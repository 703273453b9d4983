"""Models that are not deep, on the same prepared data: what deep models gain is measured against them.

A baseline is made as `SomeBaseline(**options)`; `model(seed, task)` is the scikit-learn estimator for such a task. What
else it may say, by class attributes:

    tuned: option -> the distribution that tuning draws it from, as in params.yaml.
    per_modality: True: a copy of the estimator on each modality alone, their predictions averaged (late fusion).
    most_samples, most_classes: the largest training split, and the most classes or labels, that it is for; where there
        are more the plan skips it.
"""
