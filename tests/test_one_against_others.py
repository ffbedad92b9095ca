import pytest
import torch

from zs3.label_policy import OneAgainstOthers, OneAgainstOthersWithEdges
from zs3.vocabulary import IGNORE, OTHERS, Episode, Vocabulary

FULL = Vocabulary.of(
    {"background": OTHERS, "cat": ("cat", "kitten"), "dog": "dog", "owl": "owl"}, unseen=["owl"]
)
LABEL = torch.tensor([[1, 1, 2], [0, 3, 255]])


def test_an_episode_asks_about_its_class():
    policy = OneAgainstOthers()
    asked, (target,) = policy.ask([Episode.about(FULL, "dog")], [LABEL])
    assert asked[0].names == (OTHERS, "dog") and asked[0].synonyms == ((OTHERS,), ("dog",))
    assert target.tolist() == [[0, 0, 1], [0, IGNORE, IGNORE]]


def test_published_the_rest_is_others_whatever_it_is():
    policy = OneAgainstOthers(unlabeled_is_others=True)
    _, (target,) = policy.ask([Episode.about(FULL, "dog")], [LABEL])
    assert target.tolist() == [[0, 0, 1], [0, 0, 0]]


def test_without_an_episode_a_seen_class_in_the_image_is_drawn():
    policy, drawn = OneAgainstOthers(), set()
    for seed in range(20):
        torch.manual_seed(seed)
        (asked,), _ = policy.ask([FULL], [LABEL])
        drawn.add(asked.names[1])
        assert asked.synonyms[1][0] == asked.names[1]
    assert drawn == {"cat", "dog"}  # neither what is called "others" nor an unseen class


def test_every_image_has_a_question_of_its_own():
    episodes = [Episode.about(FULL, name) for name in ("cat", "dog")]
    asked, targets = OneAgainstOthers().ask(episodes, [LABEL, LABEL])
    assert [one.names[1] for one in asked] == ["cat", "dog"]
    assert [int((target == 1).sum()) for target in targets] == [2, 1]


def test_edges_come_beside_the_labels():
    label = torch.ones(8, 8, dtype=torch.long)
    label[:, 6:] = 3
    for published, expected in ((False, IGNORE), (True, 0)):
        policy = OneAgainstOthersWithEdges(unlabeled_is_others=published, published_edges=published)
        _, (coded,) = policy.ask([Episode.about(FULL, "cat")], [label])
        targets = policy.complete((), coded[None], None, None)
        assert targets.shape == (1, 2, 8, 8)
        assert targets[0, 0, 4].tolist() == [1] * 6 + [expected] * 2
        assert targets[0, 1, 4].tolist() == [1, 1, 0, 0, 1, 1, 1, 1]


def test_published_edges_are_those_of_unseen_classes_too_but_not_of_the_last():
    names = Vocabulary.of(["cat", "owl", "dog"], unseen=["owl"])
    label = torch.ones(7, 7, dtype=torch.long)  # of the unseen class, up to the border

    def has_edges(published: bool, label: torch.Tensor) -> bool:
        policy = OneAgainstOthersWithEdges(published_edges=published)
        _, (coded,) = policy.ask([Episode.about(names, "cat")], [label])
        return bool(policy.complete((), coded[None], None, None)[0, 1].any())

    assert has_edges(True, label) and not has_edges(False, label)
    assert not has_edges(True, label + 1) and has_edges(False, label + 1)


def test_somebody_must_be_seen():
    with pytest.raises(ValueError, match="QUESTIONS is 1, but no classes of the vocabulary are"):
        OneAgainstOthers().ask([Vocabulary.of(["owl"], unseen=["owl"])], [LABEL])


def test_several_questions_are_about_what_an_image_shows_first():
    names = Vocabulary.of(["cat", "dog", "cow", "owl"], unseen=["owl"])
    label = torch.tensor([[2, 2, 0, 3]])
    drawn = set()
    for seed in range(20):
        torch.manual_seed(seed)
        (asked,), (target,) = OneAgainstOthers(questions=2).ask([names], [label])
        drawn.add(asked.names)
        cow = asked.names.index("cow")
        assert target.tolist() == [[cow, cow, 3 - cow, IGNORE]]
    assert drawn == {(OTHERS, "cat", "cow"), (OTHERS, "cow", "cat")}
    (asked,), (target,) = OneAgainstOthers(questions=3).ask([names], [label])
    assert set(asked.names) == {OTHERS, "cat", "cow", "dog"}
    assert asked.names[3] == "dog" and 3 not in target  # asked about, and nowhere


def test_an_episode_s_class_is_the_first_of_several_questions():
    (asked,), (target,) = OneAgainstOthers(questions=2).ask([Episode.about(FULL, "dog")], [LABEL])
    assert asked.names == (OTHERS, "dog", "cat")
    assert target.tolist() == [[2, 2, 1], [0, IGNORE, IGNORE]]


@pytest.mark.parametrize(
    ("questions", "expected"),
    [(0, "QUESTIONS is 0; expected 1"), (3, "QUESTIONS is 3, but 2 classes of the vocabulary")],
)
def test_there_are_as_many_questions_as_seen_classes_at_most(questions, expected):
    with pytest.raises(ValueError, match=expected):
        OneAgainstOthers(questions=questions).ask([FULL], [LABEL])


def test_an_episode_is_about_a_known_name():
    with pytest.raises(ValueError, match="'cow' is not in the vocabulary"):
        Episode.about(FULL, "cow")
