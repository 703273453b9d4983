"""The description of a registered model: what it is, and how one row is predicted with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS

if TYPE_CHECKING:
    from mmbench.champion.inputs import InputBuilder


def card(uri: str, spec: DataSpec, builder: InputBuilder) -> str:
    """Markdown, a paragraph a line: MLflow breaks lines where they break here. uri: of the model. builder: makes its
    inputs."""
    from mmbench.champion.example import command

    raw = bool(builder.readers)
    columns = "paths, texts or numbers, as in the manifest" if raw else "arrays as `data/prepared` stores them"
    paragraphs = [
        f"The model to use on `{spec.name}`: of the method with the best mean over seeds on the validation split, by "
        f"{METRICS[spec.task.metric].label}, the seed that is best there. Test scores chose nothing.",
        "One row to predict, and its prediction:",
        _shell(command(builder), f"mmbench predict --model {uri} rows.jsonl"),
        "The same through a server, and a question to it:",
        _shell(
            "MMBENCH_ROOT=FOLDER mlflow models serve --env-manager local --port 5001 \\",
            f"  --model-uri {uri}",
        ),
        _shell(
            'curl http://127.0.0.1:5001/invocations -H "Content-Type: application/json" \\',
            '  -d "{\\"dataframe_records\\": [$(cat rows.jsonl)]}"',
        ),
        "`FOLDER` is where paths in rows start from, and no row can name a file outside of it. Without `MMBENCH_ROOT` "
        "the server reads no file at all: whoever starts it decides, not whoever asks. `mmbench predict` starts from "
        "the folder of `rows.jsonl`, or from `--files`.",
        f"One column a modality: {columns}; `.csv` and `.parquet` do as well. A row that cannot be read gets a "
        "message in `error`; the others are predicted.",
    ]
    if made := {name: one.path for name, one in builder.readers.items() if one.path and name in builder.modalities}:
        said = "; ".join(f"{name}: `{path}`" for name, path in made.items())
        paragraphs.append(f"Names of files are put together from columns (in braces), below that folder: {said}.")
    return "\n\n".join(paragraphs) + "\n"


def _shell(*lines: str) -> str:
    return "\n".join(["```sh", *lines, "```"])
