"""A mechanism whose `attend` takes separate arguments is refused where it is defined, with the signature to write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from mmbench.errors import UserError
from mmbench.model.interfaces import Attention, Heads, Pooling, Values
from tests.support import small_project

RIGHT = "def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:"

OLD = '''
from torch import Tensor

from mmbench.model.interfaces import Attention
from mmbench.registry import variant


@variant("old", source="own")
class Old(Attention):
    """y = v, (B, H, M, d) -> (B, H, M, d)."""

    def attend(
        self,
        q_BHNd: Tensor | None,
        k_BHMd: Tensor | None,
        v_BHMd: Tensor,
        kv_mask_BM: Tensor,
        *,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        return v_BHMd, None
'''


def test_separate_arguments_are_refused_with_class_file_and_the_new_signature() -> None:
    with pytest.raises(UserError) as caught:

        class Old(Attention):
            def attend(self, q: Any, k: Any, v: Any, mask: Any, *, need_weights: bool = False, q_mask_BN: Any = None):  # type: ignore[no-untyped-def, override]
                return v, None

    message = str(caught.value)
    assert message.startswith(f"{__file__}: ")
    assert "Old.attend takes (self, q, k, v, mask, *, need_weights, q_mask_BN)" in message
    assert RIGHT in message


def test_so_is_one_that_cannot_be_asked_for_weights() -> None:
    with pytest.raises(UserError, match=r"Silent\.attend takes \(self, heads\)"):

        class Silent(Attention):
            def attend(self, heads: Heads) -> tuple[Tensor, None]:  # type: ignore[override]
                return heads.v, None


def test_the_signature_of_the_interface_and_inherited_ones_are_accepted() -> None:
    class Copies(Attention):
        def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
            return heads.v, None

    class Inherits(Copies):
        pass

    class First(Pooling):
        def attend(self, heads: Values, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
            return heads.v[:, :, :1], None

    assert Inherits(1, 1).content_based and not First(1, 1).content_based


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the metadata of a distribution that brings an attention in the old signature."""
    info = tmp_path / "site" / "old-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: old\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mmbench.attention]\nold = old_attention\n")
    (tmp_path / "site" / "old_attention.py").write_text(OLD)
    return tmp_path / "site"


@pytest.mark.slow
def test_a_plan_that_names_it_stops_with_this_message_before_anything_is_trained(
    installed: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    small_project.make(project)
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); from mmbench.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "plan", "--root", str(project)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert f"error: {installed / 'old_attention.py'}: Old.attend takes (self, q_BHNd, k_BHMd, " in done.stderr
    assert RIGHT in done.stderr and "Traceback" not in done.stderr
