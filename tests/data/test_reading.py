import numpy as np
import pytest
from PIL import Image

from zs3.data.reading import read_image, read_label

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


def test_floating_point_images_are_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.ones((H, W), np.float32)), "depth.tif")
    with pytest.raises(ValueError, match=r"depth\.tif cannot be read as an image: floating-point"):
        read_image(path)


@pytest.mark.parametrize("read", [read_image, read_label])
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png does not exist"):
        read(tmp_path / "nowhere.png")


@pytest.mark.parametrize("read", [read_image, read_label])
@pytest.mark.parametrize("content", [b"", b"GIF89a", b"no picture at all"])
def test_what_is_no_image_is_named(tmp_path, read, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^\S*broken\.png cannot be read as .+$"):
        read(path)


def test_a_truncated_image_is_named(tmp_path):
    noise = RNG.integers(0, 256, (64, 64, 3), np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), "cut.jpg")
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(ValueError, match=r"cut\.jpg cannot be read as an image: .*truncated"):
        read_image(path)


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
