import numpy as np
import pytest

from zs3.evaluation import questions
from zs3.evaluation.questions import Question
from zs3.runtime.data import MetadataCatalog
from zs3.vocabulary import IGNORE, Vocabulary

NAMES = ["sky", "tree", "cat", "background"]
LABELS = np.array([[0, 1, 2], [3, 255, 1]])


@pytest.fixture
def metadata(tmp_path):
    name = f"asked_{tmp_path.name}"
    yield MetadataCatalog.get(name).set(stuff_classes=NAMES, unseen=["tree", "cat"])
    MetadataCatalog.remove(name)


def test_all_names_compete(metadata):
    question = questions.generalized(metadata)
    assert question.asked == question.scored == Vocabulary.of(NAMES, unseen=["tree", "cat"])
    assert question.truth(LABELS, 255).tolist() == [[0, 1, 2], [3, IGNORE, 1]]
    assert question.answers(LABELS) is LABELS
    assert question.num_answers == 4


def test_half_of_the_split_alone(metadata):
    question = questions.unseen_alone(metadata)
    assert question.asked.names == question.scored.names == ("tree", "cat")
    assert not any(question.asked.is_seen)
    # tree and cat are 0 and 1 now; what is seen is not scored.
    assert question.truth(LABELS, 255).tolist() == [[IGNORE, 0, 1], [IGNORE, IGNORE, 0]]
    assert question.num_answers == 2
    seen = questions.seen_alone(metadata)
    assert seen.truth(LABELS, 255).tolist() == [[0, IGNORE, IGNORE], [1, IGNORE, IGNORE]]


def test_across_datasets_training_decides_what_is_seen(metadata):
    trained = Vocabulary.of(["Cat", "tree", "road"], unseen=["tree"])
    question = questions.across_datasets(metadata, trained)
    assert question.scored.names == tuple(NAMES)
    assert question.scored.seen == ("cat",)
    assert question.asked == question.scored
    with pytest.raises(ValueError, match=r"neither a vocabulary\.json beside the weights"):
        questions.across_datasets(metadata)


def test_the_background_may_be_asked_for_by_names(metadata):
    metadata.set(background_names=["road", "wall"])
    question = questions.background_by_names(metadata)
    assert question.asked.names == ("sky", "tree", "cat", "road", "wall")
    assert question.asked.unseen == ("tree", "cat")
    assert question.scored.names == tuple(NAMES)
    assert question.answers(np.array([0, 2, 3, 4])).tolist() == [0, 2, 3, 3]
    assert question.truth(LABELS, 255).tolist() == [[0, 1, 2], [3, IGNORE, 1]]


def test_what_cannot_be_asked(metadata):
    with pytest.raises(ValueError, match="cannot be asked for its background by names"):
        questions.background_by_names(metadata)
    all_seen = MetadataCatalog.get(f"{metadata.name}_seen").set(stuff_classes=["sky"])
    with pytest.raises(ValueError, match="has no unseen classes to ask for alone"):
        questions.unseen_alone(all_seen)
    MetadataCatalog.remove(all_seen.name)


def test_silence_is_no_class():
    vocabulary = Vocabulary.of(["sky", "tree"])
    question = Question(vocabulary, vocabulary, vocabulary, may_be_silent=True)
    assert question.num_answers == 3
    assert question.answers(np.array([0, 1, 2])).tolist() == [0, 1, 2]
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=rf"prediction contains {wrong}, but 2 names compete"):
            question.answers(np.array([0, wrong]))


def test_a_name_that_is_not_scored_is_always_wrong():
    tested, asked = Vocabulary.of(["sky", "tree"]), Vocabulary.of(["road", "tree", "sky"])
    question = Question(tested, asked, tested)
    assert question.answers(np.array([0, 1, 2])).tolist() == [2, 1, 0]
    assert question.num_answers == 3
