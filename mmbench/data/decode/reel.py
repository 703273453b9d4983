"""The frames of a film that are held while it is decoded, and which of them are taken: even in time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

UNEVEN = 1.5
"""A film whose frames stray farther from even times than so many of its usual distances has a variable frame rate; in
others, times are rounded, or a frame was left out."""


class Reel:
    """Of a film with more than `most` frames, every second one is let go, again and again; where times are uneven,
    those that lie closest together."""

    def __init__(self, most: int) -> None:
        self.most, self.count, self.stride = most, 0, 1
        self.frames: list[np.ndarray] = []
        self.times: list[float] = []
        self.timed = True
        self._last = -np.inf
        self._let_go: Callable[[], np.ndarray] | None = None

    def add(self, make: Callable[[], np.ndarray], time: float | None) -> None:
        """make: the frame, made only where it is held. time: seconds at which it is shown, if that is known."""
        # Times that are missing or go back are not believed: then frames are even by count.
        self.timed = self.timed and time is not None and time > self._last
        at = 0.0 if time is None else time
        if self._let_go is not None and self._long(at - self._last):
            # It is what was shown all that time.
            self._hold(self._let_go, self._last)
        held = self.count % self.stride == 0 or self._long(at - self.times[-1])
        if held:
            self._hold(make, at)
        self._let_go, self._last = None if held else make, at
        self.count += 1

    def _hold(self, make: Callable[[], np.ndarray], time: float) -> None:
        self.frames.append(make())
        self.times.append(time)
        if len(self.frames) > self.most:
            self._thin()

    def taken(self, steps: int) -> list[np.ndarray]:
        """The middle of each of so many equal stretches; all frames of an even film that has fewer."""
        if self._uneven():
            # Each frame is shown until the next one comes.
            times = np.array(self.times)
            end = times[-1] + np.median(np.diff(times))
            middles = times[0] + (np.arange(steps) + 0.5) * (end - times[0]) / steps
            at = np.searchsorted(times, middles, side="right") - 1
        else:
            real = min(steps, len(self.frames))
            at = ((np.arange(real) + 0.5) * len(self.frames) / real).astype(int)
        return [self.frames[i] for i in at.tolist()]

    def _uneven(self) -> bool:
        if not self.timed or len(self.times) < 3:
            return False
        times = np.array(self.times)
        even = np.linspace(times[0], times[-1], len(times))
        return bool(np.abs(times - even).max() > UNEVEN * (times[-1] - times[0]) / (len(times) - 1))

    def _long(self, seconds: float) -> bool:
        """Whether a frame that is shown so long stands for much of the film."""
        if not self.timed or len(self.times) < 3:
            return False
        return seconds > UNEVEN * (self.times[-1] - self.times[0]) / (len(self.times) - 1)

    def _thin(self) -> None:
        if not self._uneven():
            self.frames, self.times, self.stride = self.frames[::2], self.times[::2], 2 * self.stride
            return
        # A power of two: a distance that grew with the film would let go again and again what it had just kept.
        apart = 2.0 ** np.ceil(np.log2((self.times[-1] - self.times[0]) / (self.most // 4)))
        kept = [0]
        for i, time in enumerate(self.times[:-1]):
            if time - self.times[kept[-1]] >= apart or (self.times[i + 1] - time >= apart and i > kept[-1]):
                kept.append(i)
        kept.append(len(self.times) - 1)
        self.frames, self.times = [self.frames[i] for i in kept], [self.times[i] for i in kept]
