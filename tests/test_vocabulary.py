import numpy as np
import pytest

from zs3.vocabulary import IGNORE, Vocabulary

ANIMALS = Vocabulary.of(["cat", "owl", "cow, cattle"], unseen=["owl"])


def test_label_order_and_what_was_seen():
    assert len(ANIMALS) == 3
    assert ANIMALS.is_seen == (True, False, True)
    assert ANIMALS.seen == ("cat", "cow, cattle") and ANIMALS.unseen == ("owl",)
    assert ANIMALS.index("cow, cattle") == 2


def test_a_name_is_split_into_synonyms_at_comma_and_space():
    assert ANIMALS.synonyms == (("cat",), ("owl",), ("cow", "cattle"))


@pytest.mark.parametrize(
    ("written", "names", "synonyms"),
    [
        ("cat,  owl ,,", ("cat", "owl"), (("cat",), ("owl",))),
        (iter(["a,b"]), ("a,b",), (("a,b",),)),
        ({"tv": "tv monitor", "sofa": ["sofa", "couch"]}, ("tv", "sofa"), None),
    ],
)
def test_what_people_write(written, names, synonyms):
    vocabulary = Vocabulary.of(written)
    assert vocabulary.names == names
    assert vocabulary.synonyms == (synonyms or (("tv monitor",), ("sofa", "couch")))
    assert all(vocabulary.is_seen)


def test_prompts_replace_names_in_front_of_an_encoder_only():
    vocabulary = Vocabulary.of(["tv", "cat"], prompts={"tv": "tv monitor"})
    assert vocabulary.names == ("tv", "cat")
    assert vocabulary.synonyms == (("tv monitor",), ("cat",))


def test_equal_vocabularies_are_one_key():
    assert len({Vocabulary.of("a, b"), Vocabulary.of(["a", "b"]), Vocabulary.of("b, a")}) == 2
    assert Vocabulary.of("a, b") != Vocabulary.of("a, b", unseen=["b"])


def test_a_part_keeps_all_that_belongs_to_a_name():
    part = ANIMALS.only(["cow, cattle", "owl"])
    assert part.names == ("cow, cattle", "owl")
    assert part.is_seen == (True, False)
    assert part.synonyms == (("cow", "cattle"), ("owl",))
    assert ANIMALS.only_seen().names == ("cat", "cow, cattle")


def test_what_a_model_has_seen_that_was_trained_on_other_names():
    trained = Vocabulary.of(["Car", "sofa, couch", "tree", "road"], unseen=["tree"])
    tested = Vocabulary.of(
        ["auto, car, automobile", "couch", "tree", "cloud"],
        unseen=["couch"],
        prompts={"cloud": "sky"},
    )
    assert tested.seen_by(trained).seen == ("auto, car, automobile", "couch")
    assert tested.seen_by(trained).synonyms == tested.synonyms
    assert tested.seen_by(tested) == tested


def test_remapping_by_hand():
    table = ANIMALS.remap(ANIMALS.only_seen())
    labels = np.array([[0, 1, 2], [255, 3, IGNORE]])
    assert table.dtype == np.int64 and table.shape == (65536,)
    assert table[labels].tolist() == [[0, IGNORE, 1], [IGNORE, IGNORE, IGNORE]]


def test_remapping_to_itself_changes_no_class_and_there_and_back_loses_the_unseen():
    assert ANIMALS.remap(ANIMALS)[:3].tolist() == [0, 1, 2]
    there, back = ANIMALS.remap(ANIMALS.only_seen()), ANIMALS.only_seen().remap(ANIMALS)
    assert back[there[:3]].tolist() == [0, IGNORE, 2]


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Vocabulary(()), "at least one class name"),
        (lambda: Vocabulary.of(" , "), "at least one class name"),
        (lambda: Vocabulary(("cat", " ")), r"number 1 is ' '"),
        (lambda: Vocabulary(("cat", 3)), "number 1 is 3"),
        (lambda: Vocabulary(("cat", "owl", "cat")), r"\['cat'\] occur more than once"),
        (lambda: Vocabulary(("cat",), (True, False)), "is_seen has 2 entries for 1 names"),
        (lambda: Vocabulary(("cat",), synonyms=(("",),)), "'cat' has an empty synonym"),
        (lambda: Vocabulary(("cat",), synonyms=((),)), "'cat' has an empty synonym"),
        (lambda: Vocabulary.of(["cat"], unseen=["car"]), r"unseen classes \['car'\].*mean 'cat'"),
        (lambda: Vocabulary.of(["cat"], prompts={"x": "y"}), r"prompts for classes \['x'\]"),
        (lambda: ANIMALS.index("cats"), "'cats' is not in the vocabulary.*Did you mean 'cat'"),
        (lambda: ANIMALS.only(["zebra"]), "spelled as in the vocabulary"),
        (lambda: ANIMALS.only([]), "at least one class name"),
    ],
)
def test_refusals(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


@pytest.mark.parametrize(
    ("name", "content", "owl"),
    [
        ("names.json", '["cat", "owl, bird of prey"]', "owl, bird of prey"),
        ("names.json", '{"cat": "cat", "owl": ["owl", "bird of prey"]}', "owl"),
        ("names.txt", "cat\n\n owl, bird of prey # at night\n", "owl"),
        ("names", "# animals\ncat\nowl, bird of prey", "owl"),
    ],
)
def test_lists_of_names_are_read(tmp_path, name, content, owl):
    (tmp_path / name).write_text(content)
    words = (("cat",), ("owl", "bird of prey"))
    assert Vocabulary.load(tmp_path / name) == Vocabulary(("cat", owl), synonyms=words)


def test_blanks_around_names_do_not_belong_to_them():
    assert Vocabulary.of([" cat", "owl "], unseen=["owl"]) == Vocabulary.of("cat, owl", ["owl "])
    assert Vocabulary.of({"tv ": "television"}).names == ("tv",)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (
            "names.json",
            '["cat"',
            r"names\.json holds no class names.*expected a JSON list of names",
        ),
        ("names.json", '["cat",\n"owl"', r"holds no class names: line 2 is no JSON; expected"),
        ("names.json", '{"a": 1}', "holds no class names: it has no list of names; expected"),
        ("names.json", '{"names": ["a"], "seen": []}', "no place for 'seen' beside names, is_seen"),
        ("names.json", '{"names": ["cat"], "is_seen": ["no"]}', "'is_seen' is no list of bool"),
        ("names.json", '{"names": ["cat"], "synonyms": ["tom"]}', "'synonyms' is no list of list"),
        ("names.json", '{"names": ["cat"], "synonyms": [[3]]}', "is no list of lists of str"),
        ("names.json", '"cat"', "it has no list of names"),
        ("names.json", "[1]", "it has no list of names"),
        ("names.txt", "\n", "it is empty; expected"),
        ("names.txt", "\xff", "it is no UTF-8 text"),
    ],
)
def test_files_of_something_else_are_refused(tmp_path, name, content, complaint):
    (tmp_path / name).write_bytes(content.encode("latin1"))
    with pytest.raises(ValueError, match=complaint):
        Vocabulary.load(tmp_path / name)
