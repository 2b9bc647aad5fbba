"""Label sets in files: a class a line, a JSON policy, a JSON set; and what is refused."""

import json
from pathlib import Path

import pytest

from pagelens.core.errors import UsageError
from pagelens.core.labels import DEFAULT_THRESHOLD, label_set_id, parse_label_set, read_label_set


def written(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_a_text_file_names_a_class_a_line(tmp_path: Path) -> None:
    labels = read_label_set(written(tmp_path, "pets.txt", "\ufeff# pets\ndog\n\n  guinea   pig \ndog\n"))
    assert labels.name == "pets"
    assert [rule.name for rule in labels.rules] == ["dog", "guinea pig"]
    assert [rule.positive for rule in labels.rules] == [("dog",), ("guinea pig",)]
    assert {rule.threshold for rule in labels.rules} == {DEFAULT_THRESHOLD} == {0.5}
    assert not any(rule.policy for rule in labels.rules)


def test_a_json_object_is_a_policy_and_its_label_is_flagged(tmp_path: Path) -> None:
    policy = {"name": "weapons", "positive": ["a photo of a gun"], "negative": ["a photo of a tool"], "threshold": 0.7}
    [rule] = read_label_set(written(tmp_path, "moderation.json", policy)).rules
    assert (rule.label, rule.policy, rule.threshold) == ("flagged:weapons", True, 0.7)
    assert rule.negative == ("a photo of a tool",)
    both = read_label_set(written(tmp_path, "both.json", [policy, {"name": "smoking", "positive": "a cigarette"}]))
    assert [rule.label for rule in both.rules] == ["flagged:weapons", "flagged:smoking"]


def test_a_json_set_mixes_classes_and_policies_and_is_written_as_it_is_read(tmp_path: Path) -> None:
    data = {
        "name": "farm",
        "labels": ["cow", {"name": "goat", "threshold": 0.2}, {"name": "fire", "negative": ["sun"]}],
    }
    labels = read_label_set(written(tmp_path, "x.json", data))
    assert labels.name == "farm"
    assert [(rule.label, rule.threshold) for rule in labels.rules] == [
        ("cow", 0.5),
        ("goat", 0.2),
        ("flagged:fire", 0.5),
    ]
    assert parse_label_set(labels.as_json(), name="other") == labels


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected 1 to 10,000 labels, found 0"),
        ([], "expected 1 to 10,000 labels, found 0"),
        ({"labels": "dog"}, "expected a list"),
        ({"labels": [{"title": "dog"}]}, 'object with a "name"'),
        ({"labels": [{"name": "dog", "treshold": 0.4}]}, "found treshold"),
        ({"labels": [{"name": "dog", "threshold": 40}]}, "threshold from 0 to 1"),
        ({"labels": [{"name": "dog", "positive": [7]}]}, "texts as positive descriptions"),
        ({"labels": ["dog", "Dog"]}, "each label once"),
        ({"labels": ["flagged:dog"]}, "policies make these"),
        ({"labels": ["d" * 501]}, "at most 500 characters"),
    ],
)
def test_a_wrong_label_set_is_refused_with_what_is_wrong(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_label_set(written(tmp_path, "set.json" if content != "" else "set.txt", content))


def test_a_file_that_is_no_text_or_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "labels.txt", tmp_path / "absent.txt", written(tmp_path, "broken.json", "{")):
        with pytest.raises(UsageError, match="expected"):
            read_label_set(path)


def test_the_id_changes_with_the_rules_and_with_the_model() -> None:
    rules = parse_label_set({"labels": ["dog"]}, name="a").as_json()
    others = parse_label_set({"labels": ["cat"]}, name="a").as_json()
    assert len({label_set_id(rules, "m1"), label_set_id(others, "m1"), label_set_id(rules, "m2")}) == 3
    assert label_set_id(rules, "m1") == label_set_id(dict(rules), "m1")
