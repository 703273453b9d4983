"""What is said of a column with a pretrained encoder: its files are found, as `prepare` will, but it is not run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from mmbench.data.decode.base import Decoder
from mmbench.data.encode.files import EXTRA
from mmbench.errors import UserError


def describe(made: Decoder, name: str) -> tuple[str, list[str]]:
    """How the modality `name` will be prepared, and what should be known. Raises UserError, as `prepare` does, where
    the encoder cannot be had."""
    # Late: not every data set has one.
    from mmbench.data.encode.encoded import Encoded

    assert isinstance(made, Encoded), "the option `encoder` makes one"
    if find_spec("transformers") is None:
        raise UserError(EXTRA)
    files = made.files
    what = "one vector of features" if made.pool else f"up to {made.tokens} tokens of features"
    notes = []
    if made.revision is None and not Path(made.encoder).expanduser().is_dir():
        notes.append(
            f"{name}: {made.encoder} without a revision is whatever its owner uploads next; today's is "
            f"`revision: {files.identity}`"
        )
    return f"{what} from {files.label} @ {files.identity[:12]}, frozen (`check` does not run it)", notes
