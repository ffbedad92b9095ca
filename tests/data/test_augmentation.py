import numpy as np
import pytest
from PIL import Image

from zs3.config import get_config
from zs3.data.augmentation import (
    PadTo,
    RandomCrop,
    RandomFlip,
    ResizeShortestEdge,
    SSDColorJitter,
    resize_image,
    resize_label,
    shortest_edge_size,
)
from zs3.data.pipelines import build_augmentations

H, W = 12, 20
IMAGE = np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)
# Every pixel of image and label tells where it came from.
LABEL = np.arange(H * W).reshape(H, W)
PLACES = np.stack([LABEL // W, LABEL % W, 0 * LABEL], -1).astype(np.uint8)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("size", "shortest", "longest", "expected"),
    [
        ((30, 42), 40, 120, (40, 56)),
        ((42, 30), 40, 120, (56, 40)),
        ((100, 400), 50, 120, (30, 120)),
        ((480, 640), 0, 100, (480, 640)),
        ((7, 7), 5, 5, (5, 5)),
        ((3, 1000), 3, 100, (1, 100)),
        ((375, 500), 512, 2048, (512, 683)),  # 682.67 rounds up
    ],
)
def test_shortest_edge_size(size, shortest, longest, expected):
    assert shortest_edge_size(*size, shortest, longest) == expected


def test_images_are_resized_by_pillow_and_labels_by_flooring():
    expected = np.asarray(Image.fromarray(IMAGE).resize((7, 5), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(resize_image(IMAGE, (5, 7)), expected)
    rows = np.floor(np.arange(5) * H / 5).astype(int)
    columns = np.floor(np.arange(7) * W / 7).astype(int)
    np.testing.assert_array_equal(resize_label(LABEL, (5, 7)), LABEL[np.ix_(rows, columns)])


def test_resizing_chooses_among_sizes_and_within_a_range():
    choice = ResizeShortestEdge([6, 24], 1000)
    assert {choice(IMAGE, LABEL, rng(s))[1].shape for s in range(20)} == {(6, 10), (24, 40)}
    drawn = ResizeShortestEdge((5, 7), 1000, "range")
    assert {drawn(IMAGE, LABEL, rng(s))[0].shape[0] for s in range(30)} == {5, 6, 7}


def test_one_size_needs_no_chance():
    np.testing.assert_array_equal(
        ResizeShortestEdge([6], 1000).image(IMAGE), resize_image(IMAGE, (6, 10))
    )


@pytest.mark.parametrize(
    ("kind", "size", "expected"),
    [
        ("absolute", (5, 30), {(5, 20)}),
        ("relative", (0.5, 0.25), {(6, 5)}),
        ("absolute_range", (11, 40), {(h, w) for h in (11, 12) for w in range(11, 21)}),
        ("relative_range", (0.95, 0.95), {(h, w) for h in (11, 12) for w in (19, 20)}),
    ],
)
def test_crops_have_their_size_and_cut_both_alike(kind, size, expected):
    found = set()
    for seed in range(40):
        image, label = RandomCrop(kind, size)(PLACES, LABEL, rng(seed))
        np.testing.assert_array_equal(image[..., 0] * W + image[..., 1], label)
        assert (np.diff(label, axis=1) == 1).all() and (np.diff(label, axis=0) == W).all()
        found.add(label.shape)
    assert found <= expected
    assert len(found) > len(expected) / 2


def test_crops_reach_every_place():
    corners = {
        RandomCrop("absolute", (H - 1, W))(PLACES, LABEL, rng(s))[1][0, 0] for s in range(20)
    }
    assert corners == {0, W}


def test_a_crop_is_drawn_again_while_one_label_rules():
    label = np.zeros((40, 40), np.int64)
    label[:, 30:] = 1
    image = np.zeros((40, 40, 3), np.uint8)
    crop = RandomCrop("absolute", (8, 8), max_share=0.75)
    shares = [crop(image, label, rng(seed))[1].mean() for seed in range(50)]
    plain = [
        RandomCrop("absolute", (8, 8))(image, label, rng(seed))[1].mean() for seed in range(50)
    ]
    varied, varied_plain = (sum(0.25 < share < 0.75 for share in s) for s in (shares, plain))
    # 3 of 33 places will do; ten tries find one with probability 1 - (30 / 33) ** 10 = 0.61.
    assert varied_plain < 12 < 20 < varied


def test_ignored_pixels_do_not_count_in_a_crop():
    label = np.full((4, 4), 255)
    label[0, :2] = [0, 1]
    assert RandomCrop("absolute", (4, 4), 0.75)._is_varied(label)
    assert not RandomCrop("absolute", (4, 4), 0.75, ignore_label=9)._is_varied(label)
    assert not RandomCrop("absolute", (4, 4), 0.75)._is_varied(np.full((4, 4), 255))


@pytest.mark.parametrize(
    ("direction", "turned"),
    [
        ("none", []),
        ("horizontal", [LABEL[:, ::-1]]),
        ("vertical", [LABEL[::-1]]),
        ("both", [LABEL[:, ::-1], LABEL[::-1], LABEL[::-1, ::-1]]),
    ],
)
def test_flips(direction, turned):
    expected = {label.tobytes() for label in [LABEL, *map(np.ascontiguousarray, turned)]}
    found = set()
    for seed in range(30):
        image, label = RandomFlip(direction)(PLACES, LABEL, rng(seed))
        np.testing.assert_array_equal(image[..., 0].astype(int) * W + image[..., 1], label)
        found.add(label.tobytes())
    assert found == expected


def test_padding_goes_to_the_right_and_bottom():
    image, label = PadTo(15, ignore_label=255)(IMAGE, LABEL, rng())
    assert image.shape == (15, W, 3) and label.shape == (15, W)
    np.testing.assert_array_equal(image[:H], IMAGE)
    assert (image[H:] == 128).all() and (label[H:] == 255).all()


def test_colour_jitter_leaves_labels_alone_and_half_of_the_time_each_step_out():
    original, outcomes = IMAGE.copy(), []
    for seed in range(200):
        image, label = SSDColorJitter()(IMAGE, LABEL, rng(seed))
        assert image.dtype == np.uint8 and label is LABEL
        outcomes.append(np.array_equal(image, IMAGE))
    np.testing.assert_array_equal(IMAGE, original)
    assert 4 <= sum(outcomes) <= 24  # expected 200 / 16


def test_brightness_is_added_and_cut_at_the_ends():
    class Draws:
        """Brightness on, everything else off."""

        def __init__(self):
            self.values = iter([0.0, 1.0, 1.0, 1.0, 1.0])

        def random(self):
            return next(self.values)

        def uniform(self, low, high):
            assert (low, high) == (-32, 32)
            return 20.6

    image, _ = SSDColorJitter()(np.array([[[0, 100, 250]]], np.uint8), LABEL[:1, :1], Draws())
    np.testing.assert_array_equal(image, [[[20, 120, 255]]])


def test_hue_turns_red_into_yellow_and_saturation_fades_it():
    red = np.array([[[200, 0, 0]]], np.uint8)
    turned = SSDColorJitter(hue=0)._turn_hue(red, rng())
    np.testing.assert_array_equal(turned, red)

    class Thirty:
        def integers(self, low, high):
            return 30  # 60 degrees

    np.testing.assert_array_equal(SSDColorJitter()._turn_hue(red, Thirty()), [[[200, 200, 0]]])
    faded = SSDColorJitter(saturation=(0.5, 0.5))._saturate(red, rng())
    np.testing.assert_allclose(faded, [[[200, 100, 100]]], atol=1)


def test_a_sample_is_a_function_of_its_generator():
    opts = ["INPUT.CROP.ENABLED", "True", "INPUT.COLOR_AUG_SSD", "True", "INPUT.PAD_TO", "30"]
    opts += ["INPUT.MIN_SIZE_TRAIN", "(8,16)", "INPUT.RANDOM_FLIP", "both"]
    augmentations = build_augmentations(get_config(None, opts), ignore_label=255)
    assert [type(a).__name__ for a in augmentations] == [
        "ResizeShortestEdge",
        "RandomCrop",
        "SSDColorJitter",
        "RandomFlip",
        "PadTo",
    ]

    def run(seed):
        pair, generator = (IMAGE, LABEL), rng(seed)
        for augmentation in augmentations:
            pair = augmentation(*pair, generator)
        return pair[0].tobytes(), pair[1].tobytes()

    assert run(3) == run(3)
    assert len({run(seed) for seed in range(8)}) == 8


@pytest.mark.parametrize(
    ("opts", "message"),
    [
        (["INPUT.RANDOM_FLIP", "sideways"], "RANDOM_FLIP is 'sideways'; expected one of none, hor"),
        (["INPUT.MIN_SIZE_TRAIN_SAMPLING", "all"], "SAMPLING is 'all'; expected one of choice, ra"),
        (["INPUT.MIN_SIZE_TRAIN_SAMPLING", "range"], r"MIN_SIZE_TRAIN is \(800,\); expected two"),
        (["INPUT.MIN_SIZE_TRAIN", "()"], r"MIN_SIZE_TRAIN is \(\); expected a length"),
        (["INPUT.CROP.TYPE", "round"], "CROP.TYPE is 'round'; expected one of absolute"),
        (
            ["INPUT.CROP.SIZE", "[512, 512]"],
            r"CROP.SIZE is \[512, 512\]; 'relative_range' expects tw",
        ),
        (
            ["INPUT.CROP.TYPE", "absolute_range", "INPUT.CROP.SIZE", "[9, 8]"],
            "'absolute_range' expects two lengths",
        ),
    ],
)
def test_bad_settings_are_refused(opts, message):
    cfg = get_config(None, ["INPUT.CROP.ENABLED", "True", *opts])
    with pytest.raises(ValueError, match=message):
        build_augmentations(cfg, 255)
