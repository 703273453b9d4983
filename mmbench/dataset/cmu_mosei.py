"""CMU-MOSEI: sentiment of what people say on YouTube, ten times as much as CMU-MOSI."""

from __future__ import annotations

from mmbench.data.public.affect_loader import MMSA, MMSA_README, MULTIBENCH, README, REVISION, AffectLoader
from mmbench.data.public.loader import Origin
from mmbench.registry import variant
from mmbench.schema.task import task_of


@variant("cmu_mosei", source="Zadeh et al. 2018, CMU-MOSEI and the dynamic fusion graph")
class CmuMosei(AffectLoader):
    """Sentiment from -3 to 3 of some 23,000 segments of videos; features of face, voice and words, split by video.

    Where a file has the six emotions too, sentiment, the first of the labels, is what is predicted.
    file: the pickle, where there are several. text: its features, or the transcripts (in MMSA's files).
    """

    description = "How positive is what a person says to the camera, from -3 to 3? Face, voice and words."
    expected = "mosei_raw.pkl or mosei_senti_data.pkl (MultiBench), or aligned_50.pkl or unaligned_50.pkl (MMSA)"
    task = task_of("regression", ("sentiment",), affect=True)
    bound, videos = 3.0, True
    origin = Origin(
        page="http://multicomp.cs.cmu.edu/resources/cmu-mosei-dataset",
        revision=REVISION,
        licence="none stated with the features; the videos are their makers'",
        citation="Zadeh, A., Liang, P. P., Poria, S., Cambria, E., & Morency, L.-P. (2018). Multimodal language "
        "analysis in the wild: CMU-MOSEI dataset and interpretable dynamic fusion graph. ACL, 2236-2246. "
        f"Files: {MULTIBENCH} {MMSA}",
        by_hand=f"""Put one of these files into the data set's folder:
- MultiBench's mosei_raw.pkl, from https://drive.google.com/drive/folders/1A_hTmifi824gypelGobgl2M-5Rw9VWHv
  (linked at {README}; no checksum is published)
- MMSA's MOSEI/Processed/aligned_50.pkl or unaligned_50.pkl, from
  https://drive.google.com/drive/folders/1A2S4pqCHryGmiqnNSPLv7rEg63WvjCSk (linked at {MMSA_README})""",
        checksums={
            "aligned_50.pkl": "sha256:45eccfb748a87c80ecab9bfac29582e7b1466bf6605ff29d3b338a75120bf791",
            "unaligned_50.pkl": "sha256:ad8b23d50557045e7d47959ce6c5b955d8d983f2979c7d9b7b9226f6dd6fec1f",
        },
        warning="Features and number of segments differ between files: name the file with any result, and compare "
        "results on one file only.",
    )
