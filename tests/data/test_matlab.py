import numpy as np
import pytest
from scipy.io import savemat

from zs3.data.matlab import read_matlab

VALUES = np.array([[1, 459, 3], [0, 0, 2]])


def test_a_variable_and_a_field_of_a_struct(tmp_path):
    savemat(tmp_path / "a.mat", {"LabelMap": VALUES.astype(float), "S": {"Map": VALUES, "x": 1}})
    for variable in ("LabelMap", "S.Map"):
        read = read_matlab(tmp_path / "a.mat", variable)
        assert read.dtype == np.uint16
        np.testing.assert_array_equal(read, VALUES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"other": VALUES}, r"a\.mat cannot be read as a label map \(LabelMap\)"),
        ({"LabelMap": VALUES + 0.5}, "float64 .*expected whole numbers"),
        ({"LabelMap": VALUES - 1}, "expected whole numbers from 0"),
        ({"LabelMap": "text"}, "expected whole numbers"),
    ],
)
def test_what_is_no_label_map_is_refused(tmp_path, content, message):
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(ValueError, match=message):
        read_matlab(tmp_path / "a.mat", "LabelMap")


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"b\.mat does not exist"):
        read_matlab(tmp_path / "b.mat", "LabelMap")
    (tmp_path / "b.mat").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"b\.mat cannot be read"):
        read_matlab(tmp_path / "b.mat", "LabelMap")
