"""UR-FUNNY: does the audience laugh?"""

from __future__ import annotations

from mmbench.data.public.affect_loader import MULTIBENCH, README, REVISION, AffectLoader
from mmbench.data.public.loader import Origin
from mmbench.registry import variant
from mmbench.schema.task import task_of


@variant("ur_funny", source="Hasan et al. 2019, a multimodal language dataset for understanding humor")
class UrFunny(AffectLoader):
    """Punch lines of TED talks and as many other sentences; features of face, voice and words.

    file: the pickle, where there are several. text: its features, or the transcripts (in files of MMSA's form).
    """

    description = "Is a sentence of a TED talk a punch line, after which the audience laughs? Face, voice and words."
    expected = "humor.pkl (MultiBench)"
    task = task_of("binary", ("not funny", "funny"))
    origin = Origin(
        page="https://github.com/ROC-HCI/UR-FUNNY",
        revision=REVISION,
        licence="none stated with the features; the talks are TED's (CC BY-NC-ND 4.0)",
        citation="Hasan, M. K., Rahman, W., Zadeh, A., Zhong, J., Tanveer, M. I., Morency, L.-P., "
        "& Hoque, M. E. (2019). UR-FUNNY: a multimodal language dataset for understanding humor. EMNLP. "
        f"File: {MULTIBENCH}",
        by_hand=f"""Put this file into the data set's folder:
- MultiBench's humor.pkl, from https://drive.google.com/drive/folders/1Agzm157lciMONHOHemHRSySmjn1ahHX1
  (linked at {README} as `humor`; no checksum is published)""",
        warning="There are two versions: V2 removed noisy and overlapping samples. Their results do not compare.",
    )
