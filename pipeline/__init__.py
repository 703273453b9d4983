"""DVC stages of this repository: each runs the stage of `mmbench.stages` that is named like it."""

from mmbench.stages import catch_interrupts

catch_interrupts()
