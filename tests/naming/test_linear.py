import pytest
import torch

from zs3.config import get_config
from zs3.naming import Linear, build_naming
from zs3.regions import Regions


@pytest.mark.parametrize(("with_void", "columns"), [(True, 5), (False, 4)])
def test_its_own_vocabulary_gets_logits(with_void, columns):
    naming = Linear(in_dim=6, num_classes=4, with_void=with_void)
    regions = Regions(torch.randn(2, 3, 6), grid=(1, 3))
    logits = naming(regions, torch.empty(4, 1, 0))
    assert logits.shape == (2, 3, columns)
    torch.testing.assert_close(logits, naming(regions, torch.empty(2, 4, 7, 9)))


def test_another_vocabulary_is_refused():
    naming = Linear(in_dim=6, num_classes=4)
    with pytest.raises(ValueError, match="trained for 4 classes and is asked about 7"):
        naming(Regions(torch.randn(2, 3, 6), grid=(1, 3)), torch.empty(7, 1, 0))


def test_the_configuration_says_for_how_many_classes_it_is():
    opts = ["MODEL.NAMING.NAME", "Linear", "MODEL.NAMING.NUM_CLASSES", "7"]
    naming = build_naming(get_config(opts=opts), embedding_dim=5, text_dim=3)
    assert naming.linear.weight.shape == (8, 5)
