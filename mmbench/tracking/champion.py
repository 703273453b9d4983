"""The best model of each data set in MLflow: logged by its trial's run, registered, with the alias `champion`."""

from __future__ import annotations

import logging
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmbench.errors import UserError, suggest
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS
from mmbench.schema.params import Tracking
from mmbench.schema.plan import Job
from mmbench.schema.result import TrialResult
from mmbench.tracking.model_card import card
from mmbench.tracking.run import result_hash
from mmbench.tracking.runs import find
from mmbench.tracking.store import Store, check_owners, plain_errors, quiet, sqlite_file, tracking_uri
from mmbench.tracking.summary import add_champion

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from mmbench.champion.inputs import InputBuilder
    from mmbench.champion.restore import Restored

ALIAS = "champion"
ADDRESS = re.compile(r"models:/([^@/]+)(?:@([^@/]+)|/(\d+|latest))?")
"""Of a registered model by alias or version, or of a logged one by its id."""
GIVE = "give models:/NAME@champion or models:/NAME/VERSION"
URI = "MLFLOW_TRACKING_URI"
CODE = Path(__file__).with_name("pyfunc.py")
REQUIRED = ("mmbench", "mlflow", "torch", "numpy", "pandas", "safetensors")


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A version of a registered model."""

    name: str
    version: str

    @property
    def uri(self) -> str:
        return f"models:/{self.name}@{ALIAS}"


def model_name(settings: Tracking, dataset: str) -> str:
    """Experiment and data set: `mmbench-synergy`."""
    return re.sub(r"[/:]", "-", f"{settings.experiment}-{dataset}")


def _hash(kept: TrialResult) -> str:
    """Of what training found: a metric or a probe that is added later does not make it another model."""
    return result_hash(kept if kept.outputs is None else kept.bare())


def registered(store: Store, settings: Tracking, kept: TrialResult) -> Registered | None:
    """The champion of the trial's data set where it is this very result already; None where another is, or none."""
    from mlflow.exceptions import MlflowException

    name = model_name(settings, kept.config.dataset)
    with plain_errors(store.uri):
        try:
            found = store.client.get_model_version_by_alias(name, ALIAS)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        same = found.tags.get("result_hash") == _hash(kept) and _has_run(store, found.run_id)
    return Registered(name=name, version=str(found.version)) if same else None


def _has_run(store: Store, run_id: str | None) -> bool:
    """Whether a model's run is still there: one that was written anew leaves its model without."""
    from mlflow.exceptions import MlflowException

    if not run_id:
        return True
    try:
        return bool(store.client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException:
        return False


def register(
    store: Store, settings: Tracking, job: Job, restored: Restored, spec: DataSpec, prepared: Path
) -> Registered:
    """Log the trained model by the run of its trial, register it, and let the alias point at it; attach to the summary
    run where it errs. prepared: the folder of its data. Raises TrackingError."""
    from mmbench.champion import bundle, errors
    from mmbench.champion.predictor import Predictor

    name = model_name(settings, spec.name)
    with tempfile.TemporaryDirectory(prefix="mmbench-champion-") as scratch, plain_errors(store.uri), store.lock:
        folder = Path(scratch) / "model"
        bundle.save(folder, restored.model, restored.result, prepared)
        errors.write(restored, spec, Path(scratch) / spec.name)
        run = find(store, job.trial_id).get(job.trial_id)
        builder = Predictor.load(folder).inputs
        made = _log(store, name, None if run is None else run.run_id, folder, _signature(builder, spec))
        _tell(store, made, restored, spec, builder)
        add_champion(store, spec.name, f"{name}: {_sentence(restored, spec)}", Path(scratch) / spec.name)
    return made


def _log(store: Store, name: str, run_id: str | None, folder: Path, signature: Any) -> Registered:
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    with _global(store.uri):
        mlflow.set_experiment(experiment_id=store.experiment_id)
        info = Model.log(
            artifact_path=None,
            name="model",
            flavor=mlflow.pyfunc,
            run_id=run_id,
            python_model=str(CODE),
            artifacts={"model": str(folder)},
            signature=signature,
            # As they are here: MLflow would load the model in another process to find them out.
            pip_requirements=[f"{package}=={version(package)}" for package in REQUIRED],
        )
        try:
            store.client.get_registered_model(name)
        except MlflowException:
            store.client.create_registered_model(name)
        source = f"models:/{info.model_id}"
        made = store.client.create_model_version(
            name, source, run_id=run_id, model_id=info.model_id, await_creation_for=None
        )
    return Registered(name=name, version=str(made.version))


@contextmanager
def _global(uri: str) -> Iterator[None]:
    """MLflow looks for models wherever its globals point: here they point at `uri`, and afterwards where they did.
    What it says on the way (an example of an input would be welcome) is for its developers."""
    import mlflow

    before, log = os.environ.get(URI), logging.getLogger("mlflow")
    level = log.level
    log.setLevel(logging.ERROR)
    mlflow.set_tracking_uri(uri)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        # It wrote into the environment too.
        mlflow.set_tracking_uri(before or "")
        if before is None:
            os.environ.pop(URI, None)
        log.setLevel(level)


def _signature(builder: InputBuilder, spec: DataSpec) -> Any:
    """The columns by name. Any value: a picture is a path or an array, and an empty cell is a missing modality."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    inputs = Schema([ColSpec(AnyType(), column, required=False) for column in builder.columns()])
    task = spec.task
    if task.kind == "regression":
        several = len(task.targets) > 1
        names = {f"prediction.{t}" if several else "prediction": DataType.double for t in task.targets}
    else:
        names = {"prediction": DataType.string} | {f"probability.{t}": DataType.double for t in task.targets}
    outputs = [ColSpec(kind, name, required=False) for name, kind in (names | {"error": DataType.string}).items()]
    return ModelSignature(inputs=inputs, outputs=Schema(outputs))


def _sentence(restored: Restored, spec: DataSpec) -> str:
    config, metric = restored.result.config, spec.task.metric
    scores = {split: values.get(metric, float("nan")) for split, values in restored.result.metrics.items()}
    return (
        f"{config.cell}, seed {config.seed}: {METRICS[metric].label} {scores['test']:.3f} on test, "
        f"{scores['validation']:.3f} on validation, by which it was chosen."
    )


def _agreement(restored: Restored, spec: DataSpec) -> str:
    """Where the weights come from, what was checked of them, and what came of it."""
    if restored.origin == "weights":
        how = "bit by bit" if restored.exact else "but for rounding"
        return f"It has the weights that were kept; on test they give the ledger's outputs {how}."
    if restored.exact:
        return "It was trained again for its weights; its scores are the ledger's, bit by bit."
    was = restored.kept.metrics["test"].get(spec.task.metric, float("nan"))
    return (
        "It was trained again for its weights, on other hardware or libraries than the sweep: the ledger says "
        f"{was:.3f} on test for the same trial."
    )


def _tell(store: Store, made: Registered, restored: Restored, spec: DataSpec, builder: InputBuilder) -> None:
    """Descriptions, tags and the alias."""
    kept, client = restored.kept, store.client
    note = (
        f"{_sentence(restored, spec)} {_agreement(restored, spec)}\n\nTrial `{kept.trial_id}` of the ledger. "
        "Weights are safetensors, everything else is JSON."
    )
    tags = {
        "trial_id": kept.trial_id,
        "result_hash": _hash(kept),
        "dataset": spec.name,
        "cell": kept.config.cell,
        "origin": "weights" if restored.origin == "weights" else "retraining",
    }
    if restored.origin != "weights":
        tags["reproduced"] = "yes" if restored.exact else "no"
    client.update_model_version(made.name, made.version, description=note)
    for key, value in tags.items():
        client.set_model_version_tag(made.name, made.version, key, value)
    client.update_registered_model(made.name, description=card(made.uri, spec, builder))
    client.set_registered_model_tag(made.name, "dataset", spec.name)
    client.set_registered_model_alias(made.name, ALIAS, made.version)


def fetch(uri: str, root: Path) -> Path:
    """The folder of the model that `uri` names: `models:/NAME@champion`, `models:/NAME/VERSION`, or a path.

    root: of the project whose MLflow is asked. Nothing in the model is executed. Raises UserError.
    """
    if not uri.startswith(("models:", "runs:")):
        return _bundle(Path(uri), uri)
    if uri.startswith("models:") and ADDRESS.fullmatch(uri) is None:
        raise UserError(f"--model {uri}: that is no address of a model; {GIVE}")
    where = tracking_uri(root)
    if (database := sqlite_file(where)) is not None and not database.exists():
        # MLflow would make an empty one, wherever this is.
        raise UserError(
            f"--model {uri}: there is no MLflow database {database}; run this in the folder of the project, "
            f"or say with {URI} where MLflow is"
        )
    quiet()
    check_owners(root, where)
    with plain_errors(where):
        import mlflow
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            with _global(where):
                folder = mlflow.artifacts.download_artifacts(artifact_uri=uri)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            said = " ".join(str(error.message).split()).rstrip(".")
            hint = _missing(uri, said, MlflowClient(tracking_uri=where))
            raise UserError(f"--model {uri}: {hint}") from None
    return _bundle(Path(folder), uri)


def _missing(uri: str, said: str, client: MlflowClient) -> str:
    """What is not there, and what is. said: by MLflow."""
    known = [m.name for m in client.search_registered_models()]
    address = ADDRESS.fullmatch(uri)
    if not known:
        return f"{said}; `mmbench champion` registers some"
    if address is None:
        return said
    name, alias, version = address.groups()
    if alias is None and version is None:
        return f"{said}; {GIVE}"
    if name not in known:
        return f"MLflow has no model {name!r}{suggest(name, known)}"
    if alias is not None:
        return f"{name} has no alias {alias!r}{suggest(alias, client.get_registered_model(name).aliases)}"
    versions = sorted(int(v.version) for v in client.search_model_versions(f"name = '{name}'"))
    return f"{name} has no version {version!r}; known: {', '.join(map(str, versions))}"


def _bundle(folder: Path, said: str) -> Path:
    from mmbench.champion.bundle import MODEL

    for found in (folder, folder / "artifacts" / "model"):
        if (found / MODEL).is_file():
            return found
    raise UserError(f"--model {said}: no model of mmbench lies there; give models:/NAME@champion, or such a folder")
