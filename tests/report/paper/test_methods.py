"""The methods say every setting, as it is, and cite what references.bib has."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from mmbench.report.build import analyse
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.paper.methods import methods
from mmbench.report.paper.sources import bib
from mmbench.schema.params import Race
from mmbench.schema.tuning import Tuning
from tests.support.factory import TRUTHS, make

TRUTH = {n: TRUTHS[n] for n in ("redundant", "unique")}


def report(**sections: dict[str, object]) -> Report:
    made = make(truths=TRUTH, seeds=4, noise=0.006)
    changed = {name: getattr(made.params, name).model_copy(update=values) for name, values in sections.items()}
    return analyse(**replace(made, params=made.params.model_copy(update=changed)).arguments())


def words(found: Report) -> str:
    """Without citations and LaTeX."""
    text = re.sub(r"~\\cite\{[^}]*\}", "", methods(found.context))
    return text.replace("\\%", "%").replace("\\_", "_").replace("$\\pm$", "±")


def test_what_is_cited_is_in_the_bibliography() -> None:
    found = report()
    keys = set(re.findall(r"^@\w+\{([^,]+),", bib(found.context), re.MULTILINE))
    cited = {key for group in re.findall(r"\\cite\{([^}]*)\}", methods(found.context)) for key in group.split(",")}
    assert cited <= keys and {"mmbench", "vaswani2017attention", "schuirmann1987comparison"} <= cited
    assert methods(found.context).isascii()


def test_sizes_splits_and_the_budget_are_said() -> None:
    found, text = report(), words(report())
    assert "27 combinations of 3 attention mechanisms" in text and "each modality alone" in text
    for d in found.context.datasets:
        assert f"Data set {d.name} has the modalities" in text
        assert "4,000 training, 1,000 validation and 1,000 test samples" in text
        training = next(t for t in found.context.training if t.dataset == d.name)
        assert f"On {d.name}, each had {training.words}." in text
    m = found.context.params.model
    assert f"width {m.width}, {m.depth} layers, {m.heads} heads" in text
    assert "The run has" in text and "mmbench 0.1.0" in text and "torch 2.13.0" in text and "2 cores" in text


@pytest.mark.parametrize(
    ("section", "values", "said"),
    [
        ("train", {"batch_size": 48}, "batch size 48,"),
        ("train", {"weight_decay": 0.07}, "weight decay 0.07,"),
        ("train", {"clip_norm": 3.5}, "a norm of 3.5,"),
        ("train", {"warmup": 0.25}, "warm-up over 25 % of the steps"),
        ("train", {"dropout": 0.2}, "dropout 0.2,"),
        ("train", {"label_smoothing": 0.15}, "label smoothing 0.15,"),
        ("train", {"modality_dropout": 0.2}, "was hidden with probability 0.2, at least one kept"),
        ("train", {"modality_dropout": 0.0}, None),
        ("train", {"class_weights": "balanced"}, "balanced class weights"),
        ("train", {"precision": "float32"}, "precision float32"),
        ("train", {"averaging": 0.3}, "about the last 30 % of the steps"),
        ("train", {"averaging": 0.0}, None),
        ("train", {"patience": 7}, "after 7 epochs without a better validation score"),
        ("train", {"epochs": 10, "learning_rate": 0.003}, None),
        ("train", {"epochs": "auto", "learning_rate": "auto"}, "validation loss was taken, and then longer and longer"),
        ("train", {"epochs": "auto", "learning_rate": 0.003}, "These lengths were found per data set"),
        ("train", {"epochs": 10, "learning_rate": "auto"}, "These learning rates were found per data set"),
        ("controls", {"budgets": (0.5, 2.0)}, None),
        ("model", {"match_params": True}, "equally many parameters"),
        ("report", {"confidence": 0.9}, "Intervals are 90 % Student-t"),
        ("report", {"rope": 0.02}, "within a margin of 2 points"),
        ("grid", {"seeds": Race(least=3, most=12)}, "after 3, 5, 8 and 12 seeds"),
        ("grid", {"seeds": 4}, "Every method had 4 seeds."),
        ("tuning", {"configurations": 1}, "were not tuned per method"),
    ],
)
def test_every_setting_is_said_as_it_is(section: str, values: dict[str, object], said: str | None) -> None:
    text = words(report(**{section: values}))
    absent = {
        "averaging": "Tested weights are the average",
        "epochs": "were found per data set",
        "budgets": "was trained once more",
        "modality_dropout": "was hidden",
    }
    assert said in text if said else absent[next(iter(values))] not in text


def test_a_tuned_project_says_its_space() -> None:
    made = make(truths=TRUTH, seeds=4, noise=0.006)
    tuning = Tuning.model_validate(
        {
            "configurations": 8,
            "space": {"weight_decay": {"log_uniform": [0.001, 0.3]}, "dropout": {"choice": [0.0, 0.1]}},
        }
    )
    text = words(analyse(**replace(made, params=made.params.model_copy(update={"tuning": tuning})).arguments()))
    assert "under 8 configurations" in text and "weight_decay: log-uniform on 0.001, 0.3" in text
    assert "dropout: one of 0.0, 0.1" in text and "not tuned" not in text


def test_one_seed_has_no_intervals() -> None:
    text = words(analyse(**make(truths=TRUTH, seeds=1).arguments()))
    assert "There is one seed" in text and "Student" not in text


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_has_buttons_that_copy_them(browser: Browser, tmp_path) -> None:  # type: ignore[no-untyped-def]
    found = report()
    path = tmp_path / "report.html"
    path.write_text(render(found), encoding="utf-8")
    page = browser.new_context(permissions=["clipboard-read", "clipboard-write"]).new_page()
    page.goto(path.as_uri())
    copied = {}
    for name in ("Copy BibTeX", "Copy methods", "Copy tables", "Copy numbers"):
        page.get_by_text(name, exact=True).click()
        copied[name] = page.evaluate("navigator.clipboard.readText()").replace("\r\n", "\n")
    assert copied["Copy BibTeX"] == bib(found.context)
    assert copied["Copy methods"] == methods(found.context)
    assert copied["Copy tables"].count("\\begin{tabular}") == 4
    assert "\\newcommand{\\mmbHybridMinusShared}" in copied["Copy numbers"]
    assert page.locator('a[href="#cite"]').count() >= 2
    page.close()
