import pytest

from zs3.text.templates import article, fill, get_templates


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("name", 1, "{}", "{}"),
        ("single", 1, "a photo of a {}", "a photo of a {}"),
        ("single_scene", 1, "A photo of a {} in the scene", "A photo of a {} in the scene"),
        ("shapes", 4, "a photo of a {}.", "a picture of a {}."),
        ("imagenet_select", 8, "itap of a {}.", "A photo of a {} in the scene"),
        ("multi", 15, "a photo of a {}.", "This is one {} in the scene."),
        ("clip_scoring", 32, "a bad photo of the {}.", "This is one masked {} in the scene"),
        (
            "vild",
            63,
            "There is {article} {category} in the scene.",
            "a painting of a {category}.",
        ),
        ("imagenet", 80, "a bad photo of a {}.", "a tattoo of the {}."),
    ],
)
def test_the_published_sets(name, count, first, last):
    templates = get_templates(name)
    assert len(templates) == len(set(templates)) == count
    assert (templates[0], templates[-1]) == (first, last)
    assert all("an owl" not in fill(t, "owl") or "article" in t or "an {" in t for t in templates)
    assert all("owl" in fill(t, "owl") and "{" not in fill(t, "owl") for t in templates)


def test_templates_of_ones_own():
    assert get_templates("a {}|the {category}") == ("a {}", "the {category}")
    assert get_templates(["see {article} {}"]) == ("see {article} {}",)


@pytest.mark.parametrize(
    ("template", "name", "prompt"),
    [
        ("a photo of a {}.", "owl", "a photo of a owl."),
        ("see {article} {category}", "owl", "see an owl"),
        ("see {article} {}", "big owl", "see a big owl"),
        ("{} or {}", "cat", "cat or cat"),
        ("the {}", "{article}", "the {article}"),
    ],
)
def test_filling(template, name, prompt):
    assert fill(template, name) == prompt


def test_the_article_follows_the_first_letter():
    assert [article(name) for name in ("Umbrella", "hour", "ear", "x")] == ["an", "a", "an", "a"]


@pytest.mark.parametrize(
    ("templates", "complaint"),
    [
        ("multy", "no template set is called 'multy'; there are name, .* Did you mean 'multi'"),
        ("a photo of {name}", "no template set"),
        ([], "at least one template"),
        (["a {}", "a photo"], "'a photo' has no {}"),
        ("a {}|a photo", "'a photo' has no {}"),
    ],
)
def test_refusals(templates, complaint):
    with pytest.raises(ValueError, match=complaint):
        get_templates(templates)
