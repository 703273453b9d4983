"""Numbers as macros: names of letters only, that stay the same whoever is ahead, with the numbers of verdicts.json."""

from __future__ import annotations

import re

import pytest

from mmbench.report.build import analyse
from mmbench.report.export import verdicts_of
from mmbench.report.paper.macros import MANY, camel, numbers
from tests.support.factory import OTHERS, TRUTHS, Truth, make

DEFINED = re.compile(r"^\\newcommand\{\\(\w+)\}\{(.*)\}$", re.MULTILINE)


def defined(text: str) -> dict[str, str]:
    found = DEFINED.findall(text)
    assert len(found) == len({name for name, _ in found}), "each name is defined once"
    return dict(found)


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("scaled_dot_product", "ScaledDotProduct"),
        ("local(window=8)", "LocalWindowEight"),
        ("my-files.2026", "MyFilesTwoZeroTwoSix"),
        ("Nyströmformer", "NystroMformer"),
        ("中", "X"),
    ],
)
def test_names_have_letters_only(name: str, letters: str) -> None:
    assert camel(name).isascii() and camel(name).isalpha()
    if name != "Nyströmformer":
        assert camel(name) == letters


@pytest.fixture(scope="module", params=[("redundant", "unique"), ("synergy",), ("redundant", "mood")])
def report(request: pytest.FixtureRequest) -> object:
    truths = {name: (TRUTHS | OTHERS)[name] for name in request.param}
    return analyse(**make(truths=truths, seeds=4, noise=0.004).arguments())


def test_they_are_those_of_verdicts_json(report: object) -> None:
    context = report.context  # type: ignore[attr-defined]
    text = numbers(context)
    assert text.isascii()
    found = defined(text)
    assert all(name.isalpha() and name.startswith("mmb") for name in found)
    several = len(context.names) > 1
    contrasts = [v for v in verdicts_of(context)["verdicts"] if v["kind"] == "contrast"]
    assert contrasts
    for v in contrasts:
        scale = context.dataset(v["dataset"]).scale
        prefix = camel(v["dataset"]) if several else ""
        for subject, reference, sign in ((v["subject"], v["reference"], 1), (v["reference"], v["subject"], -1)):
            name = f"mmb{prefix}{camel(subject)}Minus{camel(reference)}"
            assert found[name].replace("$-$", "−") == scale.change(sign * v["estimate"])
            assert found[f"{name}Half"] == scale.width(v["high"] - v["estimate"])
        better = {"better": "worse", "worse": "better"}
        assert found[f"{name}Verdict"] == better.get(v["verdict"], v["verdict"])
    for d in context.datasets:
        score = d.row(d.best).score
        assert found[f"mmb{camel(d.name)}BestScore"] == d.scale.number(score.mean)
        assert found[f"mmb{camel(d.name)}TestSamples"] == "1,000"


def test_names_do_not_depend_on_who_is_ahead() -> None:
    def names(effect: float) -> list[str]:
        truth = Truth(base=0.8, attention={"additive": effect}, single={"image": 0.5, "audio": 0.5})
        found = defined(numbers(analyse(**make(truths={"a": truth}).arguments()).context))
        return sorted(name for name in found if "Minus" in name)

    assert names(0.05) == names(-0.05)


def test_names_that_differ_in_what_is_no_letter_stay_apart() -> None:
    truths = {name: Truth(base=0.8, single={"image": 0.5, "audio": 0.5}) for name in ("a_b", "a-b")}
    found = defined(numbers(analyse(**make(truths=truths).arguments()).context))
    assert {"mmbABBestScore", "mmbABBestScoreX"} <= found.keys()


def test_of_many_levels_not_every_two_have_macros() -> None:
    levels = {
        "attention": ["mean", "additive"],
        "fusion": [f"fusion_{c}" for c in "abcdefghijkl"],
        "architecture": ["shared", "hybrid"],
    }
    families = dict.fromkeys(levels["fusion"], "early")
    made = make(truths={"synergy": TRUTHS["synergy"]}, levels=levels, families=families, controls=False)
    found = defined(numbers(analyse(**made.arguments()).context))
    pairs = [name for name in found if re.fullmatch(r"mmbFusion[A-Z]MinusFusion[A-Z]", name)]
    assert len(levels["fusion"]) > MANY and 2 * 11 <= len(pairs) <= 2 * (11 + 10)
