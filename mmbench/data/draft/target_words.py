"""What the name of a column says of its being predicted: an outcome is, what is known of a person beforehand is not."""

from __future__ import annotations

import re

from mmbench.data.draft.guess import CLASSES, TARGETS

OUTCOMES = frozenset(
    (
        *TARGETS,
        *CLASSES,
        *("diagnosis", "diagnoses", "dx", "disease", "grade", "severity", "outcome", "prognosis", "mortality", "stage"),
        *("survived", "relapse", "verdict", "stance", "topic", "intent", "mood", "polarity", "valence"),
        *("arousal", "quality", "pathology", "histology", "finding"),
    )
)
"""Words of columns that people predict."""
KNOWN = frozenset(
    (
        *("sex", "gender", "age", "ages", "birth", "birthday", "dob", "race", "ethnicity", "nationality", "handedness"),
        *("education", "site", "scanner", "centre", "center", "hospital", "clinic", "institution", "institute", "ward"),
        *("vendor", "manufacturer", "protocol", "cohort", "operator", "examiner", "rater", "annotator"),
    )
)
"""Words of columns that say who a sample is of, and how it was taken."""


def rank(column: str) -> int:
    """2 for an outcome, 0 for what is known beforehand, else 1.

    `age_at_diagnosis` is an age, `label2` a label; `y0`, one letter and a number, may be anything.
    """
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)
    words = {word for word in re.split(r"[\W_]+|(?<=[^\W\d_]{2})(?=\d)", plain.lower()) if word}
    words |= {word.removesuffix("s") for word in words}
    if words & KNOWN:
        return 0
    return 2 if words & OUTCOMES else 1
