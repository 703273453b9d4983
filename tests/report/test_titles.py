"""Names as people read them, wherever a generated text holds some."""

from __future__ import annotations

import pytest

from mmbench.registry import GRID_AXES, variants
from mmbench.report.values import titles
from mmbench.report.values.methods import Method


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            "On a, use scaled_dot_product + concat · hybrid: 0.9.",
            "On a, use scaled dot-product + concatenation · hybrid: 0.9.",
        ),
        ("mean + cross_attention · shared", "mean pooling + cross-attention · shared"),
        ("local(window=8) + concat · shared is best", "sliding window(window=8) + concatenation · shared is best"),
        ("the best single modality (mean · image alone)", "the best single modality (image alone)"),
        ("additive · audio alone", "audio alone, additive"),
        ("It gains 3 points over the kernel_svm baseline.", "It gains 3 points over the kernel SVM."),
        ("one of cross_attention and early_concat", "one of cross-attention and early concatenation"),
        ("set model.match_params: true", "set model.match_params: true"),
        ("train.learning_rate and reports/cost_curves", "train.learning_rate and reports/cost_curves"),
        ("unknown + concat · hybrid", "unknown + concat · hybrid"),
        ("my_data: 27 combinations", "my_data: 27 combinations"),
        ("", ""),
    ],
)
def test_known_names_have_titles_and_all_else_stays(text: str, read: str) -> None:
    assert titles.titled(text) == read


def test_every_variant_has_a_title_without_underscores_that_is_its_own() -> None:
    for axis in GRID_AXES:
        found = [info.title for info in variants(axis).values()]
        assert len(set(found)) == len(found) and not any("_" in t for t in found)


def test_a_method_reads_the_same_alone_and_in_a_text() -> None:
    key = "scaled_dot_product + early_concat · independent"
    attention, rest = key.split(" + ")
    fusion, architecture = rest.split(" · ")
    method = Method(
        key=key, role="cell", attention=attention, fusion=fusion, family="early", architecture=architecture,
        modality=None, baseline=None,
    )  # fmt: skip
    assert titles.method(method) == titles.titled(key) == "scaled dot-product + early concatenation · independent"
    assert titles.method(method, short=True) == "SDPA + early · independent"
