"""Prepared sound is the same to the last bit whatever the number of threads and the kernels of the processor.

Its hash is part of every trial's identity, by which results of several machines are put together.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib
import numpy as np
from mmbench.data.decode.audio import AudioDecoder
from mmbench.data.synthetic.audio import SAMPLES, log_mel

waves = 0.1 * np.random.default_rng(0).standard_normal((512, SAMPLES), np.float32)
own = AudioDecoder(rate=16_000)
own.hop = 160
own._tune()
made = [log_mel(waves), own.log_mel(waves[:32].ravel())]
print(*(hashlib.sha256(x.astype(np.float16).tobytes()).hexdigest() for x in made))
"""
# OpenBLAS on x86-64 is told which processor to take this one for; elsewhere it does not listen.
MACHINES = (
    {"OMP_NUM_THREADS": "1"},
    {"OMP_NUM_THREADS": "2"},
    {"OMP_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "SANDYBRIDGE"},
)


@pytest.mark.slow
def test_sound_is_the_same_on_every_machine() -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], env=os.environ | machine, stdout=subprocess.PIPE, text=True)
        for machine in MACHINES
    ]
    hashes = {process.communicate(timeout=120)[0].strip() for process in running}
    assert all(process.returncode == 0 for process in running)
    assert len(hashes) == 1 and len(hashes.pop().split()) == 2
