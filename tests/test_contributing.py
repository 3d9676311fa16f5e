"""CONTRIBUTING's steps, taken as they stand there, add a strategy; its paths exist."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
#: What the steps write, or add to a file that is there: path and content.
STEPS = dict(re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```$", TEXT, re.M | re.S))
#: A file and what it holds, step by step from `fit` to a pick.
WALK = re.findall(r"^\d+\. `(\S+\.py)`: ((?:.+\n)+?)(?=\d+\.|\n)", TEXT, re.M)

#: What a contributor runs next, in one process: the tables anew, then the tests.
AFTERWARDS = """
import runpy, sys, pytest
runpy.run_path("docs/strategy_tables.py", run_name="__main__")
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""
#: The tests that say something about the new strategy.
TESTS = [
    "tests/query/test_ratio.py",
    "tests/query/test_strategies.py",
    "tests/query/test_base.py",
    "tests/query/test_check.py",
    "tests/test_strategy_tables.py",
    "tests/test_docs.py",
    "skal/query/_ratio.py",
    "-k",
    "test_ratio or ConfidenceRatio or confidence_ratio or tables or public",
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a copy of the repository in which the steps have been taken."""
    root = tmp_path_factory.mktemp("contributor")
    made = ("__pycache__", "_build", "generated", "examples", "images")
    for name in ("skal", "tests", "docs"):
        ignore = shutil.ignore_patterns(*made)
        shutil.copytree(ROOT / name, root / name, ignore=ignore)
    for name in ("README.md", "CHANGELOG.md", "conftest.py", "pyproject.toml"):
        shutil.copy2(ROOT / name, root)
    for path, content in STEPS.items():
        if (root / path).exists():
            open_door(root / path, content)
        else:
            (root / path).write_text(content, encoding="utf-8")
    return root


def open_door(path, lines):
    """Put imports, and entries of __all__, where the alphabet puts them."""
    text = path.read_text(encoding="utf-8").splitlines()
    for new in lines.splitlines():
        for start in ("from skal.", '    "'):
            if new.startswith(start):
                at = [i for i, old in enumerate(text) if old.startswith(start)]
                text.insert(next(i for i in at if text[i] > new), new)
    path.write_text("\n".join(text) + "\n", encoding="utf-8")


def run(copy, *command):
    """Run Python in the copy and return what it says; it must succeed."""
    outer = {name for name in os.environ if name.startswith("PYTEST")}
    env = {name: os.environ[name] for name in os.environ.keys() - outer}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={**env, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_steps_touch_at_most_four_places():
    """It used to be fourteen; the fourth holds the bad values of its parameters."""
    assert len(STEPS) <= 3


@pytest.mark.long
def test_the_steps_add_a_strategy_that_keeps_every_promise(copy):
    said = run(copy, "-c", AFTERWARDS, *TESTS)
    assert int(re.search(r"(\d+) passed", said)[1]) > 75
    for page in ("README.md", "docs/user_guide.md", "docs/api.rst"):
        ours = (ROOT / page).read_text(encoding="utf-8")
        new = set((copy / page).read_text(encoding="utf-8").splitlines())
        assert any("onfidence" in line for line in new - set(ours.splitlines()))


def test_the_code_of_the_steps_is_in_order(copy):
    pytest.importorskip("ruff")
    run(copy, "-m", "ruff", "check", "--no-cache", *STEPS)
    run(copy, "-m", "ruff", "format", "--no-cache", "--check", *STEPS)


@pytest.mark.parametrize(
    ("path", "said"), WALK, ids=[f"{i}-{Path(p).stem}" for i, (p, _) in enumerate(WALK)]
)
def test_a_file_on_the_walk_holds_what_the_walk_names(path, said):
    code = (ROOT / path).read_text(encoding="utf-8")
    names = re.findall(r"`([\w.]+)`", said)
    assert names
    for name in names:
        owner, _, method = name.rpartition(".")
        assert re.search(rf"\b{method}\b", code), name
        if owner:
            body = code.partition(f"\nclass {owner}(")[2] or code
            assert f"class {owner}" in code, name
            assert f"    def {method}(" in body, name


def test_the_walk_takes_ten_steps():
    assert len(WALK) == 10


def test_the_files_and_commands_that_are_named_exist():
    house = re.search(r"## The house\n(.*?)\n## ", TEXT, re.S)[1]
    rooms = re.findall(r"`((?:\w+/)+|\w+\.py)`", house)
    paths = re.findall(r"`((?:skal|tests|docs|benchmarks)/[\w./]*)`", TEXT)
    assert len(rooms) > 12
    for path in paths + [f"skal/{room}" for room in rooms if room not in paths]:
        assert (ROOT / path).exists() or path == "docs/_build/html", path
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert set(re.findall(r"`make ([\w-]+)", TEXT)) <= set(targets)
