"""A clone of this repository with its own settings, data and ledger, in which commands are run as a user would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

from mmbench.ledger.store import Ledger
from mmbench.schema.result import TrialResult

ROOT = Path(__file__).resolve().parents[2]


class Clone:
    """A fresh clone in a folder of its own, with what is committed and what is about to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, folder], check=True)
        tracked = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
        )
        for name in tracked.stdout.decode().splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, folder / name)

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment in the clone."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if k not in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS")}
        return subprocess.run(
            words,
            cwd=self.folder,
            env=kept | {"PATH": path, "PYTHONPATH": str(self.folder)} | environment,
            capture_output=True,
            text=True,
            timeout=600,
        )

    def repro(self) -> str:
        done = self.run("dvc", "repro")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def settings(self, **sections: dict[str, object]) -> None:
        file = self.folder / "params.yaml"
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        for name, values in sections.items():
            raw[name] |= values
        file.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")

    def card(self, name: str, **fields: object) -> None:
        """Write the card of a data set."""
        folder = self.folder / "data" / "raw" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dataset.yaml").write_text(yaml.safe_dump(fields, sort_keys=False), encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.folder / name
        source = file.read_text(encoding="utf-8")
        assert source.count(old) == 1, f"{old!r} should stand once in {name}"
        file.write_text(source.replace(old, new), encoding="utf-8")

    def plan(self) -> dict[str, dict[str, object]]:
        """Every planned trial by its identifier, as the command line tells it."""
        told = self.run("mmbench", "plan", "--json")
        assert told.returncode == 0, told.stderr
        return {trial["trial_id"]: trial for trial in json.loads(told.stdout)["trials"]}

    def ledger(self) -> dict[str, TrialResult]:
        return Ledger(self.folder / "data" / "ledger").read()

    def results(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "reports" / "results.parquet").set_index("trial_id")
