"""Pictures of networks: what they show is read back from the figure and compared with independent values."""

import copy

import matplotlib
import numpy as np
import pytest
from alike import for_each
from matplotlib.figure import Figure
from matplotlib.text import Text
from untrained import untrained

from nnfw import (
    GRU,
    LSTM,
    RNN,
    SGD,
    Adam,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    History,
    LambdaCallback,
    MeanPooling,
    Network,
    RepeatVector,
    Reshape,
    Residual,
    explain,
    plots,
)
from nnfw.plots.gates import similar

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(6, 7, 3)), rng.normal(size=(6, 1))
SEQUENCES = [rng.normal(size=(n, 3)) for n in (4, 7, 1, 6, 2, 5)]
LENGTHS = np.array([4, 7, 1, 6, 2, 5])
PADDED = np.zeros((6, 7, 3))
for row, one in zip(PADDED, SEQUENCES, strict=True):
    row[: len(one)] = one


def network(layer, *others, **options):
    options = {"seed": 0, "optimizer": Adam(0.01)} | options
    return untrained(Network([layer, *others, Dense(1)], **options), None, 3)


def titled(figure):
    return {axes.get_title(loc="left"): axes for axes in figure.axes if axes.get_title(loc="left")}


def heat(axes):
    return np.asarray(axes.images[0].get_array())


def cached(net, layer, **options):
    """What a recurrent layer keeps in a training pass of a copy."""
    other = copy.deepcopy(net)
    other.forward(np.float32(X), training=True, **options)
    return layer(other).cache


# --- gates -------------------------------------------------------------------------------------------------

KINDS = {
    "rnn": (RNN(5), "h"),
    "gru": (GRU(5), "zrch"),
    "gru, reset after": (GRU(5, reset_after=True), "zrch"),
    "lstm": (LSTM(5), "ifogch"),
    "backwards": (GRU(5, go_backwards=True, return_sequences=False), "zrch"),
}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind != "gru")) for kind in KINDS]
)
@pytest.mark.slow
def test_gates_shows_every_gate_and_state(kind):
    layer, names = KINDS[kind]
    net = network(copy.deepcopy(layer))
    kept = cached(net, lambda net: net.layers[0])
    for sample in (None, 4) if kind == "gru" else (4,):  # the mean is that of any values
        panels = titled(plots.gates(net, X, sample=sample))
        *others, below = panels.values()
        assert [title[0] for title in panels] == [*names, "i"]
        x = X.mean(axis=0) if sample is None else X[sample]
        np.testing.assert_allclose([line.get_ydata() for line in below.lines], x.T, atol=1e-6)
        values = {name: kept[name].mean(axis=0) if sample is None else kept[name][sample] for name in names}
        shown = heat(others[-1])
        order = [int(np.abs(values["h"].T - row).sum(axis=1).argmin()) for row in shown]
        assert sorted(order) == [0, 1, 2, 3, 4]
        for name, axes in zip(names, others, strict=True):
            np.testing.assert_allclose(heat(axes), values[name][:, order].T, atol=1e-6)
            assert [int(label.get_text()) for label in axes.get_yticklabels()] == order
            low, high = axes.images[0].get_clim()
            assert (low, high) == (0, 1) if name in "zrifo" else low == -high
        assert below.get_xlabel() == "time step"
    below.figure.draw_without_rendering()
    heights = [axes.get_window_extent().y0 for axes in (*others, below)]
    assert heights == sorted(heights, reverse=True)


@pytest.mark.parametrize("features", [2, 3, 4])
@pytest.mark.slow
def test_gates_name_the_features_beside_the_title(features):
    layer = Bidirectional(LSTM(4, return_sequences=True))
    net = untrained(Network([layer, Dense(1)], seed=0), None, features)
    figure = plots.gates(net, rng.normal(size=(2, 9, features)))
    figure.draw_without_rendering()
    below = [axes for axes in figure.axes if axes.get_legend()]
    assert len(below) == 2
    for axes in below:
        title = next(text for text in axes.findobj(Text) if text.get_text() == "input x")
        legend = axes.get_legend()
        assert [text.get_text() for text in legend.get_texts()] == ["feature 0", "1", "2", "3"][:features]
        assert title.get_window_extent().x1 < legend.get_window_extent().x0


def test_similar_units_are_neighbours():
    slow, fast = np.sin(np.arange(30) / 8), np.cos(np.arange(30))
    h = np.stack([(slow, fast)[n % 2] * (1 + n / 20) for n in range(8)], axis=1)
    h[:, 1::2] *= 0.1
    order = similar(h)
    assert {n % 2 for n in order[:4]} in ({0}, {1})


@pytest.mark.slow
def test_gates_respects_lengths():
    net = network(GRU(5))
    alone = [np.asarray(heat(titled(plots.gates(net, one[None]))["h: state"])) for one in SEQUENCES]
    total = [np.mean([a.sum(axis=0)[t] for a in alone if a.shape[1] > t]) for t in range(7)]
    for x, options in ((SEQUENCES, {}), (PADDED + 9 * (PADDED == 0), {"lengths": LENGTHS})):
        one = heat(titled(plots.gates(net, x, sample=3, **options))["h: state"])
        np.testing.assert_allclose(np.sort(one, axis=0), np.sort(alone[3], axis=0), atol=1e-6)
        mean = heat(titled(plots.gates(net, x, **options))["h: state"])
        assert mean.shape == (5, 7)
        np.testing.assert_allclose(mean.sum(axis=0), total, atol=1e-5)


def mean_over_those_as_long(parts):
    return [np.mean([one[t] for one in parts if len(one) > t], axis=0) for t in range(max(map(len, parts)))]


@pytest.mark.slow
@for_each("before", [[Conv1D(3, 2, stride=2)], [GRU(3), RepeatVector(4)]])
def test_lengths_are_those_of_what_the_layer_reads(before):
    net = untrained(Network([*before, GRU(5, name="last"), Dense(1)], seed=0, dtype="float64"), None, 3)
    x, y = [one for one in SEQUENCES if len(one) > 1], [3.0, -1.0, 2.0, 0.5, 1.0]

    def state(x):
        return heat(titled(plots.gates(net, x, layer="last"))["h: state"]).sum(axis=0)  # units are sorted

    def flow(x, y):
        return plots.gradient_flow(net, x, y).axes[0].lines[-1].get_ydata()

    alone = [state(one[None]) for one in x]
    np.testing.assert_allclose(state(x), mean_over_those_as_long(alone))
    alone = [flow(one[None], [target]) for one, target in zip(x, y, strict=True)]
    np.testing.assert_allclose(flow(x, y), mean_over_those_as_long(alone))


@pytest.mark.slow
def test_the_input_has_its_own_lengths_beside_a_decoder_of_as_many_steps():
    layers = [GRU(3), RepeatVector(7), GRU(5, name="last"), Dense(1)]
    net = untrained(Network(layers, seed=0, dtype="float64"), None, 3)
    shown = titled(plots.gates(net, SEQUENCES, layer="last"))["input x"].lines
    drawn = np.stack([line.get_ydata() for line in shown], axis=1)
    np.testing.assert_allclose(drawn, mean_over_those_as_long(SEQUENCES))


@pytest.mark.slow
def test_gates_shows_both_directions_and_any_layer():
    net = network(
        GRU(3, return_sequences=True, name="first"), Bidirectional(LSTM(4), name="second"), Dropout(0.5)
    )
    figure = plots.gates(net, X, layer="second", sample=0)
    for name in ("ahead", "back"):
        kept = cached(net, lambda net, name=name: getattr(net.layers[1], name))
        shown = heat(titled(figure)[f"h, {name}: state"])
        np.testing.assert_allclose(np.sort(shown, axis=0), np.sort(kept["h"][0].T, axis=0), atol=1e-6)
    assert sum(axes.get_title(loc="left") == "input x" for axes in figure.axes) == 2
    assert len(titled(plots.gates(net, X))) == 5


@pytest.mark.slow
def test_pictures_have_no_noise():
    noisy = network(GaussianNoise(1.0), GRU(4, dropout=0.5, recurrent_dropout=0.5), seed=3)
    plain = network(GaussianNoise(0.0), GRU(4), seed=3)
    for draw in (
        lambda net: heat(titled(plots.gates(net, X))["h: state"]),
        lambda net: plots.gradient_flow(net, X, Y).axes[0].lines[0].get_ydata(),
    ):
        np.testing.assert_array_equal(draw(noisy), draw(plain))


@pytest.mark.slow
def test_gates_of_symbols_and_of_other_time_steps():
    net = untrained(Network([Embedding(6, 3), GRU(4), Dense(1)], seed=0), None)
    panels = titled(plots.gates(net, [[1, 2, 3, 4]]))
    np.testing.assert_array_equal(panels["input x"].lines[0].get_ydata(), [1, 2, 3, 4])
    net = untrained(Network([Reshape((4, 3)), GRU(4), Dense(1)], seed=0), 12)
    panels = titled(plots.gates(net, np.arange(24.0).reshape(2, 12), sample=1))
    np.testing.assert_array_equal(panels["input x"].lines[1].get_ydata(), [13, 16, 19, 22])
    net = untrained(Network([GRU(4), Dense(1)], seed=0), 5, 9)
    assert heat(titled(plots.gates(net, rng.normal(size=(1, 5, 9))))["input x"]).shape == (9, 5)


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.uint8, bool])
def test_the_input_above_attributions_can_hold_integers_and_truth_values(kind):
    x = np.eye(8, dtype=kind)[None] * kind(100)
    shown = titled(plots.attribution(np.ones(x.shape), x))["input x"]
    np.testing.assert_array_equal(heat(shown), x[0].T)


@pytest.mark.parametrize("factor", [20.0, 2000.0])
@pytest.mark.slow
def test_a_feature_of_a_large_range_does_not_hide_the_others(factor):
    x = rng.uniform(0.5, 1.0, size=(1, 8, 6)) * [1, 1, factor, 1, 0, 1]  # one of them is constant
    for figure in (plots.gates(Network([RNN(3), Dense(1)], seed=0), x), plots.attribution(x, x)):
        shown = titled(figure)["input x"]
        low, high = x[0].min(axis=0), x[0].max(axis=0)
        own = (x[0] - low) / np.where(high > low, high - low, 1)
        np.testing.assert_allclose(heat(shown), (own if factor > 100 else x[0]).T, rtol=1e-5, atol=1e-5)
        assert ("own scale" in shown.get_ylabel()) == (factor > 100)


# --- gradients ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [RNN(4), GRU(4), GRU(4, reset_after=True)], ids=repr)
@pytest.mark.slow
def test_gradient_flow_is_the_gradient(layer):
    """Finite differences of the loss with respect to the state after each step."""
    net = untrained(Network([copy.deepcopy(layer), Dense(1)], seed=0, dtype="float64"), 7, 3)
    recurrent, dense = net.layers
    flow = plots.gradient_flow(net, X, Y).axes[0].lines[0].get_ydata()
    for t in range(7):
        h = recurrent.forward(X[:, : t + 1])
        slopes = np.zeros_like(h)
        for place in np.ndindex(h.shape):
            for sign in (1, -1):
                moved = h.copy()
                moved[place] += sign * 1e-6
                last = recurrent.forward(X[:, t + 1 :], initial_state=moved) if t < 6 else moved
                slopes[place] += sign * (dense.forward(last)[place[0]] - Y[place[0]])[0] ** 2 / 2e-6
        np.testing.assert_allclose(flow[t], np.linalg.norm(slopes, axis=1).mean(), rtol=1e-4)


@pytest.mark.slow
def test_gradient_flow_compares_networks_by_name():
    networks = {"RNN": network(RNN(6)), "GRU": network(GRU(6))}
    axes = plots.gradient_flow(networks, X, Y).axes[0]
    assert axes.get_yscale() == "log"
    for name, line in zip(networks, axes.lines, strict=True):
        alone = plots.gradient_flow(networks[name], X, Y).axes[0].lines[0]
        y = line.get_ydata()
        np.testing.assert_array_equal(y, alone.get_ydata())
        assert line.get_label() == f"{name}: {y[0] / y[-1]:.2g} of it reaches the first step"
        assert alone.get_label().startswith(f"{name.lower()}_1: ")
    looks = {(line.get_color(), str(line._dash_pattern)) for line in axes.lines}
    assert len(looks) == 2


@pytest.mark.slow
def test_gradient_flow_has_a_line_a_layer_and_direction():
    net = network(Bidirectional(LSTM(4, return_sequences=True)), GRU(3))
    labels = [line.get_label() for line in plots.gradient_flow(net, X, Y).axes[0].lines]
    assert [label.split(":")[0] for label in labels] == [
        "bidirectional_1 ahead",
        "bidirectional_1 back",
        "gru_2",
    ]
    back = network(GRU(4, go_backwards=True))
    line = plots.gradient_flow(back, X, Y).axes[0].lines[0]
    y = line.get_ydata()
    assert f": {y[-1] / y[0]:.2g} of it" in line.get_label()


@pytest.mark.slow
def test_gradient_flow_respects_lengths():
    net = network(GRU(4))
    together = plots.gradient_flow(net, SEQUENCES, Y).axes[0].lines[0]
    assert ":" not in together.get_label()
    alone = [
        plots.gradient_flow(net, one[None], Y[n : n + 1]).axes[0].lines[0].get_ydata()
        for n, one in enumerate(SEQUENCES)
    ]
    means = [np.mean([y[t] for y in alone if len(y) > t]) for t in range(7)]
    np.testing.assert_allclose(together.get_ydata(), means, rtol=1e-4)


def test_a_gradient_that_vanishes_is_left_out():
    net = network(RNN(4))
    net.params["rnn_1.Wh"][...] = 0
    y = plots.gradient_flow(net, X, Y).axes[0].lines[0].get_ydata()
    assert np.isnan(y[:-1]).all()
    assert y[-1] > 0


def counts(axes):
    return axes.patches[0].get_data()


def test_histograms_of_weights_alone():
    net = network(GRU(4), Dropout(0.5))
    figure = plots.histograms(net)
    assert [axes.get_ylabel() for axes in figure.axes] == ["gru_1", "dense_3"]
    for axes, layer in zip(figure.axes, (net.layers[0], net.layers[2]), strict=True):
        values, edges, _ = counts(axes)
        expected = np.histogram(layer.flat_params.astype(np.float64), bins=len(values))
        np.testing.assert_array_equal(values, expected[0])
        np.testing.assert_allclose(edges, expected[1])
    figure = plots.histograms(network(Residual([GRU(3, return_sequences=True)]), MeanPooling()))
    assert [axes.get_ylabel() for axes in figure.axes] == ["residual_1.\ngru_1", "dense_3"]


@pytest.mark.parametrize("optimizer", [SGD(0.1), Adam(0.01), None], ids=repr)
@pytest.mark.slow
def test_histograms_of_the_next_step(optimizer):
    net = network(GRU(4), optimizer=optimizer)
    net.fit(X, Y, epochs=2, verbose=0)
    axes = np.reshape(plots.histograms(net, X, Y).axes, (2, 3))
    assert [one.get_title(loc="left") for one in axes[0]] == ["weights", "gradients", "update"]
    stepped = copy.deepcopy(net)
    stepped.fit(X, Y, shuffle=False, verbose=0)
    for row, layer, before in zip(axes, stepped.layers, net.layers, strict=True):
        update = layer.flat_params - before.flat_params
        for one, values in zip(row, (before.flat_params, layer.flat_grads, update), strict=True):
            known, edges, _ = counts(one)
            np.testing.assert_allclose(edges[[0, -1]], [values.min(), values.max()], rtol=1e-3)
            assert sum(known) == values.size
        share = np.linalg.norm(update) / np.linalg.norm(before.flat_params)
        assert float(row[2].get_title(loc="right").split()[0]) == pytest.approx(share, rel=0.05)


# --- structure ---------------------------------------------------------------------------------------------


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


@pytest.mark.slow
def test_diagram_shows_layers_shapes_and_parameters():
    inner = Network([Dense(4, "tanh"), Dense(3, trainable=False)])
    net = untrained(Network([GRU(4, return_sequences=True), inner, MeanPooling(), Dense(1)], seed=0), None, 3)
    shown = texts(plots.diagram(net))
    assert shown[:5] == [
        "GRU(4, return_sequences=True)\ngru_1: 96 parameters",
        "Dense(4, activation='tanh')\nnetwork_2.dense_1: 20 parameters",
        "Dense(3, trainable=False)\nnetwork_2.dense_2: 15 parameters, frozen",
        "MeanPooling()\nmeanpooling_3",
        "Dense(1)\ndense_4: 4 parameters",
    ]
    assert shown[5:] == [
        "x (N, T, 3)",
        "(N, T, 4)",
        "(N, T, 4)",
        "(N, T, 3)",
        "(N, 3)",
        "(N, 1)",
        "loss MSE()",
    ]
    assert texts(plots.diagram(Network([Dense(1)]))) == ["Dense(1)\ndense_1", "x", "loss MSE()"]


@pytest.mark.slow
def test_diagram_keeps_its_text_within_its_boxes():
    layer = Bidirectional(LSTM(40, return_sequences=True, dropout=0.2, recurrent_dropout=0.1))
    figure = plots.diagram(network(layer, Dense(10, "softmax"), loss="mse"))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    for text, box in zip(axes.texts, axes.patches, strict=False):
        inner, outer = text.get_window_extent(), box.get_window_extent()
        assert outer.x0 < inner.x0
        assert inner.x1 < outer.x1
        assert outer.y0 < inner.y0
        assert inner.y1 < outer.y1


@pytest.mark.slow
def test_spectrum_shows_the_eigenvalues():
    net = network(GRU(6))
    net.params["gru_1.Wh_r"][...] *= 1.5
    figure = plots.spectrum(net)
    for axes, name in zip(figure.axes, ("Wh_z", "Wh_r", "Wh_c"), strict=True):
        values = np.linalg.eigvals(net.params[f"gru_1.{name}"].astype(np.float64))
        _, inside, outside = axes.lines
        drawn = [complex(*point) for line in (inside, outside) for point in line.get_xydata()]
        np.testing.assert_allclose(np.sort_complex(drawn), np.sort_complex(values), atol=1e-9)
        assert np.abs([complex(*point) for point in inside.get_xydata()] or [0]).max() < 1.01
        assert axes.get_title() == f"{name}\nspectral radius {np.abs(values).max():.3g}"
        assert axes.get_aspect() == 1
    assert len(figure.axes[1].lines[2].get_xdata()) == 6
    both = plots.spectrum(network(Bidirectional(RNN(3))))
    assert [axes.get_title().split("\n")[0] for axes in both.axes] == ["Wh, ahead", "Wh, back"]


# --- attributions ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_attribution_of_steps_and_of_features():
    a = np.random.default_rng(1).normal(size=(2, 5, 3))
    above, below = plots.attribution(a, X[:2, :5], sample=1).axes
    np.testing.assert_allclose([bar.get_height() for bar in below.patches], a[1].sum(axis=1))
    np.testing.assert_allclose([line.get_ydata() for line in above.lines], X[1, :5].T)
    assert below.get_title(loc="left") == f"attribution, sum {a[1].sum():.3g}"
    flat = plots.attribution(a[:, 0]).axes[0]
    np.testing.assert_allclose([bar.get_height() for bar in flat.patches], a[0, 0])
    assert flat.get_xlabel() == "feature"
    ragged = plots.attribution(a, [X[0, :2], X[1, :5]]).axes
    assert len(ragged[1].patches) == len(ragged[0].lines[0].get_xdata()) == 2


@pytest.mark.slow
def test_attribution_of_many_features_is_a_heat_map_with_signs():
    a = np.random.default_rng(1).normal(size=(1, 5, 8))
    figure = plots.attribution(a)
    axes = figure.axes[0]
    np.testing.assert_allclose(heat(axes), a[0].T)
    assert axes.images[0].get_clim() == (-np.abs(a).max(), np.abs(a).max())
    marked = {tuple(int(c) for c in text.get_position()) for text in axes.texts}
    assert marked == {tuple(place) for place in np.argwhere(a[0] < -0.1 * np.abs(a).max())}


# --- comparison --------------------------------------------------------------------------------------------


def test_compare_draws_means_and_bands():
    runs = [
        {"loss": [3.0, 2.0, 1.0], "accuracy": [0.1, 0.2, 0.3]},
        {"loss": [5.0, 3.0], "accuracy": [0.3, 0.4]},
    ]
    figure = plots.compare(
        {"GRU": runs, "RNN": {"loss": [4.0, 4.5], "val_loss": [1, 2], "learning_rate": [1, 2]}}
    )
    loss, accuracy = figure.axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    assert loss.lines[0].get_ydata().tolist() == [4.0, 2.5]
    band = loss.collections[0].get_paths()[0].vertices
    assert {round(y, 6) for x, y in band if x == 1} == {round(4 - 2**0.5, 6), round(4 + 2**0.5, 6)}
    assert loss.lines[1].get_ydata().tolist() == [4.0, 4.5]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["GRU, 2 runs", "RNN"]
    assert len(accuracy.lines) == 1


def test_compare_shows_validation_if_all_have_it():
    one = {"loss": [4.0, 3.0], "val_loss": [5.0, 0.01]}
    axes = plots.compare({"a": one, "b": one}).axes[0]
    assert axes.get_ylabel() == "val loss"
    assert axes.get_yscale() == "log"
    assert axes.lines[0].get_ydata().tolist() == [5.0, 0.01]
    measured = one | {"accuracy": [0.5, 0.6], "val_accuracy": [0.4, 0.5]}
    accuracy = plots.compare({"a": one, "b": measured}).axes[1]
    assert accuracy.get_ylabel() == "val accuracy"
    assert [line.get_ydata().tolist() for line in accuracy.lines] == [[0.4, 0.5]]


def test_compare_shows_long_names_whole():
    figure = plots.compare({f"a long name of a network, number {k}": {"loss": [2.0, 1.0]} for k in range(5)})
    figure.draw_without_rendering()
    legend, panel = figure.legends[0].get_window_extent(), figure.axes[0].get_window_extent()
    assert figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1
    assert panel.height > 1.5 * figure.dpi
    assert panel.y1 < legend.y0


# --- what all share ----------------------------------------------------------------------------------------

DRAWERS = {
    "gates": lambda net, **how: plots.gates(net, X, **how),
    "gradient_flow": lambda net, **how: plots.gradient_flow(net, X, Y, **how),
    "histograms": lambda net, **how: plots.histograms(net, X, Y, **how),
    "diagram": lambda net, **how: plots.diagram(net, **how),
    "spectrum": lambda net, **how: plots.spectrum(net, **how),
    "attribution": lambda net, **how: plots.attribution(X, X, **how),
    "compare": lambda net, **how: plots.compare({"a": {"loss": [1.0, 0.5]}}, **how),
}
every = pytest.mark.parametrize("draw", DRAWERS.values(), ids=list(DRAWERS))


def snapshot(net):
    streams = {name: generator.bit_generator.state for name, generator in net._streams.items()}
    states = [vars(leaf._state) if leaf._state else None for leaf in net._leaves()]
    caches = [{name: leaf.cache[name] for name in leaf.cache} for leaf in net._leaves()]
    told = repr((streams, net.shapes, states, caches, dict(net.history), net.optimizer))
    return told, net.flat_params.tobytes(), net.flat_grads.tobytes()


@every
@pytest.mark.slow
def test_a_network_stays_as_it_is(draw):
    net = network(Dropout(0.5), GRU(4, dropout=0.5))
    net.fit(X, Y, verbose=0)
    before = snapshot(net)
    draw(net)
    assert snapshot(net) == before
    other = network(Dropout(0.5), GRU(4, dropout=0.5))
    other.fit(X, Y, verbose=0)
    for one in (net, other):
        one.fit(X, Y, epochs=2, verbose=0)
    assert net.flat_params.tobytes() == other.flat_params.tobytes()


@pytest.mark.slow
def test_a_network_that_has_never_been_used_stays_so():
    net = Network([Dropout(0.5), GRU(4), Dense(1)], seed=0)
    plots.gates(net, X)
    plots.gradient_flow(net, X, Y)
    plots.histograms(net, X, Y)
    assert (net.shapes, net.size, net.optimizer) == ([], 0, None)
    first = copy.deepcopy(net)
    first.fit(X, Y, epochs=1, verbose=0)
    first.history.clear()
    fresh = Network([Dropout(0.5), GRU(4), Dense(1)], seed=0)
    drawn = plots.gradient_flow(net, X, Y).axes[0].lines[0].get_ydata()
    fresh.compute_shapes((7, 3))
    fresh.initialize()
    np.testing.assert_array_equal(drawn, plots.gradient_flow(fresh, X, Y).axes[0].lines[0].get_ydata())


@pytest.mark.slow
def test_a_network_is_drawn_while_it_trains():
    drawn = []

    def look(run):
        drawn.append(heat(titled(plots.gates(run.network, X))["h: state"]))
        drawn.append(explain.integrated_gradients(run.network, X, steps=3))

    watched, alone = network(GRU(4, dropout=0.5)), network(GRU(4, dropout=0.5))
    watched.fit(X, Y, epochs=3, callbacks=[LambdaCallback(on_batch_end=look)], verbose=0)
    alone.fit(X, Y, epochs=3, verbose=0)
    assert watched.flat_params.tobytes() == alone.flat_params.tobytes()
    np.testing.assert_array_equal(drawn[-1], explain.integrated_gradients(alone, X, steps=3))
    assert drawn[1].any()


@pytest.mark.slow
@every
def test_each_is_saved_and_shown_and_changes_no_setting(draw, tmp_path):
    net = network(GRU(4))
    with matplotlib.rc_context({"font.size": 17.0, "axes.grid": False}):
        before = dict(matplotlib.rcParams)
        figure = draw(net, path=tmp_path / "picture.png")
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert isinstance(figure, Figure)
    data, sizes = figure._repr_mimebundle_()
    width, height = (int.from_bytes(data["image/png"][i : i + 4], "big") for i in (16, 20))
    assert (width, height) == pytest.approx([2 * n for n in sizes["image/png"].values()], abs=2)
    with pytest.raises(ValueError, match=r"must end in \.png"):
        draw(net, path=tmp_path / "picture.jpg")


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: plots.lines({"a": [1, 2], "b": [2, 3]}, ax=ax),
        lambda ax: plots.schedule(0.1, 5, ax=ax),
        lambda ax: plots.confusion_matrix([[3, 1], [0, 4]], ax=ax),
        lambda ax: plots.gradient_flow(network(GRU(4)), X, Y, ax=ax),
        lambda ax: plots.diagram(network(GRU(4)), ax=ax),
        lambda ax: plots.attribution(X[:, 0], ax=ax),
    ],
)
@pytest.mark.slow
def test_a_single_axis_can_be_yours(draw):
    figure = Figure(layout="constrained")
    first, second = figure.subplots(1, 2)
    size = figure.get_size_inches().tolist()
    assert draw(second) is figure
    assert len(figure.axes) == 2
    assert not first.has_data()
    assert second.has_data()
    assert figure.get_size_inches().tolist() == size
    with pytest.raises(TypeError, match=r"ax must be matplotlib Axes, .* got str"):
        draw("here")


def spoilt(weight):
    net = network(RNN(4, "linear"))
    net.params["rnn_1.Wh"][0, 0] = weight
    return net


@pytest.mark.parametrize("bad", [np.nan, 1e30])
def test_states_that_are_not_finite_stay_blank(bad):
    for sample in (None, 0):
        assert plots.gates(spoilt(bad), X, sample=sample).axes[0].images[0].get_array().mask.any()


@for_each(
    ("draw", "said"),
    [
        (lambda: plots.gates(3, X), "gates: network must be a Network, got 3 .int"),
        (
            lambda: plots.gates(network(GRU(4)), X, layer="gru"),
            r"layer must be .* 'gru_1'.*Did you mean 'gru_1'",
        ),
        (lambda: plots.gates(network(GRU(4)), X, sample=6), "gates: sample must be from 0 to 5, got 6"),
        (lambda: plots.gates(network(GRU(4)), X, sample=0.5), "sample must be a whole number"),
        (lambda: plots.gates(network(GRU(4)), X[:, :, :2]), "expects .* 3 features|built with"),
        (lambda: plots.gates(network(GRU(4)), X, sample=1, lengths=[7, 0, 7, 7, 7, 7]), "no step to draw"),
        (lambda: plots.gates(untrained(Network([Dense(1)]), 3), X[:, 0]), "has no recurrent layer"),
        (lambda: plots.gradient_flow(network(GRU(4)), X, Y, lengths=[0] * 6), "x has no step to draw"),
        (lambda: plots.gradient_flow({}, X, Y), "gradient_flow: network is an empty dict"),
        (lambda: plots.gradient_flow({"a": 3}, X, Y), "network must be a Network, got 3"),
        (lambda: plots.gradient_flow(network(GRU(4)), X, Y[:3]), "x has 6 samples, but y"),
        (lambda: plots.histograms(network(GRU(4)), X), "x and y go together"),
        (lambda: plots.histograms(Network([Dense(1)])), "histograms: the network does not know"),
        (lambda: plots.histograms(untrained(Network([MeanPooling()]), 4, 3)), "no parameters to draw"),
        (lambda: plots.diagram("net"), "diagram: network must be a Network, got .net"),
        (lambda: plots.spectrum(Network([GRU(4), Dense(1)])), "spectrum: the network does not know"),
        (lambda: plots.spectrum(spoilt(np.nan)), r"spectrum: Wh\[0, 0\] is nan.*; fit the network again"),
        (lambda: plots.attribution([1.0]), r"attributions\[None\]"),
        (lambda: plots.attribution(X, sample=6), "attribution: sample must be from 0 to 5, got 6"),
        (lambda: plots.attribution(X * np.nan), "nan"),
        (lambda: plots.attribution(X, X[:, :, 0, None, None]), r"x\[0\] has shape \(7, 1, 1\)"),
        (lambda: plots.attribution(X, X, ax=Figure().add_subplot()), "omit x or ax"),
        (lambda: plots.compare([History()]), "histories must be a dict by name"),
        (lambda: plots.compare({"a": 3}), "'a' must be a History"),
        (lambda: plots.compare({"a": [3]}), "'a' must be a History"),
        (lambda: plots.compare({"a": History()}), "call fit first"),
        (
            lambda: plots.schedule([n / 10 for n in range(1, 8)], 5, ax=Figure().add_subplot()),
            "ax takes up to 6 schedules, got 7",
        ),
    ],
)
def test_errors_teach(draw, said):
    with pytest.raises((ValueError, TypeError, RuntimeError), match=said):
        draw()
