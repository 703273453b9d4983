"""What stands beside the picks: sizes of what leads, training that may be too short."""

from __future__ import annotations

from statistics import median

import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from mmbench.report.sections.first.record import Limit
from tests.support.factory import EPOCHS, Truth, make

LEADS = Truth(base=0.7, architecture={"hybrid": 0.05}, single={"image": 0.5, "audio": 0.4}, linear=0.4, majority=0.25)


def limit(report: Report, bold: str) -> Limit | None:
    return next((x for x in report["first"].screens[0].limits if x.bold.startswith(bold)), None)


@pytest.mark.parametrize("times", [2.0, 1.1])
def test_where_the_larger_architecture_leads_its_size_is_told(times: float) -> None:
    arguments = make(truths={"flat": LEADS}, seeds=4, noise=0.003).arguments()
    sizes = {"hybrid": round(1000 * times), "independent": 1000, "shared": round(400 * times)}

    def sized(r):  # type: ignore[no-untyped-def]
        architecture = r.config.architecture
        size = sizes[architecture.name] if architecture else 100
        return r.model_copy(update={"quantities": {**r.quantities, "parameters": size}})

    report = analyse(**(arguments | {"results": {i: sized(r) for i, r in arguments["results"].items()}}))
    rows = report.context.dataset("flat").cells
    parameters = [(r.method.architecture, r.cost.parameters) for r in rows if r.cost and r.cost.parameters]
    shown = {a: median(p for b, p in parameters if a == b) for a in sizes}
    told = limit(report, "A hybrid architecture is larger")
    assert told is not None and not told.fine and "model.match_params: true" in told.text
    assert f"{shown['hybrid'] / shown['shared']:.1f} times shared weights" in told.text
    assert ("times independent weights" in told.text) == (times == 2.0), "a tenth more is not worth a line"


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_many_models_that_were_best_in_their_last_epoch_are_a_limit(share: float) -> None:
    arguments = make(truths={"flat": LEADS}, seeds=4, noise=0.003).arguments()
    trained = [i for i, r in arguments["results"].items() if r.best_epoch is not None]
    last = set(trained[: round(share * len(trained))])
    results = {
        i: r.model_copy(update={"best_epoch": EPOCHS - 1}) if i in last else r for i, r in arguments["results"].items()
    }
    report = analyse(**(arguments | {"results": results}))
    told = limit(report, "Training may be short")
    assert (told is not None) == (share == 0.5)
    if told is not None:
        assert told.text.startswith(f"{len(last)} of {len(trained)} trained models were best in their last epoch")
