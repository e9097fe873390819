"""Regularizers: the penalties' values and slopes, the bound, and where in a training step they act."""

import numpy as np
import pytest

from nnfw import GRU, SGD, Dense, Network, Residual
from nnfw.gradcheck import check_network
from nnfw.regularizers import L1, L2, MaxNorm, Regularizer, assign, get, registry

rng = np.random.default_rng(11)
P = rng.normal(size=(4, 3))
P[1, 2] = 0.0  # where the slope of L1 to both sides is 0


@pytest.mark.parametrize("regularizer", [*map(registry.get, registry.names()), L1(0.3), L2(0.3)], ids=repr)
def test_the_gradient_is_the_slope_of_the_penalty(regularizer):
    dp = rng.normal(size=P.shape)
    before, step = dp.copy(), 1e-6
    regularizer.add_gradient(P, dp)
    for index in np.ndindex(P.shape):
        there, back = P.copy(), P.copy()
        there[index] += step
        back[index] -= step
        slope = (regularizer.penalty(there) - regularizer.penalty(back)) / (2 * step)
        assert dp[index] - before[index] == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_penalties_by_hand():
    p = np.array([[1.0, -2.0], [0.0, 3.0]])
    assert L1(0.5).penalty(p) == pytest.approx(3.0)
    assert L2(0.5).penalty(p) == pytest.approx(3.5)


def test_max_norm_shortens_long_columns_and_leaves_the_others():
    p = P.astype(np.float32)
    norms = np.linalg.norm(P, axis=0)
    limit = float(np.sort(norms)[1]) * 1.0001  # one column is longer
    MaxNorm(limit).constrain(p)
    assert MaxNorm(limit).penalty(p) == 0
    np.testing.assert_allclose(np.linalg.norm(p, axis=0), np.minimum(norms, limit), rtol=1e-6)
    longest = norms.argmax()
    np.testing.assert_allclose(p[:, longest], P[:, longest] * limit / norms[longest], rtol=1e-6)
    np.testing.assert_array_equal(np.delete(p, longest, 1), np.delete(P, longest, 1).astype(np.float32))


def test_max_norm_leaves_what_is_not_finite_for_the_guard_to_find():
    p = np.where(np.arange(12).reshape(4, 3) % 3 == 1, np.inf, P)
    p[1, 2] = np.nan
    before = p.copy()
    MaxNorm(0.5).constrain(p)
    np.testing.assert_array_equal(p[:, 1:], before[:, 1:])
    assert np.linalg.norm(p[:, 0]) == pytest.approx(0.5, rel=1e-12)


def test_max_norm_of_a_bias_and_of_more_axes():
    bias, block = P[:, 0].copy(), rng.normal(size=(5, 2, 6))
    norms = np.sqrt((block**2).sum(axis=(0, 1)))
    limit = np.median(norms)
    expected = block * np.minimum(1.0, limit / norms)
    MaxNorm(0.25).constrain(bias)
    MaxNorm(limit).constrain(block)
    np.testing.assert_allclose(bias, P[:, 0] * 0.25 / np.linalg.norm(P[:, 0]), rtol=1e-12)
    np.testing.assert_allclose(block, expected, rtol=1e-12)
    assert np.sum(norms > limit) == 3


def test_names_lists_and_dicts():
    assert repr(get("l2")) == "L2()"
    params = {"Wx_z": P, "Wx_r": P, "Wh_z": P, "b_z": P[0]}
    of_matrices = assign(get("l1"), params, "layer")
    assert [name for name, _ in of_matrices] == ["Wx_z", "Wx_r", "Wh_z"]
    named = assign(get({"Wx": ["l2", MaxNorm(1.0)], "b_z": "l1"}), params, "layer")
    assert [(name, type(one)) for name, one in named] == [
        ("Wx_z", L2), ("Wx_z", MaxNorm), ("Wx_r", L2), ("Wx_r", MaxNorm), ("b_z", L1)
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"unknown regularizer 'l3'\. Did you mean 'l"):
        get("l3")
    with pytest.raises(ValueError, match=r"weight_decay.*nnfw calls it .l2."):
        get("weight_decay")
    with pytest.raises(TypeError, match="regularizer must be a name"):
        Dense(3, regularizer=0.01)


CHAINS = {
    "network": lambda: Network([Dense(3, "tanh"), Dense(2)], seed=0, dtype="float64"),
    "residual": lambda: Network([Residual([Dense(3, "tanh"), Dense(3)]), Dense(2)], seed=0, dtype="float64"),
    "inner": lambda: Network([Network([Dense(3), Residual([Dense(3)])]), Dense(2)], seed=0, dtype="float64"),
}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.slow
def test_that_of_a_chain_is_that_of_each_of_its_layers(chain):
    networks = [CHAINS[chain]() for _ in range(3)]
    for network, regularizer in zip(networks, (["l1", MaxNorm(0.5)], None, None), strict=True):
        (network if chain == "network" else network.layers[0]).regularizer = regularizer
    for leaf in networks[1].layers if chain == "network" else networks[1].layers[0]._leaves():
        leaf.regularizer = ["l1", MaxNorm(0.5)]
    for network in networks:
        network.fit(P, P[:, :2], epochs=3, verbose=0)
    of_chain, of_each, without = networks
    np.testing.assert_allclose(of_chain.flat_params, of_each.flat_params, rtol=1e-12, atol=1e-14)
    assert of_chain.history["loss"] == pytest.approx(of_each.history["loss"], rel=1e-12)
    assert not np.allclose(of_chain.flat_params, without.flat_params, atol=1e-3)
    assert check_network(of_chain, P, P[:, :2]).worst < 1e-6


def test_that_of_a_chain_leaves_what_is_frozen():
    network = Network([Dense(3), Residual([Dense(3), Dense(3)]), Dense(2)], seed=0)
    network.regularizer = MaxNorm(0.01)
    network.layers[0].trainable = network.layers[1].trainable = False
    network.build((3,))
    before = {name: p.copy() for name, p in network.params.items()}
    network.fit(P, P[:, :2], verbose=0)
    *frozen, last = (name for name, p in network.params.items() if p.ndim == 2)
    assert np.linalg.norm(network.params[last], axis=0) == pytest.approx([0.01, 0.01], rel=1e-5)
    for name in frozen:
        np.testing.assert_array_equal(network.params[name], before[name])


def test_what_is_put_into_a_dict_or_list_later_is_opened_and_checked():
    network = Network([Dense(2, regularizer={"W": "l2"})], seed=0)
    network.fit(P, P[:, :2], verbose=0)
    network.layers[0].regularizer["W"] = "l1"
    network.fit(P, P[:, :2], verbose=0)
    assert network._penalty() == L1().penalty(network.params["dense_1.W"])
    network.layers[0].regularizer["W"] = "l3"
    before = network.flat_params.copy()
    with pytest.raises(ValueError, match="unknown regularizer 'l3'"):
        network.fit(P, P[:, :2], verbose=0)
    np.testing.assert_array_equal(network.flat_params, before)


def test_a_parameter_that_is_not_there_is_refused_before_training():
    network = Network([Dense(2, regularizer={"Wx": "l2"})], seed=0)
    with pytest.raises(
        ValueError, match=r"layer 1, Dense\(2\): regularizer names 'Wx', but its parameters are W, b"
    ):
        network.fit(P, P[:, :2], verbose=0)


def networks(**options):
    layers = [GRU(3, regularizer={"Wh": L2(0.1), "Wx_c": L1(0.2)}), Dense(2, "tanh", regularizer="l2")]
    return Network(layers, seed=0, dtype="float64", **options)


X, Y = rng.normal(size=(6, 5, 4)), rng.normal(size=(6, 2))


@pytest.mark.slow
def test_all_gradients_of_loss_and_penalty():
    assert check_network(networks(), X, Y).worst < 1e-6


def test_the_loss_counts_the_penalty_and_says_so_alike_in_training_and_evaluation():
    network = networks(optimizer=SGD(1e-12))
    network.fit(X, Y, batch_size=3, verbose=0)
    p = network.params
    penalty = 0.05 * sum(np.sum(p[f"gru_1.Wh_{gate}"] ** 2) for gate in "zrc")
    penalty += 0.2 * np.abs(p["gru_1.Wx_c"]).sum() + 0.005 * np.sum(p["dense_2.W"] ** 2)
    expected = np.mean((network.predict(X) - Y) ** 2) + penalty
    assert network.evaluate(X, Y)["loss"] == pytest.approx(expected, rel=1e-9)
    assert network.history["loss"][0] == pytest.approx(expected, rel=1e-9)
    assert network._penalty() == pytest.approx(penalty, rel=1e-12)


def test_l2_on_all_parameters_is_weight_decay():
    held = Network([Dense(2, regularizer={"W": L2(0.1), "b": L2(0.1)})], optimizer=SGD(0.1), seed=0)
    decayed = Network([Dense(2)], optimizer=SGD(0.1, weight_decay=0.1), seed=0)
    for network in (held, decayed):
        network.fit(X[:, 0], Y, epochs=5, verbose=0)
    np.testing.assert_allclose(held.predict(X[:, 0]), decayed.predict(X[:, 0]), rtol=1e-5)


def test_max_norm_holds_after_every_step():
    network = Network([Dense(8, regularizer=MaxNorm(0.5)), Dense(2)], optimizer=SGD(0.1), seed=0)
    network.fit(X[:, 0], Y, epochs=3, batch_size=2, verbose=0)
    norms = np.linalg.norm(network.params["dense_1.W"], axis=0)
    assert norms.max() <= 0.5 * (1 + 1e-6)
    assert np.linalg.norm(network.params["dense_2.W"], axis=0).max() > 0.5


@pytest.mark.slow
def test_an_own_regularizer_is_saved_and_loaded(tmp_path):
    class NearOne(Regularizer):
        def penalty(self, p):
            return float(np.sum((p - 1) ** 2))

        def add_gradient(self, p, dp):
            dp += 2 * (p - 1)

    network = Network([Dense(2, regularizer={"W": [NearOne(), L1(0.1)]})], optimizer=SGD(0.1), seed=0)
    network.fit(X[:, 0], 0 * Y, epochs=200, verbose=0)
    path = tmp_path / "network.npz"
    network.save(path)
    again = Network.load(path, custom={"NearOne": NearOne})
    assert repr(again.layers[0].regularizer) == "{'W': [NearOne(), L1(strength=0.1)]}"
    assert again.evaluate(X[:, 0], 0 * Y) == network.evaluate(X[:, 0], 0 * Y)


def test_a_parameter_that_is_not_there_is_refused_before_any_training():
    layer = Dense(2, regularizer={"V": "l2"})
    layer.compute_shapes((3,))
    with pytest.raises(ValueError, match="'V'"):
        layer.initialize(np.random.default_rng(0))
