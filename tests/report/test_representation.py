"""What the report says of representations follows what was planted in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmbench.probe.representation import Representation
from mmbench.probe.shared.places import PLACES, TOKENS
from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.sections.representation.compute import Representations
from mmbench.report.sections.representation.sentences import finding, sentences
from mmbench.schema.quantity import Value
from mmbench.schema.result import TrialResult
from mmbench.schema.trial import TrialConfig
from tests.support.factory import OTHERS, TRUTHS, Made, make

LEVELS = {
    "attention": ["additive", "mean", "scaled_dot_product"],
    "fusion": ["concat", "early_concat"],
    "architecture": ["shared"],
}


def quantities(config: TrialConfig, gain: float, base: float = 0.6) -> dict[str, Value]:
    """Of one trial: every attention's read-outs are better by `gain` than those of pooling."""
    assert config.attention is not None
    g = np.random.default_rng([*config.name.encode()])
    attends = config.attention.name != "mean"
    names, pairs = config.modalities, list(combinations(config.modalities, 2))

    def near(value: float) -> float:
        return value + 0.001 * float(g.normal())

    def at(place: str) -> float:
        return near(base + gain * PLACES.index(place) / 3 * attends)

    found: dict[str, Value] = {
        "linear_probe": [at(place) for _ in names for place in TOKENS],
        "linear_probe_joint": [at(place) for place in PLACES],
        "effective_rank_joint": [near(5.0) for _ in PLACES],
    }
    if config.role == "cell":
        found |= {
            "cka_stem": [near(0.1) for _ in pairs],
            "cka_last": [near(0.4) for _ in pairs],
            "retrieval_1": [abs(near(0.02)) for _ in pairs],
            "retrieval_5": [abs(near(0.05)) for _ in pairs],
            "retrieval_candidates": 256,
            "modality_gap": [near(1.2) for _ in pairs],
            "paired_distance": [near(1.3) for _ in pairs],
            "modality_spread": [near(0.5) for _ in names],
        }
        if config.fusion is not None and config.fusion.name != "early_concat":
            found["linear_probe_readout"] = [at("read-out") for _ in names]
    assert found.keys() <= Representation.quantities.keys()
    return found


def with_quantities(made: Made, gains: Mapping[str, float], bases: Mapping[str, float] | None = None) -> Made:
    def one(result: TrialResult) -> TrialResult:
        config = result.config
        if config.role == "baseline" or config.dataset not in gains:
            return result
        own = quantities(config, gains[config.dataset], (bases or {}).get(config.dataset, 0.6))
        return result.model_copy(update={"quantities": result.quantities | own})

    return replace(made, results={trial_id: one(result) for trial_id, result in made.results.items()})


def analysed(gain: float, **changes: object) -> Report:
    made = make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS, **changes)  # type: ignore[arg-type]
    return analyse(**with_quantities(made, {"synergy": gain}).arguments())


def parts(report: Report) -> tuple[Representations, ...]:
    found: tuple[Representations, ...] = report["representation"]
    return found


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (0.1, r"Attention gives better representations than pooling: \+10\.0 points"),
        (-0.1, r"Attention gives worse representations than pooling: −10\.0 points"),
        (0.0, r"Attention gives representations as good as those of pooling: .* which is within the margin\."),
    ],
)
def test_the_finding_is_what_was_planted(gain: float, said: str) -> None:
    (part,) = parts(analysed(gain))
    told = sentences(part)
    assert re.match(said, told[0]), told[0]
    read_out = part.named("linear_probe_read_out")
    assert read_out is not None and read_out.attention is not None
    assert read_out.attention.mean == pytest.approx(gain, abs=0.003)
    assert part.overall["stem"].mean == pytest.approx(0.6, abs=0.003)
    assert part.by_modality["image", "mean"]["last"].mean == pytest.approx(0.6, abs=0.003)
    assert part.by_modality["image", "attention"]["last"].mean == pytest.approx(0.6 + 2 * gain / 3, abs=0.003)
    assert any("Among 256 samples" in t and "(a guess: 0.4 %)" in t for t in told)
    assert any("by 0.10 after the stems and by 0.40 after the last layer" in t for t in told)
    assert any("further apart than" in t for t in told)


def test_one_seed_decides_nothing() -> None:
    (part,) = parts(analysed(0.1, seeds=1))
    assert sentences(part)[0].startswith("Whether attention gives better representations than pooling is open")


def test_of_errors_less_is_better() -> None:
    made = make(truths={"rating": OTHERS["rating"]}, levels=LEVELS)
    (part,) = parts(analyse(**with_quantities(made, {"rating": -2.0}, {"rating": 9.0}).arguments()))
    assert re.match(r"Attention gives better representations than pooling: 2\.0\d* lower MAE", sentences(part)[0])
    read_out = part.named("linear_probe_read_out")
    assert read_out is not None
    best, worst = read_out.extremes("attention") or (None, None)
    assert best is not None and worst is not None and worst.level == "mean"


def test_pooling_alone_and_attention_alone_are_not_compared() -> None:
    for attention in (["mean"], ["additive"]):
        made = make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS | {"attention": attention})
        (part,) = parts(analyse(**with_quantities(made, {"synergy": 0.1}).arguments()))
        assert not any("than pooling" in text for text in sentences(part))


def test_everything_is_written(tmp_path: Path) -> None:
    """Page, Markdown, CSV and figures; data sets without the numbers are left out."""
    truths = {"synergy": TRUTHS["synergy"], "unique": TRUTHS["unique"], "rating": OTHERS["rating"]}
    made = with_quantities(make(truths=truths, levels=LEVELS), {"synergy": 0.1, "rating": -1.0}, {"rating": 9.0})
    report = analyse(**made.arguments())
    files = export(report, tmp_path)
    page = render(report, downloads=files)
    assert not report.failures
    assert [part.dataset for part in parts(report)] == ["synergy", "rating"]
    (section,) = re.findall(r'<section id="representation">(.*?)</section>', page, re.DOTALL)
    assert "Attention gives better representations than pooling" in section and "unique" not in section
    assert len(section) < 60_000
    assert '<a href="#representation">Representations</a>' in page
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    heading = finding(parts(report))
    assert (
        heading == "Representations: the read-outs of attention are better than those of pooling on synergy and rating"
    )
    assert f"## {heading}" in markdown and "figures/representation_places.svg" in markdown
    for name in ("levels", "relations", "modalities", "contrasts"):
        assert f"tables/representation_{name}_synergy.csv" in files
    assert {"figures/representation_places.pdf", "figures/representation_synergy.svg"} <= set(files)
    table = pd.read_csv(tmp_path / "tables" / "representation_modalities_synergy.csv")
    row = table[(table.modality == "image") & (table.mixing == "attention")].set_index("place")["linear_probe"]
    assert list(row.index) == list(PLACES) and row["last"] == pytest.approx(0.667, abs=0.003)
    heads = (tmp_path / "tables" / "representation_relations_synergy.md").read_text(encoding="utf-8")
    assert "modality gap" in heads and "↑" not in heads, "neither more nor less of it is better"


def test_a_ledger_without_it_has_no_such_section() -> None:
    report = analyse(**make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS).arguments())
    assert report["representation"] is None and not report.failures
