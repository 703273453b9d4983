"""Before PyTorch is imported: one thread a test process.

Two processes of two threads each wait for each other on two cores, and models as small as these take several times as
long.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
