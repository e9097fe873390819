"""What a notebook shows: pictures from the middle of a cell, tables, live curves, a bar without widgets."""

import io
import sys
import types
from xml.etree import ElementTree

import kernel
import numpy as np
import pytest
from untrained import untrained

from nnfw import GRU, LSTM, Dense, EarlyStopping, LivePlot, Network, Residual, plots
from nnfw.core import notebook
from nnfw.training import live
from nnfw.training.live import blocks
from nnfw.training.progress import Bar

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X[:, 0] * X[:, 1]


@pytest.fixture
def shell(monkeypatch):
    return kernel.install(monkeypatch)


def network(**options):
    return Network([Dense(4, "tanh"), Dense(1)], seed=0, **options)


def cells(html):
    """The rows of a table, which is well-formed."""
    return [["".join(cell.itertext()) for cell in row] for row in ElementTree.fromstring(html).iter("tr")]


# --- showing -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_picture_in_the_middle_of_a_cell_is_shown_after_it(shell, tmp_path):
    figures = []

    def cell():
        figures.append(plots.lines({"a": [1, 2]}))
        figures.append(plots.lines({"b": [1, 2]}))
        plots.lines({"saved": [1, 2]}, tmp_path / "saved.png")
        return figures[1]

    assert shell.run(cell) == figures[:1]
    assert shell.run(lambda: None) == []
    assert shell.run(lambda: shell.display(plots.lines({"a": [1, 2]}))) != []
    assert len(shell.shown) == 1
    assert notebook.WAITING == []


def test_no_figure_waits_outside_of_a_notebook(monkeypatch):
    plots.lines({"a": [1, 2]})
    assert notebook.WAITING == []
    terminal = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=None))
    monkeypatch.setitem(sys.modules, "IPython", terminal)
    assert notebook.shell() is None
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert notebook.shell() is None


def test_a_report_is_shown_once_in_a_notebook_and_printed_elsewhere(shell, capsys, monkeypatch):
    net = network()
    (report,) = shell.run(lambda: net.check(X, Y, steps=3) and None)
    assert shell.run(lambda: net.check(X, Y, steps=3)) == []
    assert capsys.readouterr().out == ""
    rows = cells(report._repr_html_())
    assert [row[0] for row in rows[:5]] == ["check", "data", "features", "loss", "gradients"]
    assert all(found in str(report) for row in rows[1:6] for found in row)
    assert [row[1] for row in rows if row[0] == "warning"] == report.warnings
    monkeypatch.delitem(sys.modules, "IPython")
    report = net.check(X, Y, steps=3)
    assert capsys.readouterr().out == f"{report}\n"


def test_a_report_has_a_repr_of_its_own():
    report = network().check(X, Y, steps=1)
    found = f"{len(report.warnings)} warning{'s' * (len(report.warnings) > 1)}"
    assert repr(report) == f"<Report, {found}; loss {report.loss:.3g}, baseline loss {report.chance:.3g}>"
    report.warnings.clear()
    assert repr(report).startswith("<Report, no warnings; ")


def test_tables_of_network_history_and_stream():
    net = Network([GRU(4, return_sequences=True, name="a<b"), Dense(1)], seed=0)
    assert cells(net._repr_html_())[1] == ["a<b", "GRU(4, return_sequences=True, name='a<b')", "?", "?"]
    assert cells(net.history._repr_html_()) == [["epoch"]]
    x = X.reshape(8, 5, 3)
    net.fit(x, x[..., :1], epochs=3, verbose=0)
    assert cells(net._repr_html_())[1][2:] == ["(N, T, 4)" if net.shapes[0][0] is None else "(N, 5, 4)", "96"]
    assert f"{net.size:,} parameters; float32; loss MSE()" in net._repr_html_()
    head, *rows = cells(net.history._repr_html_())
    assert head == ["", "epoch 1", "epoch 3", "lowest loss: epoch 3"]
    assert rows[0] == ["loss", *(f"{net.history['loss'][n]:.4g}" for n in (0, -1, 2))]
    net.fit(x, x[..., :1], validation_split=0.5, verbose=0)
    assert "nan" not in net.history._repr_html_()
    assert [row[0] for row in cells(net.history._repr_html_())[1:]] == list(net.history)
    stream = net.stream()
    assert repr(stream) == "<Stream of 1 sequence; a step takes (3,)>"
    assert cells(stream._repr_html_()) == [["layer", "state"], ["a<b", "(1, 4), norm 0"], ["dense_2", "-"]]
    stream.step(X[0])
    assert f"norm {np.linalg.norm(stream.state[0]):.3g}" in stream._repr_html_()
    net = Network([Residual([GRU(3, return_sequences=True), Dense(3)]), LSTM(2)], seed=0)
    net.build((None, 3))
    names = ["residual_1.gru_1", "residual_1.dense_2", "lstm_2"]
    states = ["(1, 3), norm 0", "-", "(1, 4), norm 0"]
    assert cells(net.stream()._repr_html_())[1:] == [[*row] for row in zip(names, states, strict=True)]


def test_how_many_sequences_a_stream_takes():
    net = Network([GRU(4)], seed=0)
    net.build((None, 3))
    assert repr(net.stream(samples=2)) == "<Stream of 2 sequences; a step takes (2, 3)>"


# --- live --------------------------------------------------------------------------------------------------


class Clock:
    """Stands for `time`; each look at it takes a second."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        self.now += 1.0
        return self.now


@pytest.mark.slow
def test_live_curves_grow_in_their_place(shell, monkeypatch):
    drawn, draw = [], plots.history
    monkeypatch.setattr(plots, "history", lambda history: drawn.append(len(history.epoch)) or draw(history))
    monkeypatch.setattr(live, "time", Clock())
    shell.run(lambda: network().fit(X, Y, epochs=12, callbacks=[LivePlot(every=4)], verbose=0) and None)
    assert drawn[0] == 1
    assert drawn[-1] == 12
    assert 3 <= len(drawn) <= 6
    assert len(shell.shown) == 1  # one picture, and what took its place
    assert notebook.WAITING == []


@pytest.mark.slow
def test_live_curves_end_with_the_restored_epoch(shell):
    seen, net = [], network()
    original = plots.history
    stopping = EarlyStopping(patience=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "history", lambda h: seen.append((len(h.epoch), h.restored)) or original(h))
        net.fit(X, Y, epochs=30, validation_split=0.5, callbacks=[LivePlot(every=1e9), stopping], verbose=0)
    assert seen == [(1, None), (len(net.history.epoch), stopping.best_epoch)]


def test_live_curves_of_a_terminal_are_a_line(capsys, monkeypatch):
    monkeypatch.setattr(live, "time", Clock())
    net = network()
    net.fit(X, Y, epochs=4, validation_split=0.5, callbacks=[LivePlot(every=100)], verbose=2)
    lines = [line for line in capsys.readouterr().out.splitlines() if "▁" in line]
    h = net.history
    assert lines == [
        f"epoch {n}: loss {blocks(h['loss'][:n])}, val_loss {blocks(h['val_loss'][:n])}" for n in (1, 4)
    ]
    net.fit(X, Y, callbacks=[LivePlot()], verbose=0)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    net.fit(X, Y, callbacks=[LivePlot()], verbose=2)
    sys.stdout.seek(0)
    assert "\\u" not in sys.stdout.read()


def test_blocks():
    assert blocks([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█ 8"
    assert blocks([5.0]) == "▁ 5"
    assert blocks([float("nan"), float("inf")]) == "nan"
    assert len(blocks(np.arange(1000.0)).split()[0]) == live.WIDTH


# --- bars --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("widgets", [True, False])
@pytest.mark.slow
def test_a_kernel_without_widgets_gets_a_bar_of_text_and_no_warning(widgets, shell, monkeypatch, capsys):
    asked, module = [], "nnfw.training.progress"
    monkeypatch.setattr(f"{module}.find_spec", lambda name: asked.append(name) or (widgets or None))
    imported = []
    monkeypatch.setattr(f"{module}.import_module", lambda n: imported.append(n) or __import__("tqdm"))
    monkeypatch.setattr(f"{module}.EPOCH_BAR_DELAY", 0.0)
    network().fit(X, Y, epochs=2, batch_size=1, verbose=1)
    assert asked == ["ipywidgets"]
    assert imported == ["tqdm.auto" if widgets else "tqdm"]
    printed = capsys.readouterr().err
    assert ("epoch 1/2" in printed) == widgets
    assert ("\x1b[A" in printed) == widgets  # a second line, which only widgets and terminals have
    assert "epochs 2/2" in printed


def test_elsewhere_the_bars_are_two():
    bar = Bar()
    bar.start(1, 1, 1)
    assert not bar.alone
    bar.close()


def test_untrained_is_shown_too():
    assert cells(untrained(network(), 3)._repr_html_())[1] == [
        "dense_1",
        "Dense(4, activation='tanh')",
        "(N, 4)",
        "16",
    ]
