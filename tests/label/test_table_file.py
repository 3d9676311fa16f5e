"""CSV, JSONL and Parquet files: their rows, what is shown of them, and their errors."""

import json

import numpy as np
import pytest

from skal.label._sources import TableFile, _rows, open_source
from skal.label._sources._columns import table_features, text_features

CSV = """id,body,stars,price
a,good film,5,1.5
b,"so, so
and more",,2
c,bad,1,
"""


@pytest.fixture
def films(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text(CSV)
    return path


def test_texts_of_a_csv(films):
    source = TableFile(films, text="body", label="stars")
    assert source.kind == "text"
    assert source.ids == ["0", "1", "2"]
    assert source.labels == ["5", None, "1"]
    assert source.show(1) == {"kind": "text", "text": "so, so\nand more"}
    assert source.match_by == "content"


def test_rows_of_a_csv_by_their_id(films):
    source = TableFile(films, show=["body", "price"], label="stars", id="id")
    assert source.kind == "table"
    assert source.ids == ["a", "b", "c"]
    assert source.match_by == "id"
    assert source.show(2)["fields"] == {"body": "bad", "price": ""}
    assert list(TableFile(films, label="stars", id="id").show(0)["fields"]) == [
        "body",
        "price",
    ]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet", "semicolons"])
def test_every_format_holds_the_same_texts(films, tmp_path, ending):
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(films)
    path = tmp_path / f"rows.{ending.replace('semicolons', 'csv')}"
    if ending == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif ending == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    else:
        separator = {"csv": ",", "tsv": "\t", "semicolons": ";"}[ending]
        frame.to_csv(path, sep=separator, index=False, encoding="utf-8-sig")
    source = TableFile(path, text="body", id="id")
    expected = TableFile(films, text="body", id="id")
    assert (source.ids, source.digests) == (expected.ids, expected.digests)


def test_what_is_shown_and_what_labels_there_are_change_no_digest(films):
    one = TableFile(films, label="stars", show=["body"])
    films.write_text(CSV.replace("a,good film,5", "a,good film,4"))
    assert one.digests == TableFile(films, label="stars").digests


def test_objects_of_different_keys(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"a": 1}, {"b": {"c": [1]}, "a": None}, {"b": True}]
    path.write_text("\n\n".join(map(json.dumps, rows)))
    source = TableFile(path)
    shown = [source.show(i)["fields"] for i in range(3)]
    assert shown == [
        {"a": "1", "b": ""},
        {"a": "", "b": '{"c": [1]}'},
        {"a": "", "b": "True"},
    ]


def test_a_source_opens_again_by_what_it_says_of_itself(films):
    source = TableFile(films, show=["body"], label="stars", id="id")
    again = open_source(json.loads(json.dumps(source.meta())))
    assert (again.ids, again.digests, again.show(0)) == (
        source.ids,
        source.digests,
        source.show(0),
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"text": "bodi"}, "text must name a column of 'films.csv', such as 'body'"),
        ({"show": ["body", "x"]}, "show must name a column .* got 'x'"),
        ({"text": "body", "show": ["price"]}, "show must be None beside text"),
        ({"id": "stars"}, "id must name a column of unique values, got 'stars' with a"),
        ({"labels": "folders"}, "labels must be None for a source of rows"),
        ({"input": "pixels"}, "input must be one of 'features', 'rows'"),
    ],
)
def test_options_that_do_not_fit(films, options, words):
    with pytest.raises(ValueError, match=words):
        open_source({"source": str(films), "options": options})


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "", "at least one row"),
        ("a.csv", "a,,b\n1,2,3\n", "name its columns"),
        ("a.csv", "a,b\n", "at least one row"),
        ("a.csv", "a,a\n1,2\n", "each once, got .* with 'a' twice"),
        ("a.csv", "a\n1,2\n", "have 1 values a row, got 2 in line 2"),
        ("a.csv", b"a\n\xff\xfe\n", "in UTF-8"),
        ("a.jsonl", "{}\n[1]\n", "a JSON object a line, got a list in line 2"),
        ("a.jsonl", '{"a": 1}\nx\n', "a JSON object a line, got line 2"),
        ("a.jsonl", "[" * 100_000, "a JSON object a line"),
        ("a.parquet", b"PAR1 no", "must be a Parquet file"),
        ("a.xlsx", b"x", "a folder of images or a file ending in .csv"),
        ("none.csv", None, "must be a file or a folder"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, words):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=words):
        open_source({"source": str(path)})


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_row_that_would_fill_the_memory_is_refused(tmp_path, name, monkeypatch):
    monkeypatch.setattr(_rows, "MAX_ROW", 1000)
    path = tmp_path / name
    path.write_text("a\n1\n" + "x" * 5000 if name == "a.csv" else "x" * 5000)
    with pytest.raises(ValueError, match=r"at most 1000 characters, got a longer one"):
        TableFile(path)


def test_a_cell_over_many_lines_that_would_fill_the_memory_is_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(_rows, "MAX_ROW", 1000)
    path = tmp_path / "a.csv"
    path.write_text('a\n"' + "xxxxxxxxx\n" * 500)
    with pytest.raises(ValueError, match=r"rows of at most 1000 characters"):
        TableFile(path)


@pytest.mark.long
def test_a_text_of_a_gigabyte_is_refused_at_once(tmp_path):
    import time
    import tracemalloc

    path = tmp_path / "a.csv"
    with open(path, "wb") as file:
        file.write(b"body\n")
        for _ in range(1000):
            file.write(b"x" * 1_000_000)
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"got a longer one in line 2"):
        TableFile(path, text="body")
    assert time.monotonic() - began < 30
    assert tracemalloc.get_traced_memory()[1] < 500e6
    tracemalloc.stop()


def test_a_long_text_is_cut_for_show_and_says_so(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("body\n" + "x" * 50_000)
    shown = TableFile(path, text="body").show(0)
    assert len(shown["text"]) == 20_000
    assert shown["cut"] == 30_000
    shown = TableFile(path).show(0)
    assert len(shown["fields"]["body"]) == 2000
    assert shown["cut"] == 48_000


def test_markup_is_shown_as_it_is(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('body\n"<script>alert(""1"")</script>"')
    text = TableFile(path, text="body").show(0)["text"]
    assert text == '<script>alert("1")</script>'


# What the learner is given ------------------------------------------------------------


def test_texts_are_unit_rows_of_all_words():
    X = text_features(["the cat sat", "the dog sat", "a cat"])
    np.testing.assert_allclose(X.multiply(X).sum(axis=1), 1, rtol=1e-5)
    assert X.dtype == np.float32


@pytest.mark.parametrize("texts", [["", ""], ["!!", "??"], ["a", ""]])
def test_texts_without_words(texts):
    assert text_features(texts).shape[0] == 2


def test_mixed_columns_with_gaps_become_numbers():
    columns = {
        "number": ["1", None, "1000000", "3"],
        "word": ["x", "y", None, "x"],
        "gap": [None] * 4,
        "same": ["s"] * 4,
        "text": ["one two", "three four", "five six", "seven eight"],
    }
    X = table_features(columns)
    assert X.shape[0] == 4
    assert X.dtype == np.float32
    assert np.isfinite(X).all()
    number, gap, x, y = X[:, :4].T
    assert number.argsort().tolist() == [0, 1, 3, 2]
    assert abs(number).max() < 1  # ranks: no outlier rules the rest
    assert gap.tolist() == [0, 1, 0, 0]
    assert (x.tolist(), y.tolist()) == ([1, 0, 0, 1], [0, 1, 0, 0])


def test_a_table_of_gaps_alone_is_a_column_of_nothing():
    assert table_features({"a": [None, None]}).tolist() == [[0], [0]]


def test_rows_for_a_pipeline_of_the_users_own(films):
    pytest.importorskip("pandas")
    texts = TableFile(films, text="body", input="rows").features()
    assert texts[0] == "good film"
    frame = TableFile(films, id="id", input="rows").features()
    assert frame["price"].tolist()[:2] == [1.5, 2.0]
    assert frame["body"].tolist()[2] == "bad"


def test_blanks_are_no_label(tmp_path):
    """A cell of blanks used to make a class of blanks."""
    file = tmp_path / "a.csv"
    file.write_text("body,stars\nfine,5\ndull, \nso so,\n")
    assert TableFile(file, text="body", label="stars").labels == ["5", None, None]
