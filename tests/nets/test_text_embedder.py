"""TextEmbedder: a text is the mean of what its tokens stand for."""

import pickle
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted

from skal.datasets import embed_to
from skal.nets import TextEmbedder
from skal.nets import _text_embedder as of_texts

WORDS = ["[UNK]", "sun", "rain", "wind"]
TABLE = torch.tensor([[9.0, 9, 9], [1, 0, 0], [0, 2, 0], [0, 0, 4]])


@pytest.fixture
def files(tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason="needs skal[pretrained]")
    model = tokenizers.models.WordLevel(
        dict(zip(WORDS, range(4), strict=True)), WORDS[0]
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    save_file({"embeddings": TABLE.half()}, tmp_path / "table.safetensors")
    return tmp_path / "table.safetensors", tmp_path / "tokenizer.json"


def test_a_text_is_the_mean_of_its_tokens(files):
    texts = ["sun", "sun rain", "rain wind wind", "", "unheard"]
    expected = [[1, 0, 0], [0.5, 1, 0], [0, 2 / 3, 8 / 3], [0, 0, 0], [9, 9, 9]]
    embedder = TextEmbedder(*files)
    features = embedder.transform(texts)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, rtol=1e-6)
    for X in (np.array(texts), pd.Series(texts), pd.DataFrame({"text": texts})):
        np.testing.assert_array_equal(embedder.fit_transform(X), features)
    one_by_one = [embedder.transform([text])[0] for text in texts]
    np.testing.assert_array_equal(one_by_one, features)


def test_it_is_an_estimator():
    """Of what reads texts alone, scikit-learn's own checks ask nothing, and warn."""
    with pytest.warns(SkipTestWarning, match="TextEmbedder"):
        check_estimator(TextEmbedder())
    embedder = TextEmbedder("a.safetensors", "b.json", n_features=2)
    assert clone(embedder).get_params() == embedder.get_params()
    assert embedder.fit([]) is embedder
    check_is_fitted(TextEmbedder())


def test_more_texts_than_go_at_a_time(files, monkeypatch):
    monkeypatch.setattr(of_texts, "_TEXTS", 2)
    texts = [WORDS[1 + i % 3] for i in range(7)]
    features = TextEmbedder(*files).transform(texts)
    np.testing.assert_array_equal(features, TABLE[[1 + i % 3 for i in range(7)]])


def test_the_first_features_are_kept(files):
    embedder = TextEmbedder(*files, n_features=2)
    assert embedder.transform(["rain"]).tolist() == [[0, 2]]
    assert embedder.set_params(n_features=1).transform(["rain"]).tolist() == [[0]]


def test_the_table_is_read_once_and_left_behind_by_pickles(files, monkeypatch):
    embedder = TextEmbedder(*files)
    features = embedder.transform(["sun wind"])
    again = pickle.loads(pickle.dumps(embedder))
    assert not hasattr(again, "_known")
    np.testing.assert_array_equal(again.transform(["sun wind"]), features)
    assert not hasattr(clone(embedder), "_known")
    monkeypatch.setattr(of_texts, "table_in", None)
    np.testing.assert_array_equal(embedder.transform(["sun wind"]), features)


def test_texts_go_to_a_file(files, tmp_path):
    texts = (text for text in ["sun", "rain", "wind"] * 5)
    pool = embed_to(tmp_path / "pool.npy", texts, TextEmbedder(*files), verbose=0)
    np.testing.assert_array_equal(pool, np.tile(TABLE[1:], (5, 1)))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("sun", ValueError, r"X must be a list of texts, got one, 'sun'"),
        ([["sun", "rain"]], ValueError, r"X must hold a text a row, got shape \(1, 2"),
        (["sun", None], TypeError, r"X must hold texts alone, got NoneType None"),
        (["sun", 3], TypeError, r"X must hold texts alone, got int 3"),
    ],
)
def test_what_is_no_text_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        TextEmbedder().transform(X)


def test_files_that_do_not_fit_are_refused(files, tmp_path):
    table, tokenizer = files
    with pytest.raises(ValueError, match=r"weights and tokenizer must be given toge"):
        TextEmbedder(table).transform(["sun"])
    with pytest.raises(ValueError, match=r"n_features must be at most 3"):
        TextEmbedder(table, tokenizer, n_features=4).transform(["sun"])
    with pytest.raises(ValueError, match=r"tokenizer must be a file of the package"):
        TextEmbedder(table, table).transform(["sun"])
    save_file({"a": TABLE[:2]}, tmp_path / "short.safetensors")
    with pytest.raises(ValueError, match=r"tokenizer must be that of the table"):
        TextEmbedder(tmp_path / "short.safetensors", tokenizer).transform(["sun"])
    save_file({"a": TABLE, "b": TABLE * 2}, tmp_path / "two.safetensors")
    with pytest.raises(ValueError, match=r"weights must be a file of one table"):
        TextEmbedder(tmp_path / "two.safetensors", tokenizer).transform(["sun"])


def test_without_the_extra_its_name_is_said(monkeypatch):
    monkeypatch.setattr(of_texts, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'skal\[pretrained\]'"):
        TextEmbedder().transform(["sun"])


@pytest.mark.skipif(find_spec("wordllama") is None, reason="needs skal[pretrained]")
def test_texts_that_mean_alike_are_near():
    pytest.importorskip("tokenizers", reason="needs skal[pretrained]")
    texts = ["The physician prescribed a drug.", "My doctor gave me medicine."]
    E = TextEmbedder().transform([*texts, "The guitarist tuned a string."])
    assert E.shape == (3, 256)
    E /= np.linalg.norm(E, axis=1, keepdims=True)
    assert E[0] @ E[1] > 2 * max(E[0] @ E[2], E[1] @ E[2])
