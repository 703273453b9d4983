"""The configurations of a study: what a method is trained under, beside what params.yaml says, with one seed.

docs/decisions/0033-a-seed-is-a-study.md has the reasons.
"""

from __future__ import annotations

from pydantic import JsonValue

from mmbench.errors import UserError, suggest
from mmbench.registry import Axis, Option, get
from mmbench.schema.params import Training
from mmbench.schema.trial import TrialConfig
from mmbench.schema.tuning import Distribution, Tuning, distribution, share

DECLARED = "tuned"
"""The class attribute by which a variant declares hyperparameters of its own: option -> distribution."""

Own = dict[str, tuple[str, Distribution, JsonValue]]
"""`axis.option` -> (the name of its stream, its distribution, its default)."""


def own_space(axis: Axis, name: str) -> Own:
    """What a variant declares. Raises UserError where that cannot be."""
    info = get(axis, name, where="plan")
    declared, options = info.attribute(DECLARED) or {}, info.options()
    found: Own = {}
    for option, value in declared.items():
        where = f"{info.module}: {DECLARED} of {name!r}"
        if option not in options:
            raise UserError(f"{where} names {option!r}, which is no option of it{suggest(option, options)}")
        default = options[option].default
        if default is Option.empty:
            raise UserError(f"{where}: {option!r} has no default, which configuration 0 needs")
        try:
            found[f"{axis}.{option}"] = (f"{axis}.{name}.{option}", distribution(value), default)
        except ValueError as error:
            raise UserError(f"{where}: {option}: {error}") from None
    return found


class Studies:
    """Of all trials of a plan."""

    def __init__(self, tuning: Tuning) -> None:
        self.tuning = tuning
        self._spaces: dict[tuple[Axis, str], Own] = {}

    def configurations(self, config: TrialConfig) -> list[TrialConfig]:
        """A trial as it is, then as it is drawn; only as it is where there is nothing to draw."""
        own = self._own(config) if self.tuning.configurations > 1 else {}
        if not own and (config.train is None or not self.tuning.space):
            return [config]
        return [config, *(self._drawn(config, own, number) for number in range(1, self.tuning.configurations))]

    def _drawn(self, config: TrialConfig, own: Own, number: int) -> TrialConfig:
        def draw(stream: str, space: Distribution, usual: JsonValue) -> JsonValue:
            return space.at(share(config.seed, number, stream), usual)

        train = config.train
        if train is not None:
            update = {name: draw(name, space, getattr(train, name)) for name, space in self.tuning.space.items()}
            train = Training(**dict(train) | update)
        hyperparameters = {key: draw(*found) for key, found in own.items()}
        return config.model_copy(update={"train": train, "hyperparameters": hyperparameters, "configuration": number})

    def _own(self, config: TrialConfig) -> Own:
        """Of all variants of a trial, less what params.yaml sets."""
        if config.baseline is not None:
            return self._space("baseline", config.baseline)
        return {
            key: found
            for axis, choice in config.choices()
            for key, found in self._space(axis, choice.name).items()
            if key.partition(".")[2] not in choice.options
        }

    def _space(self, axis: Axis, name: str) -> Own:
        if (axis, name) not in self._spaces:
            self._spaces[axis, name] = own_space(axis, name)
        return self._spaces[axis, name]
