import numpy as np
import pytest

from zs3.evaluation.sizes import at_size


@pytest.mark.parametrize(("old", "new"), [(13, 5), (121, 47), (6, 34), (20, 74), (3, 11)])
def test_rows_and_columns_by_the_rule_in_double_precision(old, new):
    index = [min(int(i * (1 / (new / old))), old - 1) for i in range(new)]
    labels = np.arange(old)[:, None] * 100 + np.arange(7)
    assert at_size(labels, (new, 7))[:, 0].tolist() == [100 * i for i in index]
    assert at_size(labels.T, (7, new))[0].tolist() == [100 * i for i in index]


def test_the_same_size_is_left_alone():
    labels = np.full((2, 3), 65535)
    assert at_size(labels, (2, 3)) is labels
