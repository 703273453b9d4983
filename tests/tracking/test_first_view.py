"""What a person sees first in MLflow, in a real browser on a real server: the report's order and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.scale import Scale
from mmbench.tracking import first_view_url, saved_view_url
from mmbench.tracking.links import run as run_address
from mmbench.tracking.server import serving
from mmbench.tracking.views import charts_key, curves_key, data_key
from tests.support import reported
from tests.support.reported import Reported

pytestmark = [pytest.mark.slow, pytest.mark.browser]

CELLS = """() => {
    const rows = {};
    for (const cell of document.querySelectorAll("[role=row][row-index] [role=gridcell]")) {
        const row = cell.closest("[row-index]").getAttribute("row-index");
        (rows[row] ??= {})[cell.getAttribute("col-id")] = cell.innerText.trim();
    }
    return rows;
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Reported, str]]:
    """A finished project, and the address of MLflow's server over its database."""
    root = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        project = reported.write(reported.example(), root, root / "reports")
        project.track()
        with serving(project.store(), root) as server:
            yield project, server.url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 2600, "height": 1600})
    page.set_default_timeout(90_000)
    yield page
    page.context.close()


def shown(page: Page, count: int) -> list[dict[str, str]]:
    """The rows of the list, as they read."""
    page.wait_for_function(f"() => document.querySelectorAll('[role=row][row-index=\"{count - 1}\"]').length > 0")
    found = page.evaluate(CELLS)
    return [found[str(i)] for i in range(len(found))]


def expected(row: CellRow, scale: Scale, place: int) -> dict[str, str]:
    """What the report says of a method, as a column shows it."""
    assert row.score is not None
    verdict = "best" if row.best else str(row.verdict) if row.verdict else row.state
    return {
        "metrics.`row`": str(place),
        f"metrics.`mean/test/{scale.metric}`": f"{row.score.mean:.3f}",
        "metrics.`half_width`": "-" if row.score.half is None else f"{row.score.half:.3f}",
        "tags.`seeds`": f"{row.done} of {row.declared}",
        **({"tags.`verdict`": verdict} if row.method.role == "cell" else {}),
    }


def rounded(column: str, cell: str) -> str:
    number = column.startswith("metrics.") and column != "metrics.`row`" and cell != "-"
    return f"{float(cell):.3f}" if number else cell


def test_the_first_view_of_each_data_set_has_the_reports_order_and_numbers(
    served: tuple[Reported, str], page: Page
) -> None:
    project, url = served
    experiment = project.store().experiment_id
    names = [d.name for d in project.report.context.datasets]
    assert first_view_url(url, experiment, names) == saved_view_url(url, experiment, data_key(names[0]))
    for d in project.report.context.datasets:
        page.goto("about:blank")
        page.goto(saved_view_url(url, experiment, data_key(d.name)))
        rows = shown(page, len(d.rows))
        assert len(rows) == len(d.rows)
        for place, (there, row) in enumerate(zip(rows, d.rows, strict=True), 1):
            wanted = expected(row, d.scale, place)
            assert {key: rounded(key, there[key]) for key in wanted} == wanted
        first = next(there for there in rows if there["tags.`verdict`"] == "best")
        # Rows stand by their mean: one with too few seeds to be ranked may stand above it.
        name = titles.method(d.row(str(d.best)).method, short=True)
        assert first["attributes.`Run Name`"].endswith(f"{d.name} · {name}")


def test_a_row_leads_to_its_trials_and_a_trial_to_its_row(served: tuple[Reported, str], page: Page) -> None:
    from playwright.sync_api import expect

    project, url = served
    experiment = project.store().experiment_id
    best = next(iter(project.runs("tags.level = 'method' and tags.verdict = 'best'")))
    page.goto(f"{url}/{run_address(experiment, best.info.run_id)}")
    trial = page.get_by_role("link", name=f"{best.info.run_name} · s0", exact=True)
    expect(trial).to_be_visible(timeout=90_000)
    trial.click()
    expect(page.get_by_role("heading", name=f"{best.info.run_name} · s0")).to_be_visible(timeout=90_000)
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Its mean over all seeds").click()
    expect(popup.value.get_by_role("heading", name=best.info.run_name, exact=True)).to_be_visible(timeout=90_000)


def test_trials_are_folded_below_their_rows(served: tuple[Reported, str], page: Page) -> None:
    from playwright.sync_api import expect

    project, url = served
    page.goto(saved_view_url(url, project.store().experiment_id, "mmbench.last"))
    name = next(iter(project.runs("tags.level = 'method' and tags.role = 'cell'"))).info.run_name
    row = page.get_by_role("link", name=name, exact=True)
    expect(row).to_be_visible(timeout=90_000)
    assert page.get_by_role("link", name=f"{name} · s0", exact=True).count() == 0
    row.locator("xpath=ancestor::*[@role='gridcell']").get_by_role("button").first.click()
    expect(page.get_by_role("link", name=f"{name} · s0", exact=True)).to_be_visible(timeout=90_000)


def test_charts_are_of_one_data_set_over_the_whole_width(served: tuple[Reported, str], page: Page) -> None:
    from playwright.sync_api import expect

    project, url = served
    experiment = project.store().experiment_id
    page.goto(saved_view_url(url, experiment, charts_key("synergy")))
    expect(page.get_by_text(re.compile(r"^hybrid blue, shared brown")).first).to_be_visible(timeout=90_000)
    headings = [f"usage/{cost} vs. mean/test/accuracy" for cost in ("parameters", "train_seconds")]
    for title in headings:
        expect(page.get_by_role("heading", name=title)).to_be_visible(timeout=90_000)
    first, second = (page.get_by_role("heading", name=title).bounding_box() for title in headings)
    assert first and second and first["x"] == second["x"] and first["y"] < second["y"], "below one another"
    page.goto("about:blank")
    page.goto(saved_view_url(url, experiment, curves_key("rating")))
    expect(page.get_by_text(re.compile(r"^Seed 0: hybrid blue, shared brown"))).to_be_visible(timeout=90_000)
    expect(page.get_by_role("heading", name="curves/val_mae")).to_be_visible(timeout=90_000)
    assert page.get_by_role("link", name="synergy · ").count() == 0


def test_failures_are_seen_at_once(served: tuple[Reported, str], page: Page) -> None:
    project, url = served
    page.goto(saved_view_url(url, project.store().experiment_id, "mmbench.failed"))
    (row,) = shown(page, 1)
    assert row["tags.`state`"] == "failed" and row["tags.`reason`"]
