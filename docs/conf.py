"""The site: Sphinx with MyST-NB, numpydoc and the PyData theme. ``make -C docs html`` builds it."""

import re
import sys
from importlib.resources import files
from pathlib import Path

from nnfw import __version__

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project, author, copyright = "nnfw", "The nnfw developers", "The nnfw developers, MIT licence"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "api",
    "equations",
]
exclude_patterns = ["_build", "jupyter_execute"]
templates_path = ["_templates"]
nitpicky = True
default_role = "py:obj"  # a name in single backticks is a link where the reference has it, see _ext/api.py

# ---- pages and notebooks
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "cache"  # a page is executed again when its own code has changed, not nnfw's
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_merge_streams = True

# ---- the reference
autodoc_typehints = "none"  # docstrings say the types, and shapes
autodoc_member_order = "bysource"
autodoc_default_options = {"show-inheritance": True}
autosummary_generate = False  # _ext/api.py writes the pages
toc_object_entries = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# ---- HTML
html_theme = "pydata_sphinx_theme"
html_title = "nnfw"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/icon.svg"
html_copy_source = False
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
ALONE = "index", "install", "quickstart", "performance", "validation", "reading", "changelog", "[A-Z]*"
html_sidebars = {page: [] for page in ALONE}  # a sidebar would be empty: their sections have no other page
html_theme_options = {
    "logo": {"text": "nnfw", "image_light": "_static/icon.svg", "image_dark": "_static/icon.svg"},
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_nav_level": 1,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

# ---- mathematics: MathJax from a package, so that the site works without a network
mathjax_path = "mathjax/tex-chtml.js"
MATHJAX = files("sphinx-mathjax-offline") / "static" / "mathjax"

linkcheck_anchors = False


def copy_mathjax(app, error):
    """Copy the part of MathJax that the pages load: its TeX input and HTML output, and their fonts."""
    if error or app.builder.format != "html":
        return
    for name in ("tex-chtml.js", "output/chtml/fonts/woff-v2"):
        copy_tree(MATHJAX / name, app.outdir / "_static" / "mathjax" / name)


def copy_tree(source, target):
    """Copy a file or folder of a package."""
    if source.is_dir():
        for entry in source.iterdir():
            copy_tree(entry, target / entry.name)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())


def leave_out_missing(app, page, source):
    """Remove patterns of tables of contents, as ``tutorials/inde*``, and cards that have no page."""
    if page in ("index", "guide"):
        found, text = app.env.found_docs, source[0]
        text = re.sub(
            r"^(\S+)\*\n", lambda m: m[0] * any(d.startswith(m[1]) for d in found), text, flags=re.M
        )
        card = r"::::\{grid-item-card\}[^\n]*\n:link: (\S+)\n.*?\n::::\n\n"
        source[0] = re.sub(card, lambda m: m[0] * (m[1] in found), text, flags=re.S)


def setup(app):
    """Connect what this file defines."""
    app.connect("build-finished", copy_mathjax)
    app.connect("source-read", leave_out_missing)
