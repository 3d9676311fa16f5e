"""What the documentation says is true: its code runs, its docstrings are whole."""

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import textwrap
import tomllib
import types
from pathlib import Path

import pytest
from numpydoc.validate import validate

import skal

ROOT = Path(__file__).parents[1]
# The code in CONTRIBUTING makes files: tests/test_contributing.py tries it.
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IGNORED = set(PYPROJECT["tool"]["numpydoc_validation"]["checks"]) - {"all"}
# What is asked of classes on top: an example and neighbours.
ASKED_OF_CLASSES = {"EX01", "SA01"}

MODULES = ["skal"] + [
    module.name
    for module in pkgutil.walk_packages(skal.__path__, "skal.")
    if not any(part.startswith("_") for part in module.name.split("."))
]


def public_objects():
    """Return the dotted name of each documented object, once, by its shortest name."""
    names = {}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                names.setdefault(thing, f"{module_name}.{name}")
    return names


def own_methods(thing):
    """Return the names of the public methods that a class itself defines."""
    return [
        name
        for name in vars(thing)
        if not name.startswith("_") and is_method_of_skal(getattr(thing, name))
    ]


def is_method_of_skal(member):
    written_here = str(getattr(member, "__module__", "")).startswith("skal")
    return written_here and callable(member) and not inspect.isclass(member)


OBJECTS = public_objects()


def blocks_of(page):
    """Return (first line, code) of each python block in a page."""
    text = page.read_text(encoding="utf-8")
    fenced = re.finditer(r"^( *)```python\n(.*?)^\1```", text, re.M | re.S)
    return [
        (text.count("\n", 0, match.start(2)), textwrap.dedent(match[2]))
        for match in fenced
    ]


#: Those that train networks, or check a strategy whole.
LONG_PAGES = {
    "README.md",
    "add_a_strategy.md",
    "batches.md",
    "experiments.md",
    "groups.md",
    "networks.md",
    "rare.md",
    "synthesis.md",
    "uncertainty.md",
    "user_guide.md",
    "your_own_task.md",
}


def marks_of(page):
    return pytest.mark.long if page.name in LONG_PAGES else ()


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.name, marks=marks_of(page)) for page in PAGES],
)
def test_the_python_blocks_of_a_page_run_from_top_to_bottom(
    page, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    # A module of their own: what the blocks define can be pickled.
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    namespace = vars(sys.modules["__main__"])
    for line, code in blocks_of(page):
        if code.startswith(">>>"):
            run_session(code, namespace, page, line)
        else:
            exec(compile("\n" * line + code, str(page), "exec"), namespace)


def run_session(code, namespace, page, line):
    """Run a block of >>> lines and compare what it prints."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    session = doctest.DocTestParser().get_doctest(
        code, namespace, page.name, str(page), line
    )
    report = []
    runner = doctest.DocTestRunner(optionflags=flags)
    runner.run(session, out=report.append, clear_globs=False)
    namespace.update(session.globs)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("module_name", MODULES)
def test_public_names_are_listed_in_alphabetical_order(module_name):
    names = importlib.import_module(module_name).__all__
    assert list(names) == sorted(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", OBJECTS.values())
def test_docstrings_follow_numpydoc(name):
    assert not problems_of(name)


@pytest.mark.parametrize(
    "name", [name for thing, name in OBJECTS.items() if inspect.isclass(thing)]
)
def test_docstrings_of_methods_follow_numpydoc(name):
    thing = next(thing for thing, known in OBJECTS.items() if known == name)
    for method in own_methods(thing):
        assert inspect.getdoc(getattr(thing, method)), f"{name}.{method} says nothing"
        if vars(thing)[method].__doc__:
            assert not problems_of(f"{name}.{method}")


def problems_of(name):
    """Return what numpydoc finds wrong with a docstring, less what we ignore."""
    result = validate(name)
    is_class = result["type"] == "type" and not name.startswith("skal.exceptions")
    ignored = IGNORED - ASKED_OF_CLASSES if is_class else IGNORED
    return [error for error in result["errors"] if error[0] not in ignored]


def test_every_public_object_is_in_the_api_reference():
    listed = set(re.findall(r"[\w.]+", (ROOT / "docs/api.rst").read_text("utf-8")))
    # A name counts under its short path too: `.. currentmodule::` sets the prefix.
    missing = [
        name
        for name in OBJECTS.values()
        if name not in listed and name.rpartition(".")[2] not in listed
    ]
    assert not missing


def test_the_changelog_knows_this_version():
    assert skal.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_importing_skal_imports_nothing_heavy_that_scikit_learn_does_not():
    code = (
        "import sys, sklearn.linear_model\n"
        "before = set(sys.modules)\n"
        "import skal\n"
        "heavy = {'torch', 'torchvision', 'skorch', 'matplotlib', 'pandas'}\n"
        "print(*sorted(heavy & set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
