"""``skal demo``: what it compares, prints and draws."""

import subprocess
import sys

import numpy as np
import pytest
from helpers import run_skal
from PIL import Image

import skal
from skal.cli import _demo

SMALL = ["--seeds", "2", "--labels", "60", "--batch", "20", "--jobs", "1"]


@pytest.fixture
def no_compute(monkeypatch):
    def fail(*args, **kwargs):
        pytest.fail("The demo began to compute.")

    monkeypatch.setattr(_demo, "run_all", fail)


def test_version():
    result = run_skal("--version")
    assert result.exit_code == 0
    assert result.output == f"skal {skal.__version__}\n"


def test_help_names_the_commands():
    result = run_skal("--help")
    assert result.exit_code == 0
    assert "demo" in result.output
    assert "choose which rows to label next" in result.output
    assert run_skal().output.strip() == result.output.strip()


def test_help_of_the_demo_names_every_option():
    output = run_skal("demo", "--help").output
    for option in ("strategy", "seeds", "labels", "initial", "batch", "jobs", "out"):
        assert f"--{option}" in output


def test_python_m_skal():
    command = [sys.executable, "-m", "skal", "--version"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert output == f"skal {skal.__version__}\n"


def test_demo_prints_a_table_and_writes_a_picture(tmp_path):
    out = tmp_path / "curves [1].png"
    result = run_skal("demo", *SMALL, "--out", out)
    assert result.exit_code == 0, result.output
    for words in ("auto", "margin", "random", "labels to", "90% accuracy", "±"):
        assert words in result.output
    assert f"Learning curves: {out}" in result.output
    pixels = np.asarray(Image.open(out).convert("RGB"))
    assert pixels.shape == (675, 1050, 3)
    assert (pixels != 255).any(axis=2).mean() > 0.02


def test_demo_compares_what_it_is_told(tmp_path):
    options = ["-s", "least_confidence", "--initial", "1", "-o", tmp_path / "a.svg"]
    result = run_skal("demo", *SMALL, *options)
    assert result.exit_code == 0, result.output
    assert "least_confidence" in result.output
    assert "margin" not in result.output
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


def test_demo_of_one_seed_shows_no_spread(tmp_path):
    result = run_skal("demo", *SMALL, "--seeds", "1", "-o", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    assert "±" not in result.output.split("Labels: where")[0]


@pytest.mark.usefixtures("no_compute")
@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["dmo"], "Did you mean 'demo'?"),
        (["demo", "--seed", "3"], "--seeds"),
        (["demo", "--seeds", "0"], "Invalid value for '--seeds'"),
        (["demo", "-s", "margn"], "must be one of 'margin', "),
        (["demo", "--labels", "5000"], "must be at most 1257, the digits in the pool"),
        (["demo", "--labels", "20"], "must be less than --labels (20), got 20"),
    ],
)
def test_wrong_options_get_a_helpful_answer(arguments, answer):
    result = run_skal(*arguments)
    assert result.exit_code == 2
    assert answer in result.output


@pytest.mark.usefixtures("no_compute")
@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("curves.jpg", "must end in .pdf, .png, .svg"),
        ("missing/curves.png", "must lie in an existing folder"),
        (f"{'x' * 300}.png", "must be a file that can be written"),
        ("folder.png", "is a directory"),
    ],
)
def test_unwritable_picture_is_refused_before_any_compute(tmp_path, name, answer):
    (tmp_path / "folder.png").mkdir()
    result = run_skal("demo", "--out", tmp_path / name)
    assert result.exit_code == 2
    # The panel around an error wraps long paths.
    assert answer in " ".join(result.output.replace("│", " ").split())


@pytest.mark.usefixtures("no_compute")
def test_refusal_leaves_no_file_and_keeps_an_old_one(tmp_path):
    (tmp_path / "old.png").write_bytes(b"old")
    for name in ("old.png", "new.png"):
        assert (
            run_skal("demo", "--labels", 5000, "--out", tmp_path / name).exit_code == 2
        )
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_seeds_pair_the_strategies():
    """Runs of one seed share their split and initial labels, so their first score."""
    runs = [_demo.run(name, 3, 30, 20, 10) for name in ("margin", "random")]
    assert runs[0][3][0] == runs[1][3][0]
    assert _demo.run("random", 4, 30, 20, 10)[3][0] != runs[0][3][0]


def test_demo_is_the_same_on_two_processes():
    results = [
        _demo.gather(_demo.run_all(["margin"], 2, 40, 20, 10, n_jobs=n_jobs))
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(results[0]["margin"][1], results[1]["margin"][1])


def test_labels_needed_by_hand():
    curve = np.array([10, 20, 30]), np.array([[0.2, 0.4, 0.6], [0.4, 0.6, 0.8]])
    labels, low, high = _demo.labels_needed(curve, target=0.5)
    np.testing.assert_allclose([labels, low, high], [20, 15, 25])
    assert _demo.labels_needed(curve, target=0.75) == (np.inf, 27.5, np.inf)
    np.testing.assert_allclose(_demo.labels_needed(curve, baseline=curve), 30)


@pytest.mark.long
def test_less_than_two_thirds_of_the_labels_match_random():
    """The claim of the demo: 20 paired seeds, 200 labels."""
    results = _demo.run_all(["auto", "margin", "random"], 20, 200, 20, 10, n_jobs=1)
    curves = _demo.gather(results)
    for name, most in {"auto": 100, "margin": 125}.items():
        needed = _demo.labels_needed(curves[name], baseline=curves["random"])
        labels, low, high = needed
        assert labels <= most
        assert low < labels < high < 150
    assert 0.91 < curves["random"][1][:, -1].mean() < 0.94
