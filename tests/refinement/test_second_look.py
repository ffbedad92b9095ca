from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from zs3.images import ImageBatch
from zs3.refinement import ClipSecondLook, CropLook, Crops, ProposalFilter, RenormalizedFusion
from zs3.regions import Regions
from zs3.scene import Scene
from zs3.vocabulary import Vocabulary

N, H, W = 5, 12, 16
COLOURS = {
    "red": torch.tensor([1.0, 0.0, 0.0]),
    "green": torch.tensor([0.0, 1.0, 0.0]),
    "blue": torch.tensor([0.0, 0.0, 1.0]),
}
SEEN = (True, False, True)


class MeanColour(nn.Module):
    """An image tower of three dimensions that remembers how many images it got at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.passes.append(len(images))
        return images.mean((2, 3))


class Colours(nn.Module):
    """A text bank that knows three colours."""

    dim = 3

    def forward(self, vocabularies: tuple[Vocabulary, ...]) -> Tensor:
        text = [torch.stack([COLOURS[n] for n in v.names])[:, None] for v in vocabularies]
        return text[0] if len(text) == 1 else torch.stack(text)


def second_look(
    batch: int = 64, proposals: ProposalFilter | None = None, seen_weight: float = 1.0
) -> ClipSecondLook:
    """CLIP alone, unless the seen weight says otherwise; colours of 0..255 become 0..1."""
    return ClipSecondLook(
        clip=SimpleNamespace(logit_scale=torch.tensor(10.0).log()),
        look=CropLook(MeanColour(), 3, Crops(4), batch),
        text=Colours(),
        fusion=RenormalizedFusion(seen_weight=seen_weight, unseen_weight=1.0),
        pixel_mean=(0.0, 0.0, 0.0),
        pixel_std=(255.0, 255.0, 255.0),
        proposals=proposals,
    )


def scene(*names: tuple[str, ...], size: int = 1) -> Scene:
    """`size` images with a red left half and a blue right half, and N vertical bands as masks."""
    image = torch.zeros(3, H, W, dtype=torch.uint8)
    image[0, :, :8] = image[2, :, 8:] = 255
    masks = torch.full((size, N, H, W), -1.0)
    for band in range(N):
        masks[:, band, :, 3 * band : 3 * band + 3] = 1
    vocabularies = tuple(Vocabulary(n, SEEN) for n in names)
    is_seen = torch.tensor([SEEN] * len(names))
    regions = Regions(torch.zeros(size, N, 0), (H, W), masks)
    return Scene(ImageBatch((image,) * size), {}, regions, vocabularies, is_seen)


NAMES = ("green", "red", "blue")


def test_a_red_segment_is_called_red() -> None:
    logits = torch.zeros(1, N, 4)

    scores = second_look()(logits, scene(NAMES))

    # Objectness of equal logits is 3/4. The first band is all red: cosines 0, 1, 0 at scale 10.
    expected = torch.tensor([0.0, 10.0, 0.0]).softmax(0) * 0.75
    torch.testing.assert_close(scores[0, 0], expected)
    assert scores[0].argmax(-1).tolist()[:2] == [1, 1]
    assert scores[0].argmax(-1).tolist()[3:] == [2, 2]


def test_the_head_is_heard_too() -> None:
    logits = torch.tensor([4.0, 0.0, 0.0, 0.0]).expand(1, N, 4)

    heard = second_look(seen_weight=0.0)(logits, scene(NAMES))

    assert (heard[..., 0] > second_look()(logits, scene(NAMES))[..., 0]).all()


@pytest.mark.parametrize("batch", [1, 3, 10, 64])
def test_batches_bound_the_passes_and_change_nothing(batch: int) -> None:
    logits, both = torch.randn(2, N, 4), scene(NAMES, size=2)
    part = second_look(batch)

    torch.testing.assert_close(part(logits, both), second_look()(logits, both))
    assert max(part.look.visual.passes) <= batch and sum(part.look.visual.passes) == 2 * N


def test_small_proposals_are_not_looked_at_and_score_nothing() -> None:
    logits, one = torch.randn(1, N, 4), scene(NAMES)
    one.regions.masks[0, 1] = -1
    one.regions.masks[0, 1, :2, :2] = 1
    part = second_look(proposals=ProposalFilter(min_pixels=5))

    scores = part(logits, one)

    assert scores[0, 1].eq(0).all() and (scores[0, [0, 2, 3, 4]].sum(-1) > 0).all()
    assert part.look.visual.passes == [N - 1]


def test_duplicates_share_one_look() -> None:
    logits, one = torch.randn(1, N, 4), scene(NAMES)
    one.regions.masks[0, 3] = 7 * one.regions.masks[0, 1]
    part = second_look(proposals=ProposalFilter(duplicate_iou=0.9), seen_weight=0.5)

    torch.testing.assert_close(part(logits, one), second_look(seen_weight=0.5)(logits, one))
    assert part.look.visual.passes == [N - 1]


def test_there_may_be_nothing_to_look_at() -> None:
    part = second_look(proposals=ProposalFilter(min_pixels=1000))

    assert part(torch.randn(1, N, 4), scene(NAMES)).eq(0).all()
    assert part.look.visual.passes == []


def test_images_may_bring_their_own_names() -> None:
    logits, others = torch.randn(2, N, 4), ("blue", "green", "red")

    together = second_look()(logits, scene(NAMES, others, size=2))

    alone = [second_look()(logits[i, None], scene(n)) for i, n in enumerate((NAMES, others))]
    torch.testing.assert_close(together, torch.cat(alone))


def test_it_has_no_weights_and_gives_no_gradients() -> None:
    part = second_look()
    logits = torch.randn(1, N, 4, requires_grad=True)

    assert not part.state_dict()
    assert not part(logits, scene(NAMES)).requires_grad


@pytest.mark.parametrize("masks", [None, torch.zeros(1, N, 3, 4)])
def test_masks_of_another_size_are_refused(masks: Tensor | None) -> None:
    coarse = scene(NAMES)
    coarse = Scene(
        coarse.images,
        {},
        Regions(torch.zeros(1, N, 0), (3, 4), masks),
        coarse.vocabularies,
        coarse.is_seen,
    )

    with pytest.raises(
        ValueError, match=r"padded input size \(12, 16\), but (there are|they have)"
    ):
        second_look()(torch.zeros(1, N, 4), coarse)
