import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from zs3.backbone import ClipVisual
from zs3.refinement import DenseLook
from zs3.text import build_clip

B, N, H, W = 2, 3, 20, 32


@pytest.fixture
def visual() -> ClipVisual:
    torch.manual_seed(0)
    vision = {"image_size": 16, "patch_size": 4, "width": 12, "layers": 2, "head_width": 6}
    text = {"context_length": 6, "vocab_size": 9, "width": 8, "heads": 1, "layers": 1}
    model = build_clip({"embed_dim": 7, "vision_cfg": vision, "text_cfg": text})
    return ClipVisual(visual=model.visual.requires_grad_(False))


@pytest.fixture
def images() -> Tensor:
    return torch.randn(B, 3, H, W)


def test_a_proposal_of_everything_is_the_image(visual: ClipVisual, images: Tensor) -> None:
    # 20 x 32 at a shorter side of 16 is 16 x 25.6, which 4 x 6 patches of 4 pixels come closest to.
    resized = F.interpolate(images, (16, 24), mode="bilinear", align_corners=False, antialias=True)
    everything = torch.ones(B, N, H, W)

    got = DenseLook(visual, 16)(images, everything, torch.ones(B, N, dtype=torch.bool))

    torch.testing.assert_close(got, visual.encode(resized)[:, None].expand(B, N, 7))


def test_an_empty_proposal_has_its_most_likely_pixel(visual: ClipVisual, images: Tensor) -> None:
    looked = torch.ones(B, 1, dtype=torch.bool)
    faint = torch.full((B, 1, H, W), -3.0)
    faint[..., 11, 21] = -1
    clear = faint.clone()
    clear[..., 11, 21] = 1

    look = DenseLook(visual, 16)

    torch.testing.assert_close(look(images, faint, looked), look(images, clear, looked))


def test_what_is_not_asked_about_gets_zeros(visual: ClipVisual, images: Tensor) -> None:
    looked = torch.tensor([[True, False, True], [False, True, True]])

    got = DenseLook(visual, 16)(images, torch.randn(B, N, H, W), looked)

    assert torch.equal(got.ne(0).any(-1), looked)


@pytest.mark.parametrize(("size", "grid"), [(16, (4, 6)), (9, (2, 4)), (1, (1, 1))])
def test_images_come_in_whole_patches(
    visual: ClipVisual, images: Tensor, size: int, grid: tuple[int, int], monkeypatch
) -> None:
    sizes = []

    def pooled(images: Tensor, masks: Tensor) -> Tensor:
        sizes.append(tuple(images.shape[2:]))
        return torch.zeros(B, N, 7)

    monkeypatch.setattr(visual, "pooled", pooled)
    DenseLook(visual, size)(images, torch.randn(B, N, H, W), torch.ones(B, N, dtype=torch.bool))

    assert sizes == [(4 * grid[0], 4 * grid[1])]
