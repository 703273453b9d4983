"""What MLflow takes as teams run it: `python -m benchmarks.tracking`.

A real MLflow server on a real PostgreSQL, both on this machine's loopback, gets a ledger of 5,000 invented trials by
`mmbench track`; then once more, when all are there. Then a second experiment gets the same, the server is killed with
kill -9 when about half of the trials are there, started again, and asked once more. Ends with 1 where a trial is
missing or is there twice.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from mmbench.cli.project import Loaded
from mmbench.errors import UserError
from mmbench.schema.params import Tracking
from mmbench.tracking import open_store, sync
from tests.support import postgres, small_project


def loaded(folder: Path, trials: int) -> Loaded:
    """A project with a ledger of about so many trials that are done."""
    import yaml

    root = small_project.make(folder)
    raw = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    raw["grid"]["seeds"] = 1
    # Baselines are fitted once.
    methods = sum(job.config.role != "baseline" for job in small_project.read(root).plan.jobs)
    raw["grid"]["seeds"] = min(1000, -(-trials // methods))
    (root / "params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    empty = small_project.read(root)
    for job in empty.plan.jobs[:trials]:
        empty.ledger.write(small_project.result(job))
    return small_project.read(root)


def run_ids(settings: Tracking, root: Path) -> Counter[str]:
    """How many runs each trial has."""
    store, found, token = open_store(settings, root), Counter[str](), None
    while True:
        page = store.client.search_runs(
            [store.experiment_id], "tags.trial_id LIKE '%'", max_results=1000, page_token=token
        )
        found.update(run.data.tags["trial_id"] for run in page)
        if not (token := page.token):
            return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5000)
    chosen = parser.parse_args()
    if (why := postgres.missing()) is not None:
        print(why, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, postgres.database() as address:
        root, port = Path(folder), postgres.free_port()
        project, artifacts = loaded(root, chosen.trials), root / "artifacts"
        wanted = Counter(project.results.keys())
        os.environ["MLFLOW_TRACKING_URI"] = f"http://{postgres.LOOPBACK}:{port}"

        def track(name: str) -> tuple[str, float]:
            settings, began = Tracking(enabled=True, experiment=name), time.perf_counter()
            try:
                counts = sync(settings, project.plan, project.results, project.specs, root)
            except UserError as error:
                return str(error), time.perf_counter() - began
            return f"{counts.added} added, {counts.unchanged} unchanged", time.perf_counter() - began

        def told(what: str, found: tuple[str, float]) -> None:
            each = 1000 * found[1] / len(wanted)
            print(f"{what}: {found[0]}; {found[1]:.1f} s, {each:.1f} ms a trial", flush=True)

        with postgres.mlflow_server(address, artifacts, port) as server:
            first = track("whole")
            told("first time", first)
            told("again", track("whole"))
            whole = run_ids(Tracking(enabled=True, experiment="whole"), root)
            settings = Tracking(enabled=True, experiment="killed")
            open_store(settings, root)
            ended: list[tuple[str, float]] = []
            beside = threading.Thread(target=lambda: ended.append(track("killed")))
            beside.start()
            beside.join(first[1] / 2)
            postgres.kill(server)
            beside.join()
            told("killed at half", ended[0])
        with postgres.mlflow_server(address, artifacts, port):
            half = run_ids(settings, root)
            told(f"after {half.total()} were there", track("killed"))
            killed = run_ids(settings, root)
    right = whole == killed == wanted and 0 < half.total() < len(wanted)
    print(f"{len(wanted)} trials, each one run in both experiments: {'ok' if right else 'NO'}")
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
