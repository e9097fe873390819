"""The reference: an entry for each public name, found by looking into the package, so that none is missing.

Before Sphinx reads the pages, this writes ``docs/reference/``: an index with a table of all names, and pages
that hold their docstrings. Base classes that are not public themselves stand at the end of the page of what
they are the base of. A name in single backticks in a docstring is a link if the reference has an entry for
it, by whatever module it is reached, and plain code if not, as the names of arguments.
"""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

from sphinx.addnodes import pending_xref

import nnfw

CORE = {  # title of a page: the modules whose names in `nnfw` it has
    "Network": ("network", "history"),
    "Layers": ("layers",),
    "Callbacks": ("training", "saving"),
    "Errors": ("core",),
}
APART = ("Layers",)  # a page for each name
OUTSIDE = (
    "distributed",
    "exchange",
    "forecasting",
    "sklearn",
    "streaming",
)  # public, and not named by `import nnfw`


class Page:
    """A page of the reference: its title, the text above, and its names."""

    def __init__(self, title: str, text: str, module: str, names: list[str]) -> None:
        self.title, self.text, self.module, self.names = title, text, module, names
        self.file = title.lower().replace(".", "_")
        self.entries = {f"{module}.{name}": getattr(importlib.import_module(module), name) for name in names}


def pages() -> list[Page]:
    """Return all pages; a name that several modules have stands where it is defined."""
    modules = {name for name in nnfw.__all__ if isinstance(getattr(nnfw, name), ModuleType)} - {"layers"}
    found = []
    for module in sorted({*modules, *OUTSIDE}):
        loaded = importlib.import_module(f"nnfw.{module}")
        found.append(Page(loaded.__name__, loaded.__doc__.split("\n\n")[0], loaded.__name__, public(loaded)))
    taken = {id(thing) for page in found for thing in page.entries.values()}
    left = [
        name
        for name in nnfw.__all__
        if id(getattr(nnfw, name)) not in taken and not isinstance(getattr(nnfw, name), ModuleType)
    ]
    home = {name: getattr(nnfw, name).__module__.split(".")[1] for name in left}
    core = [
        Page(title, "", "nnfw", [name for room in rooms for name in left if home[name] == room])
        for title, rooms in CORE.items()
    ]
    missing = set(left) - {name for page in core for name in page.names}
    if missing:
        raise ValueError(f"docs/_ext/api.py: CORE has no page for {', '.join(sorted(missing))}")
    return core + found


def public(module: ModuleType) -> list[str]:
    """Return the public names of a module: those it declares, or those that it defines."""
    declared = getattr(module, "__all__", None)
    if declared is not None:
        return list(declared)
    return [
        name
        for name, thing in vars(module).items()
        if getattr(thing, "__module__", "") == module.__name__ and not name.startswith("_") and thing.__doc__
    ]


def bases(page: Page, known: set[int]) -> dict[str, type]:
    """Return the base classes in nnfw of what a page has, that no page has yet, by full name."""
    found = {}
    for thing in page.entries.values():
        for base in inspect.getmro(thing) if isinstance(thing, type) else ():
            if base.__module__.startswith("nnfw.") and id(base) not in known and base.__doc__:
                known.add(id(base))
                found[f"{base.__module__}.{base.__qualname__}"] = base
    return found


def directive(name: str, thing: object) -> str:
    """Return the directive that shows the docstring of a name."""
    if isinstance(thing, type):
        options = "   :members:\n"
        return f".. autoclass:: {name}\n{options}"
    if callable(thing) and type(thing).__module__ != "typing":
        return f".. autofunction:: {name}\n"
    return f".. autodata:: {name}\n   :no-value:\n"


def explained(folder: Path) -> dict[str, str]:
    """Return the pages of a folder that name a layer as their reference, by the name of the layer."""
    return {
        name: page.stem
        for page in folder.glob("*.md")
        for line in re.findall(r"Reference: .*", page.read_text(encoding="utf-8"))
        for name in re.findall(r"`nnfw\.(\w+)`", line)
    }


def heading(text: str, line: str) -> str:
    """Return a heading."""
    return f"{text}\n{line * len(text)}\n\n"


def table(names: list[str]) -> str:
    """Return a table of names and the first sentence of each."""
    return ".. autosummary::\n   :nosignatures:\n\n" + "".join(f"   {name}\n" for name in names) + "\n"


def write(folder: Path) -> dict[int, str]:
    """Write all pages, and return under which name each object is documented."""
    folder.mkdir(exist_ok=True)
    all_pages = pages()
    documented = {id(thing): name for page in all_pages for name, thing in page.entries.items()}
    how = explained(folder.parent / "how")
    files, index = {}, heading("API reference", "=") + "Every public name of nnfw.\n\n"
    for page in all_pages:
        more = bases(page, set(documented))
        documented |= {id(thing): name for name, thing in more.items()}
        index += heading(page.title, "-") + (page.text and f"{page.text}\n\n") + table(list(page.entries))
        text = heading(page.title, "=")
        if page.module != "nnfw":
            text += f".. py:module:: {page.module}\n\n{page.text}\n\n"
        apart = page.title in APART
        text += table([*(page.names if page.module != "nnfw" else page.entries), *(more if apart else ())])
        if apart:
            text += toctree([name.rpartition(".")[2] for name in (page.entries | more)])
        for name, thing in (page.entries | more).items():
            entry = f".. currentmodule:: {name.rpartition('.')[0]}\n\n{directive(name, thing)}\n"
            short = name.rpartition(".")[2]
            if apart:
                files[short] = heading(short, "=")
                if short in how:
                    files[short] += f"Line by line: :doc:`How it works </how/{how[short]}>`.\n\n"
                files[short] += entry
            else:
                text += heading(short, "-") + entry
        files[page.file] = text
    files["index"] = index + toctree([page.file for page in all_pages])
    for old in folder.glob("*.rst"):
        if old.stem not in files:
            old.unlink()
    for name, text in files.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # else all would be built again
            path.write_text(text, encoding="utf-8")
    return documented


def toctree(names: list[str]) -> str:
    """Return a hidden table of contents."""
    return ".. toctree::\n   :hidden:\n\n" + "".join(f"   {name}\n" for name in names) + "\n"


def resolve(app, env, node, contnode):
    """Find the entry of a name by another path to it; a plain word that has no entry is code.

    What is left, and is reported, is a dotted name that cannot be imported.
    """
    if node.get("refdomain") != "py":
        return None
    target, domain = node["reftarget"], env.get_domain("py")
    modules = [node.get("py:module") or "nnfw", "nnfw"]
    for path in (target, *(f"{module}.{target}" for module in modules)):
        owner, _, attribute = path.rpartition(".")
        entries = [app.nnfw_documented.get(id(found(path)))]
        entries += [f"{app.nnfw_documented.get(id(found(owner)))}.{attribute}"]
        for entry in entries:
            if entry in domain.objects and entry != target:
                kind = {"class": "class", "exception": "class"}.get(domain.objects[entry].objtype, "obj")
                return domain.resolve_xref(
                    env, node["refdoc"], app.builder, kind, entry, pending_xref(""), contnode
                )
        if not isinstance(found(path), str):
            return contnode
    return contnode if "." not in target else None


def skip(app, what, name, thing, default, options):
    """Leave out the methods that scikit-learn adds to its estimators."""
    return True if getattr(thing, "__module__", "").startswith("sklearn") else None


def signature(app, what, name, thing, options, arguments, result):
    """Show the arguments that a class is made with, without annotations."""
    if not isinstance(thing, type) or arguments is None:
        return None
    shown = inspect.signature(thing)
    parameters = [p.replace(annotation=p.empty) for p in shown.parameters.values()]
    return str(shown.replace(parameters=parameters, return_annotation=shown.empty)), None


def found(path: str) -> object:
    """Return the object of a dotted name, or the path itself if there is none."""
    parts = path.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:cut]))
        except (ImportError, ValueError):
            continue
        for part in parts[cut:]:
            if part not in getattr(thing, "__dict__", {}):
                return path
            thing = thing.__dict__[part]
        return thing
    return path


def start(app) -> None:
    """Write the pages before Sphinx looks for them."""
    app.nnfw_documented = write(Path(app.srcdir) / "reference")


def setup(app):
    """Connect the extension."""
    app.connect("builder-inited", start, priority=100)
    app.connect("missing-reference", resolve, priority=900)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
