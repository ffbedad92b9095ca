import numpy as np

from zs3.data.class_histogram import ClassHistogram


def counted(count=3):
    histogram = ClassHistogram([f"c{k}" for k in range(count)])
    histogram.add(np.arange(count))
    histogram.add(np.eye(count, dtype=int)[1] * 5)
    return histogram


def test_pixels_and_images_are_summed(tmp_path):
    counted().write(tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_text() == (
        "label,name,pixels,images\n0,c0,0,0\n1,c1,6,2\n2,c2,2,1\n"
    )


def test_the_table_is_ordered_by_pixels(capsys):
    counted().show("toy")
    said = capsys.readouterr().out
    assert "toy: 2 label maps" in said and "3 classes, 1 of them on no pixel" in said
    assert said.index("c1") < said.index("c2") < said.index("c0")
    assert "75.000" in said


def test_one_is_one(capsys):
    histogram = ClassHistogram(["c0"])
    histogram.add(np.array([4]))
    histogram.show("toy")
    assert "toy: 1 label map " in capsys.readouterr().out


def test_of_many_classes_the_most_and_the_least_frequent_are_shown(capsys):
    counted(40).show("toy")
    said = capsys.readouterr().out
    assert sum(f"c{k} " in said for k in range(40)) == 12
    assert "c39 " in said and "c0 " in said and "c20 " not in said
