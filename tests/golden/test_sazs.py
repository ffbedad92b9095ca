"""SAZS and LSeg against their reference tensors."""

from pathlib import Path

import kinds_datasets
import kinds_evaluation
import kinds_sazs_losses
import kinds_sazs_models
import kinds_sazs_spectral
import pytest
import suite

KINDS: suite.Kinds = {
    **kinds_datasets.KINDS,
    **kinds_evaluation.KINDS,
    **kinds_sazs_losses.KINDS,
    **kinds_sazs_models.KINDS,
    **kinds_sazs_spectral.KINDS,
}
NOT_YET: frozenset[str] = frozenset()


@pytest.mark.parametrize("path", suite.cases("sazs"))
def test_sazs(path: Path) -> None:
    suite.run(path, KINDS, NOT_YET)
