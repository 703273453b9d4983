"""What all affect data sets share as loaders."""

from __future__ import annotations

from typing import ClassVar

from mmbench.data.files.source import Root
from mmbench.data.public import affect
from mmbench.data.public.loader import Loader
from mmbench.data.table.table import Table
from mmbench.schema.task import Task

MULTIBENCH = (
    "Liang, P. P. et al. (2021). MultiBench: multiscale benchmarks for multimodal representation learning. "
    "NeurIPS Datasets and Benchmarks."
)
MMSA = (
    "Mao, H. et al. (2022). M-SENA: an integrated platform for multimodal sentiment analysis. "
    "ACL System Demonstrations."
)
README = "https://github.com/pliang279/MultiBench"
MMSA_README = "https://github.com/thuiar/MMSA"
REVISION = (
    "as linked by MultiBench's README at dd28712b38e922db112cd27c233ba8398cf42d9b and MMSA's at "
    "a94e65d07fa1ae0d44e552390074b29b0898edfd"
)


class AffectLoader(Loader):
    """file: the pickle, where there are several below the root. text: its features, or the transcripts, which MMSA's
    files have."""

    task: ClassVar[Task]
    expected: ClassVar[str]
    bound: ClassVar[float | None] = None
    videos: ClassVar[bool] = False

    def __init__(self, *, file: str = "", text: affect.Text = "features") -> None:
        self.file, self.text = file, text

    def table(self, root: Root) -> Table:
        file = affect.find(root, self.file, self.expected)
        return affect.table(root, file, self.task, text=self.text, bound=self.bound, videos=self.videos)
