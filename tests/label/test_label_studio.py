"""Labelling configs, tasks and annotations of Label Studio."""

import json

import pytest

from skal.label._formats import Record
from skal.label._label_studio import LabelConfig, records_of, tasks

IMAGES = LabelConfig.of("image", ["cat", "dog"])
TEXTS = LabelConfig.of("text", ["pos", "neg"])
#: As Label Studio's own users write it: other names, other tags around.
THEIRS = """
<View>
  <!-- what to do -->
  <Header value="Is it a cat?"/>
  <View><Image name="img" value="$url" zoom="true"/></View>
  <Choices name="animal" toName="img" choice="single-radio" required="true">
    <Choice value="Cat" alias="cat"/><Choice value="dog"/>
  </Choices>
  <TextArea name="why" toName="img"/>
</View>
"""


def annotations_of(records, config=IMAGES):
    return [one for task in tasks(records, config) for one in task["annotations"]]


@pytest.mark.parametrize("kind", ["image", "table", "text"])
def test_a_config_is_read_as_it_was_written(kind):
    config = LabelConfig.of(kind, ["cat & <dog>", '"', "ü"])
    assert LabelConfig.parse(config.xml()) == config


def test_names_are_read_from_the_users_config():
    config = LabelConfig.parse(THEIRS)
    assert config == LabelConfig("image", ("cat", "dog"), "animal", "img", "url")
    assert config.result("dog") == {
        "from_name": "animal",
        "to_name": "img",
        "type": "choices",
        "value": {"choices": ["dog"]},
    }


def test_one_of_several_choices_is_named():
    two = THEIRS.replace("<TextArea", '<Choices name="b" toName="img"/><TextArea')
    with pytest.raises(ValueError, match=r"\['animal', 'b'\]. Name the one to use"):
        LabelConfig.parse(two)
    assert LabelConfig.parse(two, "animal") == LabelConfig.parse(THEIRS)


@pytest.mark.parametrize(
    ("xml", "words"),
    [
        ("<View>", "label_config must be XML"),
        ("", "label_config must be XML"),
        ("<View/>", "one <Choices> for an image"),
        ('<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>', "got a document type"),
    ],
)
def test_what_is_no_config_is_an_error(xml, words):
    with pytest.raises(ValueError, match=words):
        LabelConfig.parse(xml)


def test_low_scores_come_first():
    """Label Studio asks for low scores first; a strategy wants the high ones."""
    records = [
        Record(f"{i}", prediction="cat", confidence=0.75, model=7, priority=priority)
        for i, priority in enumerate([1.0, 0.5, None])
    ]
    found = [task["predictions"][0] for task in tasks(records, IMAGES)]
    assert [one["score"] for one in found] == [0.0, 0.5, 1.0]
    assert {one["model_version"] for one in found} == {"skal-7"}
    assert found[0]["result"][0]["score"] == 0.75


def test_a_row_that_no_model_has_seen_has_no_prediction():
    (task,) = tasks([Record("a.png")], IMAGES)
    assert (task["predictions"], task["annotations"]) == ([], [])


def test_images_have_addresses_of_local_files():
    record = Record("a b/ü#1.png", content={"path": "a b/ü#1.png"})
    (task,) = tasks([record], IMAGES, "/data/local-files/?d=photos/")
    address = "/data/local-files/?d=photos/a%20b/%C3%BC%231.png"
    assert task["data"]["image"] == address
    assert task["data"]["skal_id"] == "a b/ü#1.png"


def test_rows_of_a_table_are_shown_by_field():
    record = Record("1", content={"data.age": "7", "data.skal_id": "x"})
    (task,) = tasks([record], LabelConfig.of("table", ["yes", "no"]))
    assert task["data"]["row"] == {"age": "7", "skal_id": "x"}
    assert task["data"]["skal_id"] == "1"


def test_what_people_said_comes_back_as_it_was():
    records = [
        Record("a", "label", "pos", "ann", 1e9, 1500.0, "strategy", "sure"),
        Record("a", "label", "neg", "bob", 2e9, 10.0, "again"),
        Record("b", "skip", annotator="ann", time=3e9),
        Record("c", "discard", annotator="bob", time=4e9),
    ]
    records = [
        Record(**{**vars(one), "content": {"text": f"text {one.id}"}})
        for one in records
    ]
    written = json.loads(json.dumps(tasks(records, TEXTS)))
    assert [record for _, record, _ in records_of(written)] == records


def test_skips_are_cancelled_annotations():
    (one,) = annotations_of([Record("a", "skip", annotator="ann", lead_ms=2000.0)])
    assert (one["was_cancelled"], one["result"], one["lead_time"]) == (True, [], 2.0)


def test_nobody_is_named_who_label_studio_does_not_know():
    (one,) = annotations_of([Record("a", "label", "cat", "ann")])
    assert "completed_by" not in one


def changed(records, **annotation):
    """Return tasks as Label Studio exports them after somebody annotated them again."""
    made = tasks(records, IMAGES)
    for task in made:
        task["annotations"] = [
            {"completed_by": 2, "created_at": "2026-11-28T21:24:01.998959Z"}
            | {"result": [IMAGES.result("dog")], "was_cancelled": False}
            | annotation
        ]
    return made


def test_an_annotation_made_there_is_by_its_user():
    ((_, record, _),) = records_of(changed([Record("a", "label", "cat", "ann")]))
    assert (record.annotator, record.label, record.kind) == ("user-2", "dog", "label")
    assert record.time == pytest.approx(1795901041.998959)
    who = {"completed_by": {"id": 2, "email": "bob@example.com"}}
    ((_, record, _),) = records_of(changed([Record("a")], **who))
    assert record.annotator == "bob@example.com"


def test_an_annotation_of_several_classes_is_no_label():
    both = [{"type": "choices", "value": {"choices": ["cat", "dog"]}}]
    ((place, record, problem),) = records_of(changed([Record("a")], result=both))
    assert (place, record) == ("task 1", None)
    assert "must choose one class, got ['cat', 'dog']" in problem


def test_other_results_beside_the_choice_are_passed_over():
    text = {"type": "textarea", "from_name": "why", "value": {"text": ["because"]}}
    made = changed([Record("a")], result=[text, IMAGES.result("cat")])
    ((_, record, _),) = records_of(made)
    assert record.label == "cat"


def test_json_min_is_read_too():
    """A flat row a task, the class under the name of the choice."""
    row = {
        "image": "/data/local-files/?d=photos/a%20b.png",
        "id": 2,
        "annotator": 1,
        "lead_time": 1.5,
        "created_at": "2026-11-28T21:23:01.782035Z",
    }
    rows = [{**row, "choice": "dog"}, {**row, "choice": {"choices": ["cat"]}}, row]
    found = [record for _, record, _ in records_of(rows)]
    assert [(r.kind, r.label) for r in found] == [
        ("label", "dog"),
        ("label", "cat"),
        ("skip", None),
    ]
    assert found[0].content == {"path": "photos/a b.png"}
    assert (found[0].annotator, found[0].lead_ms) == ("user-1", 1500.0)


@pytest.mark.parametrize("found", [{}, [1], "text"])
def test_what_is_no_list_of_tasks_is_an_error(found):
    with pytest.raises(ValueError, match="must hold a list of tasks"):
        list(records_of(found))


HOSTILE = [
    {"data": 1},
    {"data": {"skal_said": 1}, "annotations": [{}]},
    {"data": {"skal_said": [1]}, "annotations": [{}]},
    {"data": {}, "annotations": {"a": 1}},
    {"data": {}, "annotations": [1]},
    {"data": {}, "annotations": [{"result": 1}]},
    {"data": {}, "annotations": [{"result": [1]}]},
    {"data": {}, "annotations": [{"result": [{"type": "choices"}]}]},
    {"data": {}, "annotations": [{"result": [IMAGES.result(1)]}]},
    {"data": {}, "annotations": [{"result": [IMAGES.result("a")], "lead_time": "x"}]},
    {"data": {}, "annotations": [{"result": [IMAGES.result("a")], "created_at": "x"}]},
    {"data": {}, "annotations": [{"was_cancelled": True, "created_at": 1e99}]},
]


@pytest.mark.parametrize("task", HOSTILE, ids=json.dumps)
def test_what_is_no_annotation_is_told_and_passed_over(task):
    ((_, record, problem), (_, fine, _)) = records_of([task, *changed([Record("a")])])
    assert record is None
    assert problem
    assert fine.label == "dog"


def test_kinds_of_a_made_up_past_are_not_believed():
    said = [{"kind": "undo", "annotator": "ann"}]
    task = {"data": {"skal_said": said}, "annotations": [{"was_cancelled": True}]}
    ((_, record, _),) = records_of([task])
    assert record.kind == "skip"
