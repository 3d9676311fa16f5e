"""What is written to a file is read again as it was, in every format."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis.strategies import characters, text

from skal.label._formats import Record, format_of, read_records, write_records
from skal.label._formats._csv import NEUTRALISED
from skal.label._formats._image_folder import METADATA

#: Ids, classes and texts that a careless writer or reader breaks.
HARD = ['a,"b"\n c', "=1+1", "'=x", "  spaces ", "ünï ☃", "-1", "null", "<b>&amp;</b>"]


def hard_records():
    return [
        Record(
            f"row {i} {text}",
            "label",
            text,
            "ann",
            1.5e9 + i / 8,
            12.5,
            "strategy",
            text,
            prediction=text,
            confidence=0.25,
            model=3,
            priority=0.5,
            digest=f"sha256:{i}",
            content={"text": text * 3},
        )
        for i, text in enumerate(HARD)
    ]


def some_records():
    return [
        *hard_records(),
        Record("skipped", "skip", annotator="bob"),
        Record("thrown out", "discard", annotator="bob", content={"data.id": "7"}),
        Record("silent", prediction="cat", confidence=0.5, model=1),
    ]


def read(path, fmt, **options):
    return [record for _, record, _ in read_records(path, fmt, **options)]


@pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
def test_records_come_back_as_they_were(fmt, tmp_path):
    path = tmp_path / f"labels.{fmt}"
    write_records(some_records(), path, fmt)
    assert read(path, format_of(path)) == some_records()


@pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
def test_a_file_may_hold_nothing(fmt, tmp_path):
    path = tmp_path / f"labels.{fmt}"
    write_records([], path, fmt)
    assert read(path, fmt) == []


def test_a_cell_may_be_as_long_as_a_book(tmp_path):
    """The csv module stops at 128 kB."""
    path = tmp_path / "labels.csv"
    record = Record("a", "label", "cat", content={"text": "word " * 100_000})
    before = csv.field_size_limit()
    write_records([record], path, "csv")
    assert read(path, "csv") == [record]
    assert csv.field_size_limit() == before


def test_no_cell_of_a_neutralised_file_starts_a_formula(tmp_path):
    path = tmp_path / "labels.csv"
    write_records(some_records(), path, "csv", neutralise_formulas=True)
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.DictReader(file) for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r"))]
    assert read(path, "csv") == some_records()


def test_formulas_stay_as_they_are_unless_asked(tmp_path):
    path = tmp_path / "labels.csv"
    write_records(hard_records(), path, "csv")
    text = path.read_text(encoding="utf-8")
    assert "\nrow 1 =1+1,=1+1" in text
    assert NEUTRALISED not in text


def test_a_plain_table_of_ids_and_labels_is_enough(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("\ufeffname,species\n7,cat\n8,\n", encoding="utf-8")
    records = read(path, "csv", columns={"id": "name", "label": "species"})
    assert records == [Record("7", "label", "cat"), Record("8")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,kind,label\n1,label,\n", "label must be the name of a class"),
        ("id,kind\n1,shrug\n", "kind must be one of 'label', 'skip', 'discard'"),
        ("id,time\n1,yesterday\n", "time must be a date, got 'yesterday'"),
        ("id,time\n1,1870-01-01\n", "time must be a date, got '1870-01-01'"),
        ("id,model\n1,new\n", "model must be a number, got 'new'"),
        ("id,lead_ms\n1,inf\n", "lead_ms must be a number, got 'inf'"),
    ],
)
def test_rows_that_cannot_be_read_are_told_apart(text, words, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(text + "2" + "," * text.count(",", 0, text.index("\n")) + "\n")
    (place, record, problem), (_, fine, _) = read_records(path, "csv")
    assert (place, record, fine) == ("row 1", None, Record("2"))
    assert words in problem


def test_a_row_with_more_cells_than_columns_is_an_error(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n1,cat,dog\n")
    with pytest.raises(ValueError, match="as many cells a row as columns"):
        read(path, "csv")


@pytest.mark.parametrize("mark", [";", "\t"])
def test_cells_may_stand_between_other_marks(mark, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(f'id{mark}label\n"1"{mark}"a,b"\n')
    assert read(path, "csv") == [Record("1", "label", "a,b")]


@pytest.mark.parametrize("content", [b'id,label\n1,"a"b\n', b"id,label\n1,\xff\n"])
def test_what_is_no_table_is_an_error(content, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="must be a table in UTF-8"):
        read(path, "csv")


def test_whole_numbers_of_a_column_with_gaps_are_whole(tmp_path):
    path = tmp_path / "labels.parquet"
    columns = {"id": [7, 8], "label": [3.0, float("nan")]}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    assert read(path, "parquet") == [Record("7", "label", "3"), Record("8")]


@pytest.mark.long
@given(text(alphabet=characters(codec="utf-8"), min_size=1))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back(tmp_path_factory, words):
    record = Record(words, "label", words, words, note=words, content={"text": words})
    folder = tmp_path_factory.getbasetemp()
    for fmt in ("csv", "jsonl"):
        write_records([record], folder / fmt, fmt)
        assert read(folder / fmt, fmt) == [record]
    write_records([record], folder / "n", "csv", neutralise_formulas=True)
    assert read(folder / "n", "csv") == [record]


def test_a_line_that_is_no_object_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text('{"id": "1"}\n\n[1]\n')
    with pytest.raises(ValueError, match="object a line, got in line 3"):
        read(path, "jsonl")
    path.write_text('{"id": \n')
    with pytest.raises(ValueError, match="got in line 1"):
        read(path, "jsonl")


def test_a_file_that_is_no_parquet_is_an_error(tmp_path):
    path = tmp_path / "labels.parquet"
    path.write_text("id")
    with pytest.raises(ValueError, match="cannot be read"):
        read(path, "parquet")


def test_without_pyarrow_there_is_no_parquet(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r'pip install "skal\[experiment\]"'):
        write_records([], tmp_path / "a.parquet", "parquet")


def test_the_name_tells_the_format(tmp_path):
    assert format_of(tmp_path) == "imagefolder"
    assert format_of(Path("a.JSON")) == "label-studio"
    assert format_of(Path("a.ndjson")) == "jsonl"
    with pytest.raises(ValueError, match=r"path must end in .csv, .json.*got 'a.xls'"):
        format_of(Path("a.xls"))


@pytest.fixture
def images(tmp_path):
    """Return a function that makes labelled files of names, content as the name."""

    def make(names_and_labels):
        made = []
        for i, (name, label) in enumerate(names_and_labels):
            file = tmp_path / "images" / f"{i}.png"
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"{i} {name}")
            record = Record(name, "label", label, content={"path": name})
            made.append((record, file))
        return made

    return make


def test_images_are_sorted_into_a_folder_a_class(images, tmp_path):
    made = images([("a/1.png", "cat"), ("b/1.png", "cat"), ("c/1.png", "dog")])
    out = tmp_path / "out"
    write_records(made, out, "imagefolder")
    found = {p.relative_to(out).as_posix() for p in out.rglob("*.png")}
    assert found == {"cat/1.png", "cat/1-2.png", "dog/1.png"}
    assert (out / "cat/1-2.png").read_text() == "1 b/1.png"
    assert (out / "cat/1.png").samefile(made[0][1])  # a link takes no room
    back = list(read_records(out, "imagefolder"))
    assert [record for _, record, _ in back] == [record for record, _ in made]
    assert [file.read_text()[2:] for _, _, file in back] == [r.id for r, _ in made]


def test_images_are_copied_on_request(images, tmp_path):
    made = images([("1.png", "cat")])
    write_records(made, tmp_path / "out", "imagefolder", copy=True)
    copied = tmp_path / "out/cat/1.png"
    assert copied.read_text() == "0 1.png"
    assert not copied.samefile(made[0][1])


def test_images_are_copied_where_the_disk_knows_no_links(images, tmp_path, monkeypatch):
    def no_link(*args):
        raise OSError("Links are not supported here.")

    monkeypatch.setattr("os.link", no_link)
    write_records(images([("1.png", "cat")]), tmp_path / "out", "imagefolder")
    assert (tmp_path / "out/cat/1.png").read_text() == "0 1.png"


def test_classes_and_names_cannot_lead_out_of_the_folder(images, tmp_path):
    labels = ["../up", "..", "/etc", "a/b", "con", "C:\\x", ".", "%2E", "x" * 300]
    made = images([("../../../evil.png", label) for label in labels])
    out = tmp_path / "deep" / "out"
    out.parent.mkdir()
    write_records(made, out, "imagefolder")
    assert {p.name for p in out.parent.iterdir()} == {"out"}
    assert len([p for p in out.iterdir() if p.is_dir()]) == len(labels)
    assert {p.parent.parent for p in out.rglob("*.png")} == {out}
    assert [record.label for record in read(out, "imagefolder")] == labels


def test_classes_that_differ_in_capitals_get_folders_of_their_own(images, tmp_path):
    made = images([("1.png", "Cat"), ("2.png", "cat")])
    write_records(made, tmp_path / "out", "imagefolder")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"Cat", "cat-2", METADATA}
    records = read(tmp_path / "out", "imagefolder")
    assert [record.label for record in records] == ["Cat", "cat"]


def test_a_folder_without_metadata_is_read_by_its_folders(tmp_path):
    for name in ("cat/1.png", "dog/deep/2.jpg", "dog/readme.txt", "loose.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    found = [(record.id, record.label) for record in read(tmp_path, "imagefolder")]
    assert found == [("cat/1.png", "cat"), ("dog/deep/2.jpg", "deep")]


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "link/secret.png"])
def test_metadata_cannot_make_a_file_outside_of_the_folder_be_read(name, tmp_path):
    (tmp_path / "secret.png").write_text("secret")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    (folder / METADATA).write_text(f"file_name,label\n{name},cat\n")
    ((_, record, file),) = read_records(folder, "imagefolder")
    assert file is None
    assert record.label == "cat"


def test_metadata_in_lines_of_json_is_read_too(tmp_path):
    row = {"file_name": "x/1.png", "label": "cat"}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row) + "\n")
    (record,) = read(tmp_path, "imagefolder")
    assert record == replace(Record("x/1.png", "label", "cat"), content=record.content)
