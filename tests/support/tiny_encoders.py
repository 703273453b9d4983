"""Real encoders of every kind, tiny and randomly initialised, saved as transformers saves pretrained ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import transformers as tf

WORDS = ["a", "b", "c", "d", "e", "f", "g", "the", "cat", "dog", "sat", "ran", "on", "mat", "red", "blue"]
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
SIDE = {"image_size": 32, "patch_size": 8}
PIXELS = {"size": {"height": 32, "width": 32}, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]}


def _save(folder: Path, model: Any, *parts: Any) -> Path:
    for part in (model, *parts):
        part.save_pretrained(folder)
    return folder


def _tokenizer(folder: Path, length: int = 40) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    return tf.BertTokenizer(vocab={word: i for i, word in enumerate(vocabulary)}, model_max_length=length)


def bert(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    config = tf.BertConfig(vocab_size=5 + len(WORDS), max_position_embeddings=40, **SMALL)
    return _save(folder, tf.BertModel(config), _tokenizer(folder))


def t5(folder: Path, *, alone: bool = False) -> Path:
    """An encoder and a decoder, or the encoder alone: the same weights."""
    torch.manual_seed(9)
    config = tf.T5Config(vocab_size=5 + len(WORDS), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    model = tf.T5Model(config)
    if alone:
        encoder = tf.T5EncoderModel(config)
        encoder.load_state_dict({k: v for k, v in model.state_dict().items() if k in encoder.state_dict()})
        model = encoder
    return _save(folder, model, _tokenizer(folder))


def vit(folder: Path) -> Path:
    """4 x 4 patches and a class token; no pooler, as many published ones."""
    torch.manual_seed(1)
    model = tf.ViTModel(tf.ViTConfig(**SMALL, **SIDE), add_pooling_layer=False)
    return _save(folder, model, tf.ViTImageProcessorPil(**PIXELS))


def clip(folder: Path) -> Path:
    """An encoder of images and one of texts; 4 x 4 patches and a class token."""
    torch.manual_seed(2)
    text = {**SMALL, "vocab_size": 5 + len(WORDS), "max_position_embeddings": 40, "eos_token_id": 3}
    config = tf.CLIPConfig(text_config=text, vision_config={**SMALL, **SIDE}, projection_dim=8)
    processor = tf.CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, do_center_crop=True
    )
    return _save(folder, tf.CLIPModel(config), processor, _tokenizer(folder))


def convnext(folder: Path) -> Path:
    """Feature maps in place of tokens."""
    torch.manual_seed(3)
    config = tf.ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, image_size=32)
    return _save(folder, tf.ConvNextModel(config), tf.ViTImageProcessorPil(**PIXELS))


def wav2vec2(folder: Path) -> Path:
    """A token a 20 ms, at 16,000 Hz."""
    torch.manual_seed(4)
    config = tf.Wav2Vec2Config(
        **SMALL, conv_dim=(8,) * 7, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, vocab_size=8
    )
    extractor = tf.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False)
    return _save(folder, tf.Wav2Vec2Model(config), extractor)


def ast(folder: Path) -> Path:
    """Bands x times over one second, whatever the length of the sound; a class and a distillation token."""
    torch.manual_seed(5)
    config = tf.ASTConfig(**SMALL, patch_size=8, frequency_stride=8, time_stride=8, max_length=100, num_mel_bins=16)
    return _save(folder, tf.ASTModel(config), tf.ASTFeatureExtractor(max_length=100, num_mel_bins=16))


def whisper(folder: Path) -> Path:
    """An encoder and a decoder; 50 tokens a second, over two seconds, whatever the length of the sound."""
    torch.manual_seed(6)
    config = tf.WhisperConfig(
        vocab_size=20,
        num_mel_bins=8,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_source_positions=100,
        max_target_positions=10,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        begin_suppress_tokens=None,
    )
    return _save(folder, tf.WhisperModel(config), tf.WhisperFeatureExtractor(feature_size=8, chunk_length=2))


def videomae(folder: Path) -> Path:
    """8 frames in 4 pairs, 4 x 4 patches each."""
    torch.manual_seed(7)
    config = tf.VideoMAEConfig(**SMALL, **SIDE, num_frames=8, tubelet_size=2)
    processor = tf.VideoMAEImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return _save(folder, tf.VideoMAEModel(config), processor)


def timesformer(folder: Path) -> Path:
    """A class token, then 4 x 4 patches of 4 frames, the frames of a patch beside one another."""
    torch.manual_seed(8)
    config = tf.TimesformerConfig(**SMALL, **SIDE, num_frames=4)
    processor = tf.VideoMAEImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return _save(folder, tf.TimesformerModel(config), processor)


MAKERS = (bert, t5, vit, clip, convnext, wav2vec2, ast, whisper, videomae, timesformer)


class Folders:
    """The encoders by name, each made when it is first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __getitem__(self, name: str) -> Path:
        folder = self.root / name
        if not folder.exists():
            tf.utils.logging.disable_progress_bar()
            next(make for make in MAKERS if make.__name__ == name)(folder)
        return folder

    def __getattr__(self, name: str) -> Path:
        return self[name]


def copy(folder: Path, to: Path, *, drop: str) -> Path:
    """Without the weights whose names begin so."""
    shutil.copytree(folder, to)
    weights = safetensors.torch.load_file(to / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if not name.startswith(drop)}
    assert len(kept) < len(weights)
    safetensors.torch.save_file(kept, to / "model.safetensors", {"format": "pt"})
    return to
