"""What the site reads from the source: equations with their code, shapes, pictures, and every public name."""

import importlib
import pathlib
import pkgutil
import re
import xml.etree.ElementTree as ElementTree

import pytest
from alike import for_each

import nnfw
from nnfw import (
    GRU,
    GRUD,
    LSTM,
    RNN,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    Layer,
    LayerNorm,
)

pytest.importorskip("sphinx")

import api
import equations

NUMBERED = [Dense, RNN, GRU, GRUD, LSTM, Bidirectional, Embedding, Dropout, GaussianNoise, LayerNorm]


def read(cls):
    found = equations.equations(cls)
    equations.add_code(cls, found)
    return found


@for_each(
    ("formula", "expected"),
    [
        ("h = φ(x Wx + h₋ Wh + b)", r"h = \varphi(x\;W_{x} + h_{-}\;W_{h} + b)"),
        ("dh₋ += ds_z Wh_zᵀ", r"\mathrm{d}h_{-} \mathrel{+}= \mathrm{d}s_{z}\;W_{hz}^{\top}"),
        ("dc += dh∘o∘φ′", r"\mathrm{d}c \mathrel{+}= \mathrm{d}h\circ o\circ \varphi'"),
        ("scale = 1 / √(mean(c²) + ε)", r"\mathrm{scale} = 1 / \sqrt{\mathrm{mean}(c^2) + \varepsilon}"),
        ("dγ_x = dv∘(1−m)∘x", r"\mathrm{d}\gamma_{x} = \mathrm{d}v\circ (1- m)\circ x"),
        ("m = 0 with probability p, else 1", r"m = 0\text{ with probability }p,\text{ else }1"),
    ],
)
def test_formulas_in_tex(formula, expected):
    assert equations.tex(formula) == expected


@for_each("cls", NUMBERED)
def test_every_equation_has_its_lines(cls):
    found = read(cls)
    assert any(equation.forward for equation in found.values())
    for number, equation in found.items():
        for side, code in equation.code.items():
            assert code or not number or not getattr(equation, side), (number, side)
            for one in code:
                source = (equations.ROOT / one.path).read_text(encoding="utf-8").splitlines()
                there = source[one.start - 1 : one.start - 1 + len(one.lines)]
                assert [line.strip() for line in there] == [line.strip() for line in one.lines]
                assert f"({number})" in there[-1] or " to (" in there[-1]


def test_a_formula_wider_than_the_page_has_two_lines():
    """They are the one formula: nothing is lost where it is cut."""
    for cls in (LayerNorm, LSTM, GRUD):
        for equation in equations.equations(cls).values():
            for formula, _ in equation.forward + equation.backward:
                lines = equations.lines_of(formula)
                assert len(lines) == 1 + (len(formula) > equations.WIDE)
                assert "".join(lines).replace("{} ", " ").replace(" ", "") == equations.tex(formula).replace(
                    " ", ""
                )
    (shown, *_) = equations.math(equations.equations(LayerNorm)["3"].backward)
    assert r" \\[0.4em] {} - " in shown


def test_the_equations_of_a_gru():
    found = read(GRU)
    assert list(found) == ["1", "2", "3", "4", "", "3'"]
    assert found["4"].forward == [("h = z∘h₋ + (1−z)∘c", "new state")]
    assert [formula for formula, _ in found["1"].backward] == ["ds_z = dz∘σ′", "dh₋ += ds_z Wh_zᵀ"]
    assert [formula.split(" ")[0] for formula, _ in found["3'"].forward] == ["c", "u"]
    lines = [line for code in found["4"].code["forward"] for line in code.lines]
    assert lines == [
        "np.subtract(h_[t], c[t], out=h[t])  # (4) h₋−c",
        "h[t] *= z[t]  # (4) z∘(h₋−c)",
        "h[t] += c[t]  # (4) h = c + z∘(h₋−c)",
    ]
    update = [code.path for code in found["1"].code["backward"] if code.lines[0].startswith("ds_z[t] *=")]
    assert update == ["nnfw/layers/gru.py"]  # and not again from the loop with (3')
    after = [line for code in found["3'"].code["backward"] for line in code.lines]
    assert "np.multiply(ds_c[t], r[t], out=du[t])  # (3') du" in after


def test_an_equation_without_a_line_is_seen():
    class Twice(Layer):
        """Twice the input.

        ::

            (1)  y = 2 x

        and backward::

            (1)  dx = 2 dy
        """

        def forward(self, x, training=False):
            return 2 * x  # (1)

        def backward(self, dy):
            return 2 * dy

    found = read(Twice)
    assert found["1"].forward == [("y = 2 x", "")]
    assert found["1"].backward == [("dx = 2 dy", "")]
    assert [code.lines for code in found["1"].code["forward"]] == [["return 2 * x  # (1)"]]
    assert found["1"].code["backward"] == []


def test_shapes_are_in_letters():
    shapes = {name: shape for _, name, shape in equations.shapes(GRU(4), (7, 3))}
    assert shapes["x"] == shapes["dx"] == "(N, T, D)"
    assert (shapes["Wx_z"], shapes["Wh_z"], shapes["b_z"]) == ("(D, H)", "(H, H)", "(H,)")
    assert (shapes["z"], shapes["ds"], shapes["y"]) == ("(N, T, H)", "(N, T, 3H)", "(N, H)")


def test_the_picture_has_an_arrow_for_each_term():
    rows = [["h₋", "h"], ["z"], ["r", "q", "c"], ["x"]]
    drawn = ElementTree.fromstring(equations.picture(read(GRU), rows, "GRU"))
    arrows = [path for path in drawn.iter("path") if path.get("class") == "arrow"]
    assert len(arrows) == 2 + 2 + 2 + 2 + 3  # z, r and q = r∘h₋, c of x and q, h of z, h₋ and c
    with pytest.raises(ValueError, match="no row for q"):
        equations.picture(read(GRU), [["h₋", "h"], ["z"], ["r", "c"], ["x"]], "GRU")
    words = equations.picture(read(LayerNorm), [["x", "centred", "normalized", "y"], ["scale"]], "LayerNorm")
    assert 'style="font-size:10px">normalized' in words  # fits its box


def test_code_is_no_wider_than_a_small_screen():
    """The style sheet leaves so much room beside the sidebars."""
    docs = pathlib.Path(api.__file__).parents[1]
    pages = [page.read_text("utf-8") for page in docs.rglob("*.md") if "_build" not in page.parts]
    blocks = [block for page in pages for block in re.findall(r"^```.*?^```", page, re.M | re.S)]
    assert [line for block in blocks for line in block.splitlines() if len(line) > 100] == []


def test_every_public_name_is_in_the_reference():
    documented = {id(thing) for page in api.pages() for thing in page.entries.values()}
    public = [name for name in nnfw.__all__ if not isinstance(getattr(nnfw, name), type(nnfw))]
    assert [name for name in public if id(getattr(nnfw, name)) not in documented] == []
    modules = [importlib.import_module(f"nnfw.{one.name}") for one in pkgutil.iter_modules(nnfw.__path__)]
    shown = {page.module for page in api.pages()} | {"nnfw.layers"}
    assert [one.__name__ for one in modules if hasattr(one, "__all__") and one.__name__ not in shown] == []


def test_names_that_several_modules_have_stand_once():
    names = [name for page in api.pages() for name in page.entries]
    assert len(names) == len(set(names))
    assert "nnfw.optimizers.Adam" in names
    assert "nnfw.Adam" not in names


def test_pages_of_layers_are_linked_from_the_reference(tmp_path):
    how = {"dense": ["Dense"], "reshaping": ["Reshape", "Flatten"]}
    (tmp_path / "how").mkdir()
    for page, names in how.items():
        shown = ", ".join(f"{{py:obj}}`nnfw.{name}`" for name in names)
        text = f"Like {{py:obj}}`nnfw.RNN`.\nReference: {shown}.\n"
        (tmp_path / "how" / f"{page}.md").write_text(text, encoding="utf-8")
    api.write(tmp_path / "reference")
    linked = {
        path.stem: path.read_text(encoding="utf-8").partition("</how/")[2].partition(">")[0]
        for path in (tmp_path / "reference").glob("*.rst")
    }
    assert {name: page for name, page in linked.items() if page} == {
        name: page for page, names in how.items() for name in names
    }
