"""The tests stand in rooms as the package does, and each module says what it shows."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MODULES = sorted(TESTS.rglob("*.py"))
ROOMS = {path.parent.name for path in TESTS.parent.glob("skal/*/__init__.py")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_a_module_of_tests_says_what_it_shows(path):
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def test_tests_stand_in_the_rooms_of_the_package():
    folders = {path.parent.name for path in MODULES} - {TESTS.name}
    assert folders <= {room.removeprefix("_") for room in ROOMS}


def test_no_helper_stands_in_two_modules():
    written = {}
    for path in MODULES:
        for node in ast.parse(path.read_text("utf-8")).body:
            named = isinstance(node, ast.FunctionDef | ast.ClassDef)
            if named and not node.name.startswith("test_"):
                lines = ast.unparse(node)
                if lines.count("\n") > 2:
                    written.setdefault(lines, []).append(path.name)
    twice = [files for files in written.values() if len(files) > 1]
    assert not twice, f"Move to tests/helpers.py or conftest.py what stands in {twice}."
