"""Parts by name, as YAML files know them."""

from __future__ import annotations

from typing import Any

from fvcore.common.registry import Registry

from .nearest import did_you_mean


class PartRegistry(Registry):
    """A registry whose refusal names the parts there are."""

    def get(self, name: str) -> Any:  # Any: registries hold classes of unrelated types
        if name not in self:
            known = sorted(key for key, _ in self)
            raise ValueError(
                f"no {self._name} is called {name!r}; there are {', '.join(known)}."
                + did_you_mean(name, known)
            )
        return super().get(name)


TEXT_ENCODER_REGISTRY = PartRegistry("text encoder")
GROUPING_REGISTRY = PartRegistry("grouping")
NAMING_REGISTRY = PartRegistry("naming")
AGGREGATION_REGISTRY = PartRegistry("aggregation")
REFINER_REGISTRY = PartRegistry("refiner")
READOUT_REGISTRY = PartRegistry("readout")
CRITERION_REGISTRY = PartRegistry("criterion")
LABEL_POLICY_REGISTRY = PartRegistry("label policy")
