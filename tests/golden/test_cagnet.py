"""CaGNet, SPNet and ZS3Net against their reference tensors."""

from pathlib import Path

import kinds_cagnet_parts
import kinds_cagnet_steps
import kinds_criteria
import kinds_datasets
import kinds_evaluation
import pytest
import suite

KINDS: suite.Kinds = {
    **kinds_cagnet_parts.KINDS,
    **kinds_cagnet_steps.KINDS,
    **kinds_criteria.KINDS,
    **kinds_datasets.KINDS,
    **kinds_evaluation.KINDS,
}
NOT_YET: frozenset[str] = frozenset()


@pytest.mark.parametrize("path", suite.cases("cagnet"))
def test_cagnet(path: Path) -> None:
    suite.run(path, KINDS, NOT_YET)
