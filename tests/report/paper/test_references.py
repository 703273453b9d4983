"""Every source that mmbench names has an entry, and what it does not know is made from the words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mmbench.registry import variants
from mmbench.report.build import analyse
from mmbench.report.paper import sources
from mmbench.report.paper.references import cited, known
from tests.support.factory import TRUTHS, make

ROOT = Path(__file__).resolve().parents[3]
CITED = ("attention", "fusion", "architecture", "stem", "dataset", "baseline", "metric")
PERSON = re.compile(r"[A-Z]\w+ (?:et al\. |and \w+ )?(?:19|20)\d\d")


@pytest.mark.parametrize("axis", CITED)
def test_every_person_and_year_that_a_variant_names_is_known_in_full(axis: str) -> None:
    for info in variants(axis).values():  # type: ignore[arg-type]
        found = cited(info.source)
        assert len(found) >= len(PERSON.findall(info.source)), info.source
        assert all(r.key in known() for r in found), f"add {info.source!r} to mmbench/report/paper/references.bib"


def test_every_entry_is_needed_and_whole() -> None:
    needed = {r.key for axis in CITED for v in variants(axis).values() for r in cited(v.source)}  # type: ignore[arg-type]
    needed |= {"alpaydin1998optical", "virtanen2020scipy", "neverova2016moddrop", *sources.STATISTICS, *sources.TOOLS}
    assert needed == set(known())
    for key, reference in known().items():
        year = re.search(r"\d{4}", key)
        assert year and f"year = {{{year[0]}}}" in reference.text and reference.text.isascii()
        assert all(f"  {field} = {{" in reference.text for field in ("author", "title"))
        assert reference.text.count("{") == reference.text.count("}")


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ("Wang et al. 2020, Linformer: Self-Attention with Linear Complexity", ["wang2020linformer"]),
        ("the source article; cf. Wang et al. 2020, What Makes Training Multi-Modal Networks Hard?", ["wang2020what"]),
        ("Ben-younes et al. 2017, MUTAN", ["benyounes2017mutan"]),
        ("UCI Digits (Alpaydin and Kaynak 1998), as shipped; made by mmbench", ["alpaydin1998optical"]),
        ("Zadeh, A., Liang, P. P., & Morency, L.-P. (2018). Multimodal language analysis", ["zadeh2018multimodal"]),
        ("Cooke, Barker, Cunningham and Shao 2006, An audio-visual corpus", ["cooke2006audio"]),
        ("scikit-learn SVC, SVR; Cortes and Vapnik 1995", ["pedregosa2011scikit", "cortes1995support"]),
        ("own; the source article, 5.1", []),
        ("", []),
    ],
)  # fmt: skip
def test_what_words_name(source: str, keys: list[str]) -> None:
    assert [r.key for r in cited(source)] == keys


def test_what_is_not_known_is_made_from_its_words() -> None:
    (found,) = cited("Doe et al. 2031, 50 % of {Everything}")
    assert found.key == "doe2031everything"
    assert "author = {Doe and others}" in found.text and r"50 \% of \{Everything\}" in found.text


def test_mmbench_is_cited_as_citation_cff_says() -> None:
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    made = sources.mmbench(analyse(**make(truths={"synergy": TRUTHS["synergy"]}).arguments()).context)
    assert cff["title"] == sources.TITLE and f"{{{cff['title']}}}" in made.text
    assert " and ".join(f"{{{a['name']}}}" for a in cff["authors"]) == sources.AUTHORS
    assert "version 0.1.0" in made.text and "year = {2026}" in made.text


def test_all_that_a_run_has_is_cited_once() -> None:
    report = analyse(**make(truths={"synergy": TRUTHS["synergy"]}).arguments())
    text = sources.bib(report.context)
    keys = re.findall(r"^@\w+\{([^,]+),", text, re.MULTILINE)
    assert len(keys) == len(set(keys)) and keys == sorted(keys) and text.isascii()
    for axis in ("attention", "fusion", "architecture"):
        for level in report.context.levels[axis]:
            assert {r.key for r in sources.of_variant(axis, level)} <= set(keys)
    assert {"bahdanau2015neural", "pedregosa2011scikit", "holm1979simple", "dosovitskiy2021image", "mmbench"} <= set(
        keys
    )


def test_a_data_set_that_names_nobody_is_cited_by_its_own_words() -> None:
    made = make(truths={"synergy": TRUTHS["synergy"]})
    spec = made.specs["synergy"].model_copy(update={"name": "synergy", "source": "ward 7, 50 % of it", "citation": ""})
    context = analyse(**(made.arguments() | {"specs": {"synergy": spec}})).context
    (data,) = context.datasets
    assert {r.key for r in sources.of_dataset(data)} == {"williams2010nonnegative"}, (
        "a variant of that name has a source"
    )
    renamed = replace(data, name="ward_7")
    (found,) = sources.of_dataset(renamed)
    assert found.key == "dataward7" and r"ward 7, 50 \% of it" in found.text
