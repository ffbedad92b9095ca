import os

import numpy as np
import pytest
from PIL import Image

from zs3.data import reading
from zs3.data.reading import read_image, read_label, read_reduced

H, W = 3, 5
RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (H, W, 3), np.uint8)
GRAY = RNG.integers(0, 256, (H, W), np.uint8)


def saved(tmp_path, image, name="image.png", **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def test_a_photo_is_read_as_it_was_written(tmp_path):
    image = read_image(saved(tmp_path, Image.fromarray(PHOTO)))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, PHOTO)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [(3, np.rot90(PHOTO, 2)), (6, np.rot90(PHOTO, -1)), (8, np.rot90(PHOTO)), (2, PHOTO[:, ::-1])],
)
def test_exif_orientation_is_applied(tmp_path, orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(PHOTO), "turned.png", exif=exif)
    np.testing.assert_array_equal(read_image(path), upright)


def test_gray_is_three_equal_channels(tmp_path):
    image = read_image(saved(tmp_path, Image.fromarray(GRAY)))
    np.testing.assert_array_equal(image, np.stack([GRAY] * 3, -1))


def test_sixteen_bits_keep_their_high_byte(tmp_path):
    deep = Image.fromarray(GRAY.astype(np.uint16) * 256 + 17)
    np.testing.assert_array_equal(read_image(saved(tmp_path, deep))[..., 1], GRAY)


def test_a_palette_becomes_its_colours(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    colours = read_image(saved(tmp_path, image))
    np.testing.assert_array_equal(
        colours, [[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [40, 50, 60]]]
    )


def test_what_is_transparent_lies_on_white(tmp_path):
    alpha = np.full((H, W, 1), 255, np.uint8)
    alpha[1] = 0
    image = read_image(saved(tmp_path, Image.fromarray(np.concatenate([PHOTO, alpha], 2))))
    np.testing.assert_array_equal(image[[0, 2]], PHOTO[[0, 2]])
    assert (image[1] == 255).all()


def test_cmyk_and_one_bit_are_read(tmp_path):
    white = Image.new("CMYK", (W, H), (0, 0, 0, 0))
    assert (read_image(saved(tmp_path, white, "print.tif")) == 255).all()
    black = Image.new("1", (W, H), 0)
    assert (read_image(saved(tmp_path, black, "fax.png")) == 0).all()


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    first, second = Image.new("RGB", (W, H), (250, 0, 0)), Image.new("RGB", (W, H), (0, 0, 250))
    path = saved(tmp_path, first, "moving.gif", save_all=True, append_images=[second])
    assert (read_image(path) == (250, 0, 0)).all()


@pytest.mark.parametrize("name", ["large.png", "large.jpg"])
@pytest.mark.parametrize(("orientation", "turned"), [(1, False), (3, False), (6, True)])
def test_large_photos_are_read_smaller(tmp_path, name, orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = Image.fromarray(PHOTO).resize((500, 300))
    path = saved(tmp_path, photo, name, exif=exif)
    image, size = read_reduced(path, 15_000)
    assert size == read_image(path).shape[:2] == ((500, 300) if turned else (300, 500))
    assert image.shape[:2] == ((158, 95) if turned else (95, 158))
    small = Image.fromarray(read_image(path)).resize(image.shape[1::-1], Image.Resampling.BILINEAR)
    assert np.abs(image.astype(int) - np.asarray(small)).mean() < 2


def test_photos_that_are_small_enough_are_read_as_they_are(tmp_path):
    path = saved(tmp_path, Image.fromarray(PHOTO))
    image, size = read_reduced(path, H * W)
    np.testing.assert_array_equal(image, PHOTO)
    assert size == (H, W)


def test_a_large_jpeg_is_not_decoded_at_its_size(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("RGB", (800, 800)), "large.jpg")
    decoded = []
    upright = reading._upright_rgb
    monkeypatch.setattr(
        reading, "_upright_rgb", lambda image: decoded.append(image.size) or upright(image)
    )
    assert read_reduced(path, 150 * 150)[0].shape == (150, 150, 3)
    assert decoded == [(200, 200)]


def test_more_pixels_than_memory_should_hold_are_refused(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.fromarray(PHOTO))
    monkeypatch.setattr(reading, "MAX_PIXELS", H * W - 1)
    with pytest.raises(
        ValueError, match=r"it has 5 x 3 pixels; at most .* million are read\. Cut it"
    ):
        read_image(path)


def test_pillows_own_limit_does_not_matter_here_and_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    read_image(saved(tmp_path, Image.fromarray(PHOTO)))
    assert Image.MAX_IMAGE_PIXELS == 4


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_images_of_32_bits_are_refused(tmp_path, kind):
    path = saved(tmp_path, Image.fromarray(np.ones((H, W), kind)), "depth.tif")
    with pytest.raises(
        ValueError, match=r"depth\.tif cannot be read as an image: pixels of 32 bits"
    ):
        read_image(path)


@pytest.mark.parametrize("read", [read_image, read_label])
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png does not exist"):
        read(tmp_path / "nowhere.png")


@pytest.mark.parametrize("read", [read_image, read_label])
@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "it is empty"), (b"GIF89a", ""), (b"no picture", "no such format")],
)
def test_what_is_no_image_is_named(tmp_path, read, content, reason):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^\S*broken\.png cannot be read as .+{reason}.*$"):
        read(path)


def test_a_truncated_image_is_named(tmp_path):
    noise = RNG.integers(0, 256, (64, 64, 3), np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), "cut.jpg")
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(ValueError, match=r"cut\.jpg cannot be read as an image: .*truncated"):
        read_image(path)


def test_a_dangling_link_is_named(tmp_path):
    (tmp_path / "link.png").symlink_to("gone.png")
    with pytest.raises(
        FileNotFoundError, match=r"link\.png does not exist \(.* link to gone\.png\)"
    ):
        read_image(tmp_path / "link.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match=r"pipe\.png cannot .* neither a file nor a folder"):
        read_image(tmp_path / "pipe.png")


def test_a_folder_is_no_image(tmp_path):
    with pytest.raises(ValueError, match="cannot be read as an image: Is a directory"):
        read_image(tmp_path)


@pytest.mark.parametrize("name", ["label.png", "label.tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_labels_keep_their_values(tmp_path, name, dtype):
    values = np.array([[0, 7, 255], [1, 2, np.iinfo(dtype).max]], dtype)
    label = read_label(saved(tmp_path, Image.fromarray(values), name))
    assert label.dtype == dtype
    np.testing.assert_array_equal(label, values)


def test_a_palette_label_is_read_as_indices(tmp_path):
    values = np.array([[0, 1], [2, 1]], np.uint8)
    image = Image.fromarray(values)
    image.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    np.testing.assert_array_equal(read_label(saved(tmp_path, image)), values)


def test_a_one_bit_label_is_zeros_and_ones(tmp_path):
    values = np.array([[False, True]])
    label = read_label(saved(tmp_path, Image.fromarray(values)))
    np.testing.assert_array_equal(label, [[0, 1]])


def test_labels_in_colours_are_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(PHOTO), "colours.png")
    with pytest.raises(
        ValueError, match=r"colours\.png cannot .* colours or fractions \(mode RGB\)"
    ):
        read_label(path)


def test_labels_beyond_sixteen_bits_are_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.array([[70000, 3]], np.int32)), "ids.tif")
    with pytest.raises(ValueError, match="values reach from 3 to 70000; expected 0 to 65535"):
        read_label(path)
