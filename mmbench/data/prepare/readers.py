"""How the cells of a prepared data set were read, kept beside it as JSON: other rows are decoded alike, later.

Sizes, vocabularies and rates are fitted to the training samples once, in `prepare`. Nothing here is a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, JsonValue

from mmbench.data.decode.base import Decoder, Layout
from mmbench.data.decode.factory import decoder
from mmbench.data.table.table import Column, Kind
from mmbench.errors import UserError
from mmbench.schema.strict_yaml import Frozen, Names, parse

FILE = "decoders.json"


class Reader(Frozen):
    """One modality. options, state: of its decoder. shape, dtype, steps, whole: of its layout. columns: of the manifest
    that it is read from, in this order; none: one of its own name. files: whether texts lie in files. path: how names
    of files are put together of those columns; optional: whether a sample may have no such file."""

    kind: Kind
    options: dict[str, JsonValue]
    state: dict[str, JsonValue]
    shape: Annotated[tuple[int, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)]
    dtype: str
    steps: int
    whole: bool
    columns: Names = ()
    files: bool = False
    path: str = ""
    optional: bool = False

    def decoder(self, name: str) -> Decoder:
        """As `prepare` fitted it. Raises UserError where it cannot be made."""
        made = decoder(self.kind, self.options, where=f"{FILE}: {name}")
        try:
            made.restore(self.state)
        except UserError:
            raise
        except Exception as error:
            # A tokenizer that is broken raises a bare Exception.
            raise UserError(f"{FILE}: {name} cannot be restored ({type(error).__name__}: {error})") from None
        return made


def reader(column: Column, made: Decoder, layout: Layout) -> Reader:
    """What reads other cells as `made`, fitted to this column, does."""
    return Reader(
        kind=column.kind,
        options=dict(column.options),
        state=made.state(),
        shape=layout.shape,
        dtype=layout.dtype,
        steps=layout.steps,
        whole=layout.whole,
        columns=column.named,
        files=column.files,
        path=column.path,
        optional=column.optional,
    )


def to_json(readers: Mapping[str, Reader]) -> str:
    return json.dumps({name: one.model_dump(mode="json") for name, one in readers.items()}, indent=1) + "\n"


def load(folder: Path) -> dict[str, Reader]:
    """Those of a prepared data set, by modality; none of a generated one. Raises UserError where the file is broken."""
    file = folder / FILE
    if not file.exists():
        return {}
    try:
        raw: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file} cannot be read ({error}); prepare the data set again") from None
    if not isinstance(raw, dict):
        raise UserError(f"{file} is no mapping of modalities; prepare the data set again")
    return {name: parse(Reader, one, file) for name, one in raw.items()}
