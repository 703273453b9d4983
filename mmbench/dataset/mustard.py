"""MUStARD: is it meant?"""

from __future__ import annotations

from mmbench.data.public.affect_loader import MULTIBENCH, README, REVISION, AffectLoader
from mmbench.data.public.loader import Origin
from mmbench.registry import variant
from mmbench.schema.task import task_of


@variant("mustard", source="Castro et al. 2019, towards multimodal sarcasm detection")
class Mustard(AffectLoader):
    """690 utterances of television series, half of them sarcastic; features of face, voice and words.

    file: the pickle, where there are several. text: its features, or the transcripts (in files of MMSA's form).
    """

    description = "Is an utterance in a television series meant as it is said, or sarcastic? Face, voice and words."
    expected = "sarcasm.pkl (MultiBench)"
    task = task_of("binary", ("sincere", "sarcastic"))
    origin = Origin(
        page="https://github.com/soujanyaporia/MUStARD",
        revision=REVISION,
        licence="MIT (annotations); none stated with the features, the series are their makers'",
        citation="Castro, S., Hazarika, D., Perez-Rosas, V., Zimmermann, R., Mihalcea, R., & Poria, S. (2019). Towards "
        f"multimodal sarcasm detection (an _obviously_ perfect paper). ACL, 4619-4629. File: {MULTIBENCH}",
        by_hand=f"""Put this file into the data set's folder:
- MultiBench's sarcasm.pkl, from https://drive.google.com/drive/folders/1JFcX-NF97zu9ZOZGALGU9kp8dwkP7aJ7
  (linked at {README} as `sarcasm`; no checksum is published)""",
        warning="The file does not name speakers, so they may be shared between training and test. MUStARD's authors "
        "report five folds and a split by speaker; results on this file's split do not compare with either.",
    )
