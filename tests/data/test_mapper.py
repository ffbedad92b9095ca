import numpy as np
import pytest
import torch
from PIL import Image

from zs3.data.augmentation import PadTo, RandomFlip, ResizeShortestEdge
from zs3.data.mapper import (
    IMAGE_ARRAY,
    LABEL_ARRAY,
    LABEL_READER,
    EvaluationMapper,
    SampleReader,
    TrainingMapper,
)
from zs3.vocabulary import Vocabulary

H, W = 4, 6
VOCABULARY = Vocabulary.of(["sky", "road", "tree"], ["tree"])
LABEL = np.array([[0, 1, 2, 255, 0, 1]] * H, np.uint8)
IMAGE = np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)


@pytest.fixture
def sample(tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "photo.png")
    Image.fromarray(LABEL).save(tmp_path / "label.png")
    return {
        "file_name": str(tmp_path / "photo.png"),
        "sem_seg_file_name": str(tmp_path / "label.png"),
        "image_id": 7,
    }


def relabel(sample, values):
    Image.fromarray(values).save(sample["sem_seg_file_name"])


def test_training_changes_image_and_label_together(sample):
    mapper = TrainingMapper(
        SampleReader(VOCABULARY), (RandomFlip("horizontal", 1.0), PadTo(8, 255))
    )
    mapped = mapper(sample, np.random.default_rng(0))
    assert mapped["image"].dtype == torch.uint8 and mapped["image"].shape == (3, 8, 8)
    assert mapped["sem_seg"].dtype == torch.int64 and mapped["sem_seg"].shape == (8, 8)
    np.testing.assert_array_equal(mapped["image"][:, :H, :W].permute(1, 2, 0), IMAGE[:, ::-1])
    # Unseen labels stay: hiding them is the model's policy.
    assert mapped["sem_seg"][0].tolist() == [1, 0, 255, 2, 1, 0, 255, 255]
    assert mapped["vocabulary"] is VOCABULARY
    assert (mapped["height"], mapped["width"], mapped["image_id"]) == (H, W, 7)


def test_evaluation_resizes_the_image_only(sample):
    mapped = EvaluationMapper(SampleReader(VOCABULARY), ResizeShortestEdge([8], 100))(sample)
    assert mapped["image"].shape == (3, 8, 12)
    np.testing.assert_array_equal(mapped["sem_seg"], LABEL)
    assert (mapped["height"], mapped["width"]) == (H, W)


def test_other_names_may_be_asked_than_are_labelled(sample):
    reader, resize = SampleReader(VOCABULARY), ResizeShortestEdge([0], 1)
    others, own = Vocabulary.of(["tree", "sea"]), Vocabulary.of(["others", "sky"])
    assert EvaluationMapper(reader, resize)(sample)["vocabulary"] is VOCABULARY
    mapper = EvaluationMapper(reader, resize, asked=others)
    assert mapper(sample)["vocabulary"] is others
    assert mapper({**sample, "vocabulary": own})["vocabulary"] is own
    np.testing.assert_array_equal(mapper(sample)["sem_seg"], LABEL)


def test_arrays_in_the_dict_equal_files(sample):
    reader = SampleReader(VOCABULARY)
    drawn = {"file_name": "drawn/3", IMAGE_ARRAY: IMAGE, LABEL_ARRAY: LABEL}
    for from_file, from_array in zip(reader(sample), reader(drawn), strict=True):
        np.testing.assert_array_equal(from_file, from_array)
    mapped = EvaluationMapper(reader, ResizeShortestEdge([0], 1))(drawn)
    assert set(mapped) == {"file_name", "image", "sem_seg", "vocabulary", "height", "width"}
    mapped["image"].fill_(0)
    mapped["sem_seg"].fill_(0)
    assert IMAGE.any() and LABEL.any()  # what a caller does to its tensors stays with it


def test_labels_that_are_no_class_are_refused(sample):
    relabel(sample, np.array([[3, 9, 4, 255, 0, 1]] * H, np.uint8))
    with pytest.raises(
        ValueError,
        match=r"label\.png holds label 3-4, 9, which is neither .* the 3 classes .* are 0-2, 255\.",
    ):
        SampleReader(VOCABULARY)(sample)


def test_sixteen_bit_labels_and_their_ignore_label(sample):
    vocabulary = Vocabulary.of([f"class {k}" for k in range(847)])
    relabel(sample, np.array([[0, 255, 846, 65535, 1, 2]] * H, np.uint16))
    _, labels = SampleReader(vocabulary, ignore_label=65535)(sample)
    assert labels[0].tolist() == [0, 255, 846, 65535, 1, 2]


def test_stored_values_may_be_any(sample):
    relabel(sample, np.array([[7, 11, 21, 0, 1, 7]] * H, np.uint8))
    values = {7: 1, 11: 0, 21: 2, 0: 255, 1: 255}
    _, labels = SampleReader(VOCABULARY, 255, values)(sample)
    assert labels[0].tolist() == [1, 0, 2, 255, 255, 1]


def test_image_and_label_must_have_one_size(sample):
    relabel(sample, LABEL[:, :5].copy())
    with pytest.raises(
        ValueError, match=r"label\.png is 5 x 4 pixels, but its image \S*photo\.png is 6 x 4 "
    ):
        SampleReader(VOCABULARY)(sample)


def test_an_ignore_label_is_no_class():
    with pytest.raises(ValueError, match="ignore_label 2 is the class 'tree'; expected at least 3"):
        SampleReader(VOCABULARY, ignore_label=2)


def test_labels_may_come_from_a_function(sample):
    reader, labels = SampleReader(VOCABULARY), np.array([[0, 1, 2, 255, 0, 1]] * H)
    read = {"file_name": sample["file_name"], LABEL_READER: lambda: labels}
    np.testing.assert_array_equal(reader(read)[1], labels)
    mapped = EvaluationMapper(reader, ResizeShortestEdge([0], 1))(read)
    assert LABEL_READER not in mapped  # it stays in the process that reads
    with pytest.raises(
        ValueError, match=r"the label map of \S*photo\.png is 5 x 4 pixels, but its image"
    ):
        reader({**read, LABEL_READER: lambda: labels[:, :5]})
