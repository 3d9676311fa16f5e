"""Configuration of the documentation; `make docs` builds it."""

import shutil
from pathlib import Path

import skal

HERE = Path(__file__).parent

project = "skal"
author = "skal developers"
copyright = "2026, skal developers"
version = release = skal.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]
root_doc = "index"

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
# The notebooks are stored executed, and the tests run them again.
nb_execution_mode = "off"

copybutton_prompt_text = ">>> |\\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "skal"
html_theme_options = {
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
}
# The left column lists the pages below a page; where there are none it is empty.
html_sidebars = {
    page.stem: []
    for page in HERE.glob("*.md")
    if page.stem == "index" or "{toctree}" not in page.read_text("utf-8")
} | {"genindex": [], "search": []}


def copy_examples():
    """Bring the notebooks to where Sphinx can see them."""
    target = HERE / "examples"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for notebook in HERE.parent.glob("examples/*.ipynb"):
        shutil.copy2(notebook, target)


def skip_foreign(app, what, name, member, skip, options):
    """Leave to scikit-learn, skorch and torch what classes inherit from them."""
    module = getattr(member, "__module__", None) or "skal"
    return True if module.split(".")[0] != "skal" else None


def setup(app):
    """Connect the hook to autodoc."""
    app.connect("autodoc-skip-member", skip_foreign)


copy_examples()
