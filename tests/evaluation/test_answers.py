import pytest
import torch
from torch import Tensor

from zs3.evaluation.answers import answering
from zs3.evaluation.calibration import RIVALS
from zs3.images import ImageBatch
from zs3.readout import PixelReadout
from zs3.refinement import SeenBias
from zs3.regions import Regions
from zs3.scene import Scene
from zs3.vocabulary import Vocabulary

VOCABULARIES = (
    Vocabulary(tuple("abcde"), (True, False, True, True, False)),
    Vocabulary(tuple("vwxyz"), (False, True, True, False, True)),
)
K, GRID, SIZE = 5, (3, 4), (12, 16)


class Model:
    """Stands for a segmentor that names the cells of a grid."""

    class_chunk = 2
    device = torch.device("cpu")

    def __init__(self, logits: Tensor, gamma: float = 0.0) -> None:
        self.logits = logits
        self.readout = PixelReadout(bias=SeenBias(gamma=gamma))

    def prepare(self, inputs):
        images = ImageBatch(tuple(x["image"] for x in inputs), size_divisibility=0)
        vocabularies = tuple(x["vocabulary"] for x in inputs)
        is_seen = torch.tensor([vocabulary.is_seen for vocabulary in vocabularies])
        scene = Scene(images, {}, Regions.of_pixels(self.logits), vocabularies, is_seen)
        return self.readout.prepare(scene, [self.logits.flatten(2).transpose(1, 2)])

    def predict(self, inputs):
        prepared = self.prepare(inputs)
        sizes = [(x.get("height", SIZE[0]), x.get("width", SIZE[1])) for x in inputs]
        return [self.readout.read(prepared, i, size) for i, size in enumerate(sizes)]


@pytest.fixture
def logits():
    return 3 * torch.randn(2, K, *GRID, generator=torch.Generator().manual_seed(0))


INPUTS = [
    {"image": torch.zeros(3, *SIZE), "height": 7, "width": 9, "vocabulary": vocabulary}
    for vocabulary in VOCABULARIES
]


def test_labels_have_the_size_that_is_asked_for(logits):
    model = Model(logits)
    for size, expected in (("label", (7, 9)), ("input", SIZE), ("grid", GRID)):
        answers = answering(model, size)(INPUTS)
        assert [answer["labels"].shape for answer in answers] == [expected] * 2
    for answer, own in zip(answering(model, "grid")(INPUTS), logits, strict=True):
        assert torch.equal(answer["labels"], own.argmax(0))


@pytest.mark.parametrize("size", ["label", "input", "grid"])
def test_rivals_know_what_other_gammas_would_answer(logits, size):
    plain = answering(Model(logits), size, with_rivals=True)(INPUTS)
    for gamma in (0.0, 0.15, 0.4):
        labels = answering(Model(logits, gamma), size)(INPUTS)
        for one, other in zip(plain, labels, strict=True):
            assert torch.equal(one[RIVALS].answers(gamma), other["labels"])
    assert torch.equal(plain[0]["labels"], plain[0][RIVALS].answers())


def test_padding_has_no_grid_of_its_own(logits):
    inputs = [INPUTS[0], {**INPUTS[1], "image": torch.zeros(3, 12, 13)}]
    with pytest.raises(
        ValueError, match=r"image is \(12, 13\), padded to \(12, 16\).*DIVISIBILITY"
    ):
        answering(Model(logits), "grid")(inputs)
