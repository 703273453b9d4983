"""Results of several machines and dates in one report: what agrees is merged, what does not is an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mmbench.errors import UserError
from mmbench.ledger.store import Ledger
from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from mmbench.report.trials import parquet, sources
from mmbench.report.trials.frame import tidy
from mmbench.report.trials.merge import merge
from mmbench.schema.params import Params
from mmbench.schema.result import State, TrialResult
from tests.support import small_project
from tests.support.factory import TRUTHS, Made, make

from .test_build import analysed

ROOT = Path(__file__).resolve().parents[2]
GPU = {"processor": "x86_64", "cores": 2, "gpu": "H100"}


@pytest.fixture(scope="module")
def made() -> Made:
    return make(truths={n: TRUTHS[n] for n in ("unique", "synergy")}, faults={3: State.FAILED})


@pytest.fixture(scope="module")
def whole(made: Made) -> Report:
    return analysed(made)


def ledger(folder: Path, results: Iterable[TrialResult]) -> Path:
    kept = Ledger(folder)
    for result in results:
        kept.write(result)
    return folder


def table(file: Path, made: Made, results: Mapping[str, TrialResult]) -> Path:
    parquet.write(tidy(made.plan, results, made.families, {"unique": "accuracy", "synergy": "accuracy"}), file)
    return file


def halves(made: Made) -> tuple[dict[str, TrialResult], dict[str, TrialResult]]:
    items = list(made.results.items())
    return dict(items[: len(items) // 2]), dict(items[len(items) // 2 :])


def report(made: Made, *paths: Path) -> Report:
    results, origins = merge([sources.read(p, p.name) for p in paths], made.plan)
    return analyse(**(made.arguments() | {"results": results, "sources": origins}))


def moved(result: TrialResult, hardware: Mapping[str, object] = GPU, day: int = 24) -> TrialResult:
    """The same findings from another machine and day, in another time."""
    times = {"train_seconds": 0.25, "inference_us_per_sample": 1.0} if result.quantities else {}
    origin = result.provenance.model_copy(update={"hardware": dict(hardware)})
    started = f"2026-11-{day}T00:00:00+00:00"
    return result.model_copy(
        update={"quantities": result.quantities | times, "provenance": origin, "started": started, "seconds": 1.0}
    )


def test_two_halves_are_the_whole(made: Made, whole: Report, tmp_path: Path) -> None:
    first, second = halves(made)
    a, b = ledger(tmp_path / "a", first.values()), ledger(tmp_path / "b", second.values())
    merged = report(made, a, b)
    strip = {"provenance", "caveats"}
    assert {k: v for k, v in merged.as_json().items() if k not in strip} == {
        k: v for k, v in whole.as_json().items() if k not in strip
    }
    assert [s.name for s in merged.context.provenance.sources] == ["a", "b"]
    assert sum(s.used for s in merged.context.provenance.sources) == len(made.results)
    assert replace(merged.context.provenance, sources=()) == whole.context.provenance
    assert set(merged.caveats) - set(whole.caveats) == {
        f"Merged from 2 sources. a: {len(first)} trials on processor x86_64, cores 2, 2026-11-22. "
        f"b: {len(second)} trials on processor x86_64, cores 2, 2026-11-22."
    }


def test_parquet_brings_everything_but_curves_and_says_so(made: Made, whole: Report, tmp_path: Path) -> None:
    first, second = halves(made)
    a, b = ledger(tmp_path / "a", first.values()), table(tmp_path / "b.parquet", made, second)
    merged = report(made, a, b)
    assert [d.rows for d in merged.context.datasets] == [d.rows for d in whole.context.datasets]
    assert merged.context.total == whole.context.total
    assert sum(c.runs for c in merged.context.curves) < sum(c.runs for c in whole.context.curves)
    assert [s.curves for s in merged.context.provenance.sources] == [True, False]
    assert any(c.startswith("Learning curves show only the trials") for c in merged.caveats)


def test_the_order_of_the_sources_does_not_change_a_number(made: Made, tmp_path: Path) -> None:
    first, second = halves(made)
    a, b = ledger(tmp_path / "a", first.values()), table(tmp_path / "b.parquet", made, second)
    assert report(made, a, b).context.datasets == report(made, b, a).context.datasets


def test_equal_values_merge_silently_and_the_ledger_is_kept(made: Made, whole: Report, tmp_path: Path) -> None:
    b = table(tmp_path / "b.parquet", made, {k: moved(r) for k, r in made.results.items()})
    a = ledger(tmp_path / "a", made.results.values())
    merged = report(made, b, a)
    assert merged.context.datasets == whole.context.datasets and merged.context.provenance.timed_on is None
    assert sum(c.runs for c in merged.context.curves) == sum(c.runs for c in whole.context.curves)


def test_different_values_are_an_error_that_names_trial_and_places(made: Made, tmp_path: Path) -> None:
    trial_id, kept = next((k, r) for k, r in made.results.items() if r.state is State.DONE)
    other = kept.model_copy(update={"metrics": kept.metrics | {"test": kept.metrics["test"] | {"accuracy": 0.5}}})
    a, b = ledger(tmp_path / "a", made.results.values()), ledger(tmp_path / "b", [other])
    with pytest.raises(UserError) as raised:
        report(made, a, b)
    said = str(raised.value)
    assert f"trial {trial_id} ({kept.config.name})" in said
    assert f"a/{trial_id}.json and b/{trial_id}.json" in said
    assert f"test accuracy {kept.metrics['test']['accuracy']} and 0.5" in said
    c = table(tmp_path / "c.parquet", made, {trial_id: other})
    with pytest.raises(UserError, match=rf"a/{trial_id}.json and c.parquet: test accuracy"):
        report(made, a, c)


def test_done_here_and_failed_there_is_a_difference(made: Made, tmp_path: Path) -> None:
    kept = next(r for r in made.results.values() if r.state is State.DONE)
    failed = next(r for r in made.results.values() if r.state is State.FAILED)
    broken = failed.model_copy(update={"trial_id": kept.trial_id, "config": kept.config})
    a, b = ledger(tmp_path / "a", [kept]), ledger(tmp_path / "b", [broken])
    with pytest.raises(UserError, match="state done and failed"):
        report(made, a, b)


def test_the_last_digit_is_a_difference(made: Made, tmp_path: Path) -> None:
    kept = next(r for r in made.results.values() if r.state is State.DONE)
    scores = kept.metrics["test"] | {"accuracy": kept.metrics["test"]["accuracy"] + 1e-12}
    b = ledger(tmp_path / "b", [kept.model_copy(update={"metrics": kept.metrics | {"test": scores}})])
    with pytest.raises(UserError, match="different values"):
        report(made, ledger(tmp_path / "a", [kept]), b)


def test_times_are_compared_on_one_kind_of_hardware(made: Made, whole: Report, tmp_path: Path) -> None:
    """Two seeds ran on one machine, the third on a GPU that is 100 times as fast; one cell ran on the GPU alone."""
    alone = "additive + concat · shared"

    def there(r: TrialResult) -> bool:
        return r.config.seed == 2 or r.config.cell == alone

    here = [r for r in made.results.values() if not there(r)]
    a = ledger(tmp_path / "a", here)
    b = ledger(tmp_path / "b", [moved(r) for r in made.results.values() if there(r)])
    merged = report(made, a, b)
    assert merged.context.provenance.timed_on == "processor x86_64, cores 2"
    for d in merged.context.datasets:
        for row in d.rows:
            if row.cost is None:
                continue
            was = whole.context.dataset(d.name).row(row.key)
            assert row.score == was.score and was.cost is not None and row.cost.parameters == was.cost.parameters
            if row.key == alone:
                assert row.cost.train_seconds is None and row.cost.inference_us is None
                assert not {"train_seconds", "inference_us"} & set(row.pareto)
            else:
                assert row.cost.train_seconds is not None and row.cost.train_seconds > 1
    assert any("ran on different hardware" in c and "cores 2" in c for c in merged.caveats)
    assert (merged.context.frame["train_seconds"] == 0.25).sum() > 50, "the file keeps every time"


FAST = {"processor": "fast", "cores": 8, "gpu": None}


def measured_later(r: TrialResult, hardware: Mapping[str, str | int | float | None] = FAST) -> TrialResult:
    """Its inference time was measured on another machine than it was trained on."""
    if r.state is not State.DONE:
        return r
    quantities = r.quantities | {"inference_us_per_sample": 0.001}
    return r.model_copy(update={"quantities": quantities, "measured_on": {"inference_us_per_sample": dict(hardware)}})


def test_what_a_probe_measured_elsewhere_is_not_compared_with_what_trials_measured(
    made: Made, whole: Report, tmp_path: Path
) -> None:
    """One cell was measured later, on a faster machine than all trials ran on."""
    cell = "additive + concat · shared"
    results = [measured_later(r) if r.config.cell == cell else r for r in made.results.values()]
    found = report(made, ledger(tmp_path / "a", results))
    origin = found.context.provenance
    assert origin.timed_on is None, "all trials ran on one kind"
    assert origin.measured_on == {"inference_us_per_sample": "processor x86_64, cores 2"}
    for d in found.context.datasets:
        row, was = d.row(cell), whole.context.dataset(d.name).row(cell)
        assert row.cost is not None and was.cost is not None and was.cost.inference_us is not None
        assert row.cost.inference_us is None and row.cost.train_seconds == was.cost.train_seconds
        assert "inference_us" not in row.pareto
    said = "Not all numbers of 'inference per sample' come from the hardware that their trials ran on"
    assert any(said in c and "x86_64" in c for c in found.caveats)
    assert not any(said in c for c in whole.caveats)
    # The file keeps the number and where it comes from.
    again = {
        r.trial_id: r
        for r in parquet.results(parquet.read(table(tmp_path / "t", made, {r.trial_id: r for r in results}), "t"), "t")
    }
    assert {i: r.measured_on for i, r in again.items()} == {r.trial_id: r.measured_on for r in results}


def test_what_was_measured_on_one_other_machine_throughout_is_compared_there(made: Made, tmp_path: Path) -> None:
    results = [measured_later(r) for r in made.results.values()]
    found = report(made, ledger(tmp_path / "a", results))
    assert found.context.provenance.measured_on == {"inference_us_per_sample": "processor fast, cores 8"}
    costs = [row.cost for d in found.context.datasets for row in d.rows if row.cost is not None]
    assert costs and all(cost.inference_us == pytest.approx(0.001) for cost in costs)


def test_a_quantity_that_one_source_alone_has_keeps_its_hardware(made: Made, tmp_path: Path) -> None:
    bare = {
        i: r.model_copy(
            update={"quantities": {k: v for k, v in r.quantities.items() if k != "inference_us_per_sample"}}
        )
        for i, r in made.results.items()
    }
    a = ledger(tmp_path / "a", bare.values())
    b = table(tmp_path / "b.parquet", made, {i: moved(r, FAST) for i, r in made.results.items()})
    found = report(made, a, b)
    done = found.context.frame[found.context.frame["state"] == "done"]
    assert done["inference_us_per_sample"].notna().all()
    assert all(json.loads(x) == {"inference_us_per_sample": FAST} for x in done["measured_on"])


def test_memory_of_the_machine_is_no_other_hardware(made: Made, tmp_path: Path) -> None:
    first, second = halves(made)
    facts = {"processor": "x86_64", "cores": 2, "gpu": None}
    a = ledger(tmp_path / "a", [moved(r, facts | {"memory_gib": 15.5}) for r in first.values()])
    b = ledger(tmp_path / "b", [moved(r, facts | {"memory_gib": 15.6}, 26) for r in second.values()])
    merged = report(made, a, b)
    assert merged.context.provenance.timed_on is None
    assert [s.last[:10] for s in merged.context.provenance.sources if s.last] == ["2026-11-24", "2026-11-26"]


def test_what_the_plan_does_not_declare_is_counted_with_its_reason(made: Made, tmp_path: Path) -> None:
    results = list(made.results.values())
    other_code = [
        r.model_copy(
            update={"trial_id": f"{i:016x}", "provenance": r.provenance.model_copy(update={"fingerprint": "new"})}
        )
        for i, r in enumerate(results[:4])
    ]
    other_data = results[5].model_copy(
        update={"trial_id": "f" * 16, "provenance": results[5].provenance.model_copy(update={"data_hash": "new"})}
    )
    a = ledger(tmp_path / "a", [*results, *other_code, other_data])
    (source,) = report(made, a).context.provenance.sources
    assert source.foreign == {"other source code": 4, "other data": 1} and source.used == len(results)
    b = ledger(tmp_path / "b", other_code)
    with pytest.raises(UserError, match=r"none of the 4 trials in b belongs .* \(4 other source code\)"):
        report(made, a, b)


def test_what_holds_no_results_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("no parquet")
    for name, said in (
        ("empty", "holds no finished trial; name a ledger"),
        ("nowhere", "does not exist; name a ledger"),
        ("one.json", "is one trial; name a ledger"),
        ("notes.txt", "is no Parquet file"),
    ):
        with pytest.raises(UserError, match=said):
            sources.read(tmp_path / name)


def test_a_projects_folder_is_its_ledger_and_a_reports_folder_its_file(made: Made, tmp_path: Path) -> None:
    ledger(tmp_path / "project" / "data" / "ledger", made.results.values())
    assert sources.read(tmp_path / "project", "project").name == "project/data/ledger"
    (tmp_path / "reports").mkdir()
    table(tmp_path / "reports" / "results.parquet", made, made.results)
    found = sources.read(tmp_path / "reports", "reports")
    assert (found.kind, found.name) == ("parquet", "reports/results.parquet")
    assert found.metrics == {"unique": "accuracy", "synergy": "accuracy"}


def test_a_trial_twice_in_one_file_is_told(made: Made, tmp_path: Path) -> None:
    frame = tidy(made.plan, made.results, made.families, {})
    parquet.write(frame.iloc[[0, 1, 0]], tmp_path / "twice.parquet")
    with pytest.raises(UserError, match="twice"):
        sources.read(tmp_path / "twice.parquet")


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from mmbench.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.mark.exhaustive
def test_the_command_merges_with_the_local_settings(tmp_path: Path) -> None:
    root = small_project.make(tmp_path / "project")
    (root / "pipeline").mkdir()
    (root / "pipeline" / "report.py").write_text((ROOT / "pipeline" / "report.py").read_text())
    loaded = small_project.finish(root)
    results = list(loaded.results.values())
    ledger(root / "one", results[:8])
    ledger(root / "two", results[6:])
    assert isinstance(loaded.params, Params)
    done = run(root, "report", "one", "two")
    assert done.returncode == 0, done.stderr
    assert "reports-merged/report.html" in done.stdout and not (root / "reports").exists()
    text = (root / "reports-merged" / "report.md").read_text(encoding="utf-8")
    assert "source: one: 8 trials on" in text and f"source: two: {len(results) - 6} trials on" in text
    metrics = json.loads((root / "reports-merged" / "metrics.json").read_text())
    assert metrics["done"] + metrics["failed"] == loaded.plan.declared - 2 and metrics["pending"] == 2
    page = (root / "reports-merged" / "report.html").read_text(encoding="utf-8")
    assert "Merged from 2 sources. one: 8 trials on" in page
    again = run(root, "report", "one", "reports-merged/results.parquet")
    assert again.returncode == 0, again.stderr
    wrong = run(root, "report", "one", "three")
    assert wrong.returncode == 1 and wrong.stderr.startswith("error: three does not exist; name a ledger")
