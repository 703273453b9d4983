"""How long pretrained encoders take for 1,000 samples, and how much memory, on one core.

    python -m benchmarks.encoders

Makes encoders in the sizes of CLIP ViT-B/32, BERT base and wav2vec 2.0 base with random weights, which take as long as
trained ones and need no download, and lets the readers of data sets encode a few samples with them. Times are processor
time. Each encoder runs in a fresh process, whose peak is the memory.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SAMPLES, WARM = 16, 2
SECONDS, RATE = 5, 16_000


def clip(folder: Path) -> str:
    import transformers as tf

    tf.CLIPModel(tf.CLIPConfig()).save_pretrained(folder)
    tf.CLIPImageProcessorPil().save_pretrained(folder)
    return "image"


def bert(folder: Path) -> str:
    import transformers as tf

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{i}" for i in range(500))]
    tf.BertModel(tf.BertConfig()).save_pretrained(folder)
    tf.BertTokenizer(vocab={word: i for i, word in enumerate(words)}, model_max_length=512).save_pretrained(folder)
    return "text"


def wav2vec2(folder: Path) -> str:
    import transformers as tf

    tf.Wav2Vec2Model(tf.Wav2Vec2Config()).save_pretrained(folder)
    extractor = tf.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False)
    extractor.save_pretrained(folder)
    return "audio"


def cells(kind: str, draw: np.random.Generator) -> list[Any]:
    count = SAMPLES + WARM
    if kind == "image":
        return [draw.integers(0, 255, (224, 224, 3), dtype=np.uint8) for _ in range(count)]
    if kind == "text":
        return [" ".join(f"word{i}" for i in draw.integers(0, 500, 20)) for _ in range(count)]
    return [draw.standard_normal(SECONDS * RATE).astype(np.float32) for _ in range(count)]


def case(title: str, make: Callable[[Path], str]) -> None:
    import torch

    from mmbench.data.decode.factory import decoder

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MMBENCH_CACHE"] = f"{folder}/cache"
        kind = make(Path(folder) / "encoder")
        size = sum(f.stat().st_size for f in (Path(folder) / "encoder").glob("*.safetensors"))
        options = {"encoder": f"{folder}/encoder"} | ({"rate": RATE} if kind == "audio" else {})
        reader = decoder(kind, options)
        made = cells(kind, np.random.default_rng(0))
        reader.fit(made[:WARM])
        reader.decode_many(made[:WARM])
        began = time.process_time()
        reader.decode_many(made[WARM:])
        seconds = (time.process_time() - began) / SAMPLES
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"| {title} | {size / 1e6:.0f} MB | {1000 * seconds / 60:.0f} min | {peak:.1f} GB |", flush=True)


def main() -> None:
    print(
        "| encoder, and a sample | weights | 1,000 samples, one core | memory |\n| --- | --: | --: | --: |", flush=True
    )
    for title, make in (
        ("CLIP ViT-B/32, a picture", clip),
        ("BERT base, 20 words", bert),
        (f"wav2vec 2.0 base, {SECONDS} seconds of sound", wav2vec2),
    ):
        process = multiprocessing.get_context("spawn").Process(target=case, args=(title, make))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(process.exitcode)


if __name__ == "__main__":
    main()
