import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from zs3.data.annotations.colour_masks import ColourMasks

LABELMAP = "# label:color_rgb:parts:actions\nroad:128,64,0::\ntree:0,128,0::\n"
COLOURS = {".": (0, 0, 0), "r": (128, 64, 0), "t": (0, 128, 0), "?": (1, 2, 3)}


def png(*rows, mode="RGB"):
    """Rows of characters as a PNG of their colours."""
    file = io.BytesIO()
    image = Image.fromarray(np.array([[COLOURS[c] for c in row] for row in rows], np.uint8))
    (image.quantize(8) if mode == "P" else image.convert(mode)).save(file, "png")
    return file.getvalue()


@pytest.fixture
def export(tmp_path):
    """CVAT's export as a folder, or as the archive it is downloaded as."""

    def write(files, zipped=False):
        files = {"labelmap.txt": LABELMAP.encode(), **files}
        if zipped:
            with zipfile.ZipFile(tmp_path / "task.zip", "w") as archive:
                for name, content in files.items():
                    archive.writestr(name, content)
            return tmp_path / "task.zip"
        for name, content in files.items():
            (tmp_path / "task" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "task" / name).write_bytes(content)
        return tmp_path / "task"

    return write


def read(source, images, key):
    return source.pair(images).labels[key].read(images[key]).tolist()


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_become_names(export, photos, zipped, mode):
    task = export({"SegmentationClass/x/a.png": png("..r", "ttr", mode=mode)}, zipped)
    assert ColourMasks.recognises(task)
    source = ColourMasks(task)
    assert (source.names, source.lists_names) == (("road", "tree"), True)
    assert read(source, photos("x/a.jpg"), "x/a") == [[2, 2, 0], [1, 1, 0]]  # 2: unlabelled


def test_masks_may_lie_beside_the_labelmap_or_in_a_folder_inside(export, photos):
    task = export({"a.png": png("r"), "val/b.png": png("t")})
    assert read(ColourMasks(task / "val"), photos("b.jpg"), "b") == [[1]]
    assert read(ColourMasks(task), photos("a.jpg"), "a") == [[0]]


def test_black_may_have_a_name_and_a_name_several_colours(export, photos):
    labelmap = b"\xef\xbb\xbfground:0,0,0::\nground: 128, 64, 0:p:q\n\ntree:0,128,0\n"
    source = ColourMasks(export({"labelmap.txt": labelmap, "a.png": png(".rt")}))
    assert source.names == ("ground", "tree")
    assert read(source, photos("a.jpg"), "a") == [[0, 0, 1]]


def test_a_colour_without_name_is_refused(export, photos):
    source = ColourMasks(export({"a.png": png("r?t")}))
    with pytest.raises(
        ValueError, match=r"a\.png holds 1 colours that \S*labelmap\.txt .*: 1,2,3 "
    ):
        read(source, photos("a.jpg"), "a")


def test_masks_without_image_are_told(export, photos):
    source = ColourMasks(export({"a.png": png("r"), "b.png": png("r")}))
    pairs = source.pair(photos("a.jpg", "c.jpg"))
    assert list(pairs.labels) == ["a"]
    assert [alone.rpartition("/")[2] for alone in pairs.alone] == ["b.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("road:128,64::", "line 1 of .* is 'road:128,64::'; expected name:red,green,blue"),
        ("\nroad:1,2,256::", "line 2 of .* each colour from 0 to 255"),
        ("road", "line 1 of"),
        ("a:1,2,3::\nb:1,2,3::", "gives the colour 1,2,3 to 'a' and to 'b'"),
        ("# nothing", "names no colours"),
    ],
)
def test_a_labelmap_that_is_none_is_refused(export, text, message):
    with pytest.raises(ValueError, match=message):
        ColourMasks(export({"labelmap.txt": text.encode(), "a.png": png("r")}))


def test_without_a_labelmap_colours_have_no_names(tmp_path):
    (tmp_path / "a.png").write_bytes(png("r"))
    assert not ColourMasks.recognises(tmp_path)
    with pytest.raises(ValueError, match=r"has no labelmap\.txt, which gives the masks' colours"):
        ColourMasks(tmp_path)
