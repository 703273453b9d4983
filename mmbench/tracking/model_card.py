"""The description of a registered model: what it is, and how one row is predicted with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS

if TYPE_CHECKING:
    from mmbench.champion.inputs import InputBuilder


def card(uri: str, spec: DataSpec, builder: InputBuilder) -> str:
    """Markdown. uri: of the model. builder: makes its inputs."""
    from mmbench.champion.example import command

    raw = bool(builder.readers)
    columns = "paths, texts or numbers, as in the manifest" if raw else "arrays as `data/prepared` stores them"
    asked = """-d "{\\"dataframe_records\\": [$(cat rows.jsonl)]}\""""
    return f"""\
The model to use on `{spec.name}`: of the method with the best mean over seeds on the validation split, by
{METRICS[spec.task.metric].label}, the seed that is best there. Test scores chose nothing.

One row to predict, and its prediction:

```sh
{command(builder)}
mmbench predict --model {uri} rows.jsonl
```

The same through a server:

```sh
MMBENCH_ROOT=FOLDER mlflow models serve --model-uri {uri} --env-manager local --port 5001
curl -H "Content-Type: application/json" {asked} http://127.0.0.1:5001/invocations
```

`FOLDER` is where paths in rows start from, and no row can name a file outside of it. Without `MMBENCH_ROOT` the server
reads no file at all: whoever starts it decides, not whoever asks. `mmbench predict` starts from the folder of
`rows.jsonl`, or from `--root`.

One column a modality: {columns}; `.csv` and `.parquet` do as well. A row that cannot be read gets a message in `error`;
the others are predicted.
"""
