"""Is attention an explanation? What the report says of planted numbers, with and without evidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmbench.probe.shared import explained
from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.report.pages.html import render
from mmbench.report.pages.markdown import render as in_markdown
from mmbench.report.pages.report import Report
from mmbench.report.sections.interpretation.compute import _pictures, find_interpretations
from mmbench.report.sections.interpretation.finding import SAMPLES, finding, heading, sentences
from mmbench.report.sections.interpretation.pictures import columns, heat
from mmbench.report.sections.interpretation.record import Interpretation
from mmbench.schema.dataset import Modality
from mmbench.schema.quantity import Value
from mmbench.schema.relevance import FAITHFUL, METHODS
from mmbench.schema.relevance_map import ModalityMap, SampleMap, encode
from mmbench.schema.result import TrialResult
from mmbench.stats.estimates import Verdict
from tests.report.test_language import found_in, words_of
from tests.support.factory import TRUTHS, make

LEVELS = {
    "attention": ["additive", "scaled_dot_product", "differential", "mean"],
    "fusion": ["concat", "early_concat"],
    "architecture": ["shared"],
}
AUROC = {"attention": 0.7, "gradient_x_input": 0.75, "integrated_gradients": 0.85, "occlusion": 0.9, "random": 0.5}
LOST = {"attention": 0.4, "gradient_x_input": 0.3, "integrated_gradients": 0.6, "occlusion": 0.7, "random": 0.1}


def maps(count: int) -> list[float]:
    part = ModalityMap(
        there=(True,) * 8 + (False,),
        evidence=(True, *(False,) * 8),
        relevance={"attention": (1.0, *(0.1,) * 7, 0.0), "occlusion": (-1.0, *(0.2,) * 7, 0.0)},
    )
    return encode([SampleMap(index=i, right=i > 3, modalities=(part,) * count) for i in (3, 7)])


def quantities(result: TrialResult, *, evidence: bool, faithful: bool) -> dict[str, Value]:
    config = result.config
    if config.attention is None or config.role == "baseline":
        return {}
    name, draw = config.attention.name, np.random.default_rng([config.seed, len(config.cell)])
    found: dict[str, Value] = {"completeness_gap": 0.1}
    for method in METHODS:
        if method == "attention" and name == "differential":
            continue
        bonus = 0.1 if method == "attention" and name == "additive" else 0.0
        x = 0.5 if method == "attention" and name == "mean" else AUROC[method] + bonus + draw.normal(0, 0.005)
        if evidence:
            found[f"plausibility_{method}"] = [x, x, x, x - 0.1, 0.6, 0.5]
        if method != "random" and not (method == "attention" and name == "mean"):
            found[f"sanity_{method}"] = 0.1
        if faithful:
            y = LOST[method] + draw.normal(0, 0.005)
            found[f"faithfulness_{method}"] = [
                y,
                0.1,
                0.3,
                0.8,
                y if method != "gradient_x_input" else 0.6,
                0.1,
                0.3,
                0.8,
            ]
    if name in ("additive", "scaled_dot_product"):
        found["attention_agreement"] = [0.5, 0.4, 0.3]
    if config.seed == 0:
        found["relevance_maps"] = maps(len(config.modalities))
    return found


def report(*, evidence: bool = True, faithful: bool = True, seeds: int = 3) -> Report:
    made = make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS, seeds=seeds)
    results = {
        i: r.model_copy(update={"quantities": r.quantities | quantities(r, evidence=evidence, faithful=faithful)})
        for i, r in made.results.items()
    }
    found = analyse(**replace(made, results=results).arguments())
    assert not found.failures
    return found


def part_of(found: Report) -> Interpretation:
    (part,) = found["interpretation"]
    return part


def test_the_finding_says_what_was_planted() -> None:
    part = part_of(report())
    assert part.undefined == ("differential",) and part.attends
    assert part.judged["attention"]["AUROC"].mean == pytest.approx(0.75, abs=0.01), "of mechanisms that have weights"
    said = finding(part)
    assert said.startswith("Attention weights point at the tokens that carry the label (AUROC 0.75 ± ")
    assert "worse than integrated gradients (0.85 ± 0" in said and "occlusion (0.90" in said
    assert "as well as gradient × input (0.75" in said and "a random ranking has 0.50" in said
    others = list(sentences(part))
    (ends,) = (x for x in others if x.startswith("By mechanism, "))
    assert "0.50 ± 0" in ends and "with mean pooling and 0.80 ± 0" in ends and ends.endswith("the two differ.")
    assert any("that are a distribution, so not defined: differential" in x for x in others)
    assert any("signed AUROC is 0.50 and that of sizes 0.60" in x for x in others)
    assert "The verdict depends on how tokens are taken away against gradient × input." in others


def test_without_evidence_it_is_said_what_can_be() -> None:
    part = part_of(report(evidence=False))
    assert finding(part).startswith(
        "It is not known which tokens carry the label; without those that attention weights"
    )
    assert [c.number.name for c in part.compared] == [
        "comprehensiveness_attention",
        "comprehensiveness_integrated_gradients",
    ]
    part = part_of(report(evidence=False, faithful=False))
    assert finding(part).endswith(
        "cannot be said; their ranking correlates with that of integrated gradients at 0.40 ± 0.00."
    )
    assert [c.number.name for c in part.compared] == ["agreement"]


def test_seeds_that_a_race_gave_to_one_combination_do_not_count_for_all() -> None:
    """Its attention points further than that of others."""
    context = report(seeds=12).context
    on = "additive + concat · shared"
    context.records["synergy"] = [r for r in context.records["synergy"] if r["seed"] < 3 or r["method"] == on]
    found = find_interpretations(context)
    assert found is not None
    (part,) = found
    assert part.judged["attention"]["AUROC"].mean == pytest.approx(0.75, abs=0.01), "0.8 of that combination alone"
    assert part.judged["attention"]["AUROC"].n == 3
    against = {d.reference: d for judge, d in part.differences if judge.name == "AUROC"}
    assert against["gradient_x_input"].verdict == "equal" and against["gradient_x_input"].n == 3
    assert part.trials == 2 * 2 * 3


@pytest.mark.parametrize("pooled", [True, False])
def test_pictures_say_once_which_is_best_without_attention(*, pooled: bool) -> None:
    context = report().context
    first = next(r for r in context.dataset("synergy").rows if (r.method.attention == "mean") is pooled and r.rank)
    rows = [first, *(r for r in context.dataset("synergy").rows if r is not first)]
    shown = list(_pictures(context, replace(context.dataset("synergy"), rows=tuple(rows))))
    why = {p.method: p.why for p in shown}
    assert why[first.key] == ("the best combination, without attention" if pooled else "the best combination")
    others = {text for key, text in why.items() if key != first.key}
    assert others == {"the best with another attention"} | (set() if pooled else {"the best without attention"})


def test_the_samples_are_as_many_as_the_probe_takes() -> None:
    assert explained.SAMPLES == SAMPLES
    assert any(f"Measured on {SAMPLES} test samples" in x for x in sentences(part_of(report())))


def test_the_heading_groups_data_sets_by_what_was_found() -> None:
    part = part_of(report())

    def planted(name: str, verdict: Verdict) -> Interpretation:
        made = tuple((j, replace(d, verdict=verdict)) for j, d in part.differences)
        return replace(part, dataset=name, differences=made)

    parts = [planted("a", "better"), planted("b", "equal"), planted("c", "better"), planted("d", "open")]
    assert heading(parts) == (
        "Attention weights point at the evidence on a and c (AUROC 0.75 and 0.75), point at the evidence no better "
        "than chance on b (AUROC 0.75) and have no verdict against chance on d (AUROC 0.75)"
    )
    question = "Is attention an explanation?"
    assert heading([planted("d", "open")]) == question
    assert heading([replace(part, cautions=("too brief",))]) == question
    assert heading([part_of(report(evidence=False))]) == question


def test_one_seed_decides_nothing() -> None:
    part = part_of(report(seeds=1))
    assert {d.verdict for _, d in part.differences} == {"open"} and "no verdict yet against" in finding(part)


def test_it_is_in_page_markdown_tables_and_figure(tmp_path: Path) -> None:
    found = report()
    files = export(found, tmp_path)
    page = render(found, downloads=files)
    begin = page.index('<section id="interpretation">')
    own = page[begin : page.index("</section>", begin)]
    assert "Attention weights point at the evidence on synergy (AUROC\u00a00.75)" in own.replace(" 0.75", "\u00a00.75")
    assert own.count("<svg") > 12 and "the best without attention" in own
    assert len(own) < 120_000
    assert "## Attention weights point at the evidence on synergy (AUROC 0.75)" in in_markdown(found)
    assert found_in(words_of(own)) == []
    for name in ("", "differences_", "levels_", "contrasts_", "methods_"):
        assert f"tables/interpretation_{name}synergy.csv" in files
    assert "figures/interpretation_synergy.svg" in files
    table = pd.read_csv(tmp_path / "tables" / "interpretation_synergy.csv").set_index(["judge", "method"])
    assert table.loc[("AUROC", "occlusion"), "value"] == pytest.approx(0.9, abs=0.01)
    assert set(table.index.get_level_values(0)) >= set(FAITHFUL)
    assert found["probes"] is None, "claimed"


def test_without_the_probes_there_is_no_section() -> None:
    found = analyse(**make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS).arguments())
    assert found["interpretation"] is None


def test_heat_has_a_cell_for_each_token_that_is_there() -> None:
    image = Modality(kind="image", shape=(1, 12, 12), options={"patch": 4})
    assert columns(image, 9) == 3 and columns(Modality(kind="text", shape=(40,)), 40) == 32
    tokens = ModalityMap(
        there=(True, True, False), evidence=(False, True, False), relevance={"attention": (0.5, -1.0, 0.0)}
    )
    drawn = str(heat(tokens, "attention", 3, "<words>"))
    assert drawn.count("h1v1h-1z") == 2 and drawn.count("h.8v.8h-.8z") == 1
    assert "var(--q8)" in drawn and "var(--q4)" in drawn
    assert "&lt;words&gt;: token 2 of 3" in drawn and "<words>" not in drawn
