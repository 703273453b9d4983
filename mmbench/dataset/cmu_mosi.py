"""CMU-MOSI: how positive is what a person says of a film?"""

from __future__ import annotations

from mmbench.data.public.affect_loader import MMSA, MMSA_README, MULTIBENCH, README, REVISION, AffectLoader
from mmbench.data.public.loader import Origin
from mmbench.registry import variant
from mmbench.schema.task import task_of


@variant("cmu_mosi", source="Zadeh et al. 2016, multimodal sentiment intensity analysis in videos")
class CmuMosi(AffectLoader):
    """Sentiment from -3 to 3 of 2,199 segments of 93 videos; features of face, voice and words, split by video.

    file: the pickle, where there are several. text: its features, or the transcripts (in MMSA's files).
    """

    description = "How positive is a segment of a film review on YouTube, from -3 to 3? Face, voice and words."
    expected = "mosi_raw.pkl or mosi_data.pkl (MultiBench), or aligned_50.pkl or unaligned_50.pkl (MMSA)"
    task = task_of("regression", ("sentiment",), affect=True)
    bound, videos = 3.0, True
    origin = Origin(
        page="http://multicomp.cs.cmu.edu/resources/cmu-mosi-dataset",
        revision=REVISION,
        licence="none stated with the features; the videos are their makers'",
        citation="Zadeh, A., Zellers, R., Pincus, E., & Morency, L.-P. (2016). Multimodal sentiment intensity analysis "
        "in videos: facial gestures and verbal messages. IEEE Intelligent Systems 31(6), 82-88. "
        f"Files: {MULTIBENCH} {MMSA}",
        by_hand=f"""Put one of these files into the data set's folder:
- MultiBench's mosi_raw.pkl, from https://drive.google.com/drive/folders/1uEK737LXB9jAlf9kyqRs6B9N6cDncodq
  (linked at {README}; no checksum is published)
- MMSA's MOSI/Processed/aligned_50.pkl or unaligned_50.pkl, from
  https://drive.google.com/drive/folders/1A2S4pqCHryGmiqnNSPLv7rEg63WvjCSk (linked at {MMSA_README})""",
        checksums={
            "aligned_50.pkl": "sha256:d3994fd25681f9c7ad6e9c6596a6fe9b4beb85ff7d478ba978b124139002e5f9",
            "unaligned_50.pkl": "sha256:78e0f8b5ef8ff71558e7307848fc1fa929ecb078203f565ab22b9daab2e02524",
        },
        warning="Features differ between files, as of words GloVe's or BERT's: name the file with any result, and "
        "compare results on one file only.",
    )
