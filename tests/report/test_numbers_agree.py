"""Every number shown for a cell is the ledger's: recomputed from the raw JSON files with pandas alone.

Compared are the page, CSV, LaTeX, Markdown, Parquet, DVC's metrics and MLflow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from mmbench.ledger.store import Ledger
from mmbench.report.build import analyse
from mmbench.report.draw import latex
from mmbench.report.export import export
from mmbench.report.pages.html import render
from mmbench.report.values import titles
from mmbench.schema.params import Tracking
from mmbench.schema.result import State
from mmbench.tracking import open_store, sync
from tests.support.factory import OTHERS, TRUTHS, Made, make

pytestmark = pytest.mark.slow

TRUTH = {"unique": TRUTHS["unique"], "synergy": TRUTHS["synergy"], "mood": OTHERS["mood"]}
MAIN = {"unique": "accuracy", "synergy": "accuracy", "mood": "mae"}


@dataclass
class Page(HTMLParser):
    """The rows of the table of all cells: (data set, method) -> written cells, and the numbers that sort them."""

    rows: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    sorting: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    section: str = ""
    view: str = ""
    key: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "section":
            self.section = found.get("id") or ""
        if self.section != "table":
            return
        if found.get("data-view"):
            self.view = str(found["data-view"])
        if tag == "tr" and found.get("data-k") and self.view in MAIN:
            self.key = self.view, str(found["data-k"])
            self.rows[self.key], self.sorting[self.key] = [], []
        elif self.key and tag in ("td", "th"):
            self.rows[self.key].append("")
            if found.get("data-v"):
                self.sorting[self.key].append(float(str(found["data-v"])))

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self.key = None

    def handle_data(self, data: str) -> None:
        if self.key and self.rows[self.key]:
            self.rows[self.key][-1] += data


@dataclass(frozen=True, kw_only=True)
class Project:
    root: Path
    made: Made
    raw: pd.DataFrame
    page: Page

    def sample(self) -> Iterator[tuple[str, str, pd.DataFrame]]:
        """Data set, method and raw trials of a sample of methods of every role, partial ones among them."""
        for (dataset, method), part in self.raw.groupby(["dataset", "method"]):
            if int.from_bytes(f"{dataset}{method}".encode()) % 3 == 0 or len(part) < 3:
                yield dataset, method, part


def _method(config: dict[str, object]) -> str:
    """The name of what is compared, told from the raw configuration."""
    if config["role"] == "baseline":
        return f"{config['baseline']} baseline"
    attention = config["attention"]["name"]  # type: ignore[index]
    if config["role"] == "single":
        return f"{attention} · {config['modalities'][0]} alone"  # type: ignore[index]
    return f"{attention} + {config['fusion']['name']} · {config['architecture']['name']}"  # type: ignore[index]


def _raw(folder: Path) -> pd.DataFrame:
    files = [json.loads(f.read_text(encoding="utf-8")) for f in sorted(folder.glob("*.json"))]
    done = [f for f in files if f["state"] == "done"]
    frame = pd.json_normalize(done)
    frame["method"] = [_method(f["config"]) for f in done]
    frame["dataset"], frame["seed"] = frame["config.dataset"], frame["config.seed"]
    frame["score"] = [f["metrics"]["test"][MAIN[f["config"]["dataset"]]] for f in done]
    return frame


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("agree")
    made = make(truths=TRUTH, faults={0: State.FAILED, 5: State.PENDING, 9: State.TIMEOUT})
    ledger = Ledger(root / "data" / "ledger")
    for result in made.results.values():
        ledger.write(result)
    analysis = analyse(**(made.arguments() | {"results": ledger.read()}))
    (root / "reports").mkdir()
    text = render(analysis, downloads=export(analysis, root / "reports"))
    page = Page()
    page.feed(text)
    return Project(root=root, made=made, raw=_raw(ledger.folder), page=page)


def _half(scores: pd.Series) -> float:
    return float(stats.t.ppf(0.975, len(scores) - 1) * scores.std(ddof=1) / len(scores) ** 0.5)


def _written(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _table(project: Project, name: str) -> pd.DataFrame:
    return pd.read_csv(project.root / "reports" / "tables" / name)


def test_the_sample_is_of_every_kind(project: Project) -> None:
    sample = list(project.sample())
    assert len(sample) >= 30 and {d for d, _, _ in sample} == set(MAIN)
    assert {part["config.role"].iloc[0] for _, _, part in sample} == {"cell", "single", "baseline"}
    assert {len(part) for _, _, part in sample} == {1, 2, 3}


def test_csv(project: Project) -> None:
    tables = {name: _table(project, f"cells_{name}.csv").set_index("method") for name in MAIN}
    for dataset, method, part in project.sample():
        row = tables[dataset].loc[method]
        assert row["score"] == pytest.approx(part["score"].mean(), rel=1e-7)
        assert row["n"] == len(part)
        assert row["parameters"] == part["quantities.parameters"].median()
        assert row["train_seconds"] == pytest.approx(part["quantities.train_seconds"].median(), rel=1e-7)
        if len(part) > 1:
            assert row["score_half_width"] == pytest.approx(_half(part["score"]), rel=1e-6)
        else:
            assert pd.isna(row["score_half_width"])


def test_page(project: Project) -> None:
    for dataset, method, part in project.sample():
        written = project.page.rows[dataset, method]
        assert _written(part["score"].mean()) in written
        assert any(v == pytest.approx(part["score"].mean(), rel=1e-7) for v in project.page.sorting[dataset, method])
        if len(part) > 1:
            assert f"±{_written(_half(part['score']))}" in written


def test_markdown_and_latex(project: Project) -> None:
    folder = project.root / "reports"
    report = (folder / "report.md").read_text(encoding="utf-8")
    for dataset, key, part in project.sample():
        method = titles.titled(key)
        score = _written(part["score"].mean()) + (f" ± {_written(_half(part['score']))}" if len(part) > 1 else "")
        for text in (report, (folder / "tables" / f"cells_{dataset}.md").read_text(encoding="utf-8")):
            rows = [line.replace("**", "") for line in text.splitlines()]
            assert any(f"| {method} | {score} |" in row for row in rows), (dataset, method, score)
        tex = (folder / "tables" / f"cells_{dataset}.tex").read_text(encoding="utf-8")
        tex = re.sub(r"\\textbf\{([^&]*)\} (?=&|\\)", r"\1 ", tex)
        name = latex.escape(method)
        assert f"& {name} & {score.replace('−', '$-$').replace('±', chr(36) + chr(92) + 'pm$')} &" in tex


def test_parquet_and_metrics(project: Project) -> None:
    frame = pd.read_parquet(project.root / "reports" / "results.parquet").set_index("trial_id")
    for row in project.raw.to_dict("records"):
        kept = frame.loc[row["trial_id"]]
        assert kept[f"test_{MAIN[row['dataset']]}"] == row["score"] and kept["seconds"] == row["seconds"]
    metrics = json.loads((project.root / "reports" / "metrics.json").read_text())
    for dataset, metric in MAIN.items():
        cells = project.raw[(project.raw["dataset"] == dataset) & (project.raw["config.role"] == "cell")]
        means = cells.groupby("method")["score"].agg(["mean", "count"]).query("count == 3")["mean"]
        best = means.min() if metric == "mae" else means.max()
        assert metrics[f"{dataset}_{metric}"] == pytest.approx(best, abs=1e-6)


def test_macro_mean_over_data_sets_of_one_metric(project: Project) -> None:
    """With an error among them the data sets are averaged by rank, within each data set and seed."""
    overall = _table(project, "overall.csv").set_index("method")
    cells = project.raw[project.raw["config.role"] == "cell"]
    complete = cells.groupby("method").size().loc[lambda n: n == 9].index
    cells = cells[cells["method"].isin(complete)]
    turned = cells["score"].where(cells["dataset"] == "mood", -cells["score"])
    ranks = turned.groupby([cells["dataset"], cells["seed"]]).rank()
    means = ranks.groupby([cells["method"], cells["dataset"]]).mean().groupby("method").mean()
    assert set(overall.index[overall["rank"].notna()]) == set(complete)
    for method, rank in means.items():
        assert overall.loc[method, "score"] == pytest.approx(rank)


@pytest.mark.slow
def test_mlflow(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    made, settings = project.made, Tracking(enabled=True, experiment="agree")
    wanted = {i for _, _, part in project.sample() for i in part["trial_id"]}
    results = {i: r for i, r in made.results.items() if i in wanted or r.state is not State.DONE}
    sync(settings, made.plan, results, made.specs, project.root)
    store = open_store(settings, project.root)
    found = store.client.search_runs(
        [store.experiment_id], filter_string="tags.state = 'done' and tags.trial_id LIKE '%'", max_results=1000
    )
    rows = [{"trial_id": r.data.tags["trial_id"], "dataset": r.data.tags["dataset"], **r.data.metrics} for r in found]
    runs = pd.DataFrame(rows).set_index("trial_id")
    assert set(runs.index) == wanted
    for dataset, method, part in project.sample():
        shown = runs.loc[part["trial_id"], f"test/{MAIN[dataset]}"]
        assert shown.tolist() == part["score"].tolist(), method
        assert runs.loc[part["trial_id"], "usage/train_seconds"].tolist() == part["quantities.train_seconds"].tolist()
