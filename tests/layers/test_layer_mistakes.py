"""Mistakes with layers, their arguments and their verbs: each is refused by name and teaches."""

import copy

import numpy as np
from refusals import D, H, N, T, X, Y, mistakes

from nnfw import (
    GRU,
    LSTM,
    RNN,
    Dense,
    Embedding,
    Flatten,
    Layer,
    Network,
    Reshape,
    ShapeError,
)
from nnfw.gradcheck import check_layer, check_network


class Nothing(Layer):
    """A layer that defines nothing."""


class Plain(Layer):
    def compute_shapes(self, input_shape):
        return input_shape

    def forward(self, x):
        return x


class WrongGradient(Layer):
    def compute_shapes(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        if training:
            self.cache = {"x": x}
        return x * x

    def backward(self, dy):
        return self._recall("x", "backward") * dy


# fmt: off
MISTAKES = [
    ("no units", lambda s: Dense(0), ValueError, "Dense: units", "at least 1, got 0"),
    ("negative units", lambda s: GRU(-3), ValueError, "GRU: units", "at least 1, got -3"),
    ("half a unit", lambda s: RNN(2.5), TypeError, "RNN: units", "whole number, got 2.5"),
    ("units in words", lambda s: Dense("10"), TypeError, "Dense: units", "whole number, got '10'"),
    ("units true", lambda s: GRU(True), TypeError, "GRU: units", "whole number, got True"),
    ("no units given", lambda s: Dense(), TypeError, "units", "missing"),
    ("units of NaN", lambda s: Dense(np.nan), TypeError, "Dense: units", "whole number, got nan"),
    ("an array of units", lambda s: Dense(np.array([3, 4])), TypeError, "Dense: units", "ndarray"),
    ("an unknown activation", lambda s: Dense(3, "sofmax"),
     ValueError, "'sofmax'", "Did you mean 'softmax'"),
    ("an activation of PyTorch", lambda s: Dense(3, "swish"), ValueError, "'swish'", "nnfw calls it 'silu'"),
    ("inputs before units", lambda s: Dense(3, 4), TypeError, "activation", "got 4 (int); the number of",
     "pass only the units"),
    ("inputs of a GRU before its units", lambda s: GRU(3, 4),
     TypeError, "activation", "pass only the units"),
    ("a function as activation", lambda s: Dense(3, np.tanh), TypeError, "activation", "an object of"),
    ("softmax in a loop", lambda s: GRU(3, "softmax"),
     ValueError, "GRU: activation", "elementwise", "Dense"),
    ("softmax for gates", lambda s: GRU(3, recurrent_activation="softmax"),
     ValueError, "recurrent_activation", "Dense"),
    ("an unknown gate", lambda s: GRU(3, recurrent_activation={"zz": "tanh"}),
     ValueError, "'zz'", "Its gates are z, r"),
    ("a slip in a gate's activation", lambda s: GRU(3, recurrent_activation={"z": "sigmid"}),
     ValueError, "'sigmid'", "'sigmoid'"),
    ("return_sequences a number", lambda s: GRU(3, return_sequences=1),
     TypeError, "GRU: return_sequences", "True or False"),
    ("go_backwards in words", lambda s: RNN(3, go_backwards="yes"),
     TypeError, "RNN: go_backwards", "True or False"),
    ("use_bias None", lambda s: Dense(3, use_bias=None), TypeError, "Dense: use_bias", "True or False"),
    ("reset_after a number", lambda s: GRU(3, reset_after=0),
     TypeError, "GRU: reset_after", "True or False"),
    ("trainable in words", lambda s: Dense(3, trainable="no"),
     TypeError, "Dense: trainable", "True or False"),
    ("an argument of Keras", lambda s: GRU(3, kernel_initializer="zeros"),
     TypeError, "'kernel_initializer'", "input_initializer"),
    ("an argument of PyTorch", lambda s: GRU(hidden_size=3),
     TypeError, "'hidden_size'", "nnfw calls it units"),
    ("an argument of EpyNN", lambda s: GRU(unit_cells=3), TypeError, "'unit_cells'", "nnfw calls it units"),
    ("an argument not needed", lambda s: GRU(3, batch_first=True),
     TypeError, "'batch_first'", "leave it out"),
    ("an unknown initializer", lambda s: Dense(3, initializer="glorot"),
     ValueError, "'glorot'", "nnfw calls it 'glorot_uniform'"),
    ("an initializer of another's", lambda s: Dense(3, initializer=3.0), TypeError, "initializer", "a name"),
    ("an unknown optimizer of a layer", lambda s: Dense(3, optimizer="adamax"),
     ValueError, "'adamax'", "Did you mean 'adam'"),
    ("an optimizer in words of a layer", lambda s: Dense(3, optimizer=0.1),
     TypeError, "optimizer", "a name"),
    ("an initializer of the wrong shape",
     lambda s: s.fit_new(Dense(3, initializer=np.ones((2, 2))), Dense(1)),
     ShapeError, "(2, 2)", "(4, 3)"),
    ("a layer that defines nothing", lambda s: s.fit_new(Nothing(), Dense(1)),
     NotImplementedError, "Nothing must define", "compute_shapes"),
    ("flatten with units", lambda s: Flatten(units=3), TypeError, "Flatten", "'units'"),
    ("a shape that is no tuple", lambda s: Reshape(3, 1),
     TypeError, "Reshape takes shape by position", "Reshape([a, b])"),
    ("an embedding of no symbols", lambda s: Embedding(0, 3),
     ValueError, "Embedding: vocabulary", "at least"),
    ("forward before shapes", lambda s: GRU(3).forward(X),
     RuntimeError, "no parameter 'Wx_z' yet", "initialize(rng) first"),
    ("weights of no seed", lambda s: s.layer.initialize(None), TypeError, "GRU: rng", "default_rng(seed)"),
    ("weights from the generator of old", lambda s: s.layer.initialize(np.random.RandomState(0)),
     TypeError, "GRU: rng must be", "got RandomState", "default_rng(seed)"),
    ("weights of no dtype", lambda s: s.layer.initialize(np.random.default_rng(0), None),
     ValueError, "GRU: dtype", "'float32' or 'float64', got None"),
    ("backward before forward", lambda s: s.layer.backward(np.zeros((N, H))),
     RuntimeError, "GRU(4): backward requires", "training=True"),
    ("gradients before backward", lambda s: (s.layer.forward(X, training=True), s.layer.gradients()),
     RuntimeError, "GRU(4): gradients requires", "backward(dy)"),
    ("parameters before they are there", lambda s: GRU(3).params["Wx_z"],
     RuntimeError, "no parameter 'Wx_z' yet", "add_parameter declares it", "initialize(rng)"),
    ("the cache of a layer that is not built", lambda s: GRU(3).cache["z"],
     KeyError, "no 'z' in the cache, which is empty", "forward(x, training=True) and backward(dy) fill"),
    ("the cache without a training pass",
     lambda s: (s.network.predict(X), copy.deepcopy(s.network).layers[0].cache["z"]),
     KeyError, "no 'z' in the cache, which is empty", "forward(x, training=True) and backward(dy) fill"),
    ("gradients in the cache before backward",
     lambda s: (s.layer.forward(X, training=True), s.layer.cache["ds_z"]),
     KeyError, "no 'ds_z' in the cache, which has x, z, r, c, q, h", "and backward(dy)"),
    ("an unknown parameter", lambda s: s.layer.params["Wx"], KeyError, "'Wx'", "Wx_z"),
    ("over a parameter instead of into it", lambda s: s.layer.params.__setitem__("b_z", np.ones(H)),
     TypeError, "'b_z' is a view", "['b_z'][...] = value"),
    ("over a gradient instead of into it", lambda s: s.layer.grads.__setitem__("b_z", np.ones(H)),
     TypeError, "'b_z' is a view", "['b_z'][...] = value"),
    ("a parameter of another shape", lambda s: s.layer.compute_shapes((T, D + 1)),
     ShapeError, "'Wx_z'", "(2, 4)", "new layer"),
    ("dy of another shape",
     lambda s: (s.layer.forward(X, training=True), s.layer.backward(np.ones((N, 1)))),
     ShapeError, "GRU(4): expects dy", "(12, 4)"),
    ("other features in a layer", lambda s: s.layer.forward(X[..., :1]),
     ShapeError, "GRU(4): expects", "2 features"),
    ("lengths of floats in a layer", lambda s: s.layer.forward(X, lengths=np.ones(N)),
     ShapeError, "GRU(4): lengths", "whole numbers"),
    ("lengths below 0 in a layer", lambda s: s.layer.forward(X, lengths=np.full(N, -1)),
     ValueError, "GRU(4): lengths", "0 to 5"),
    ("a state of another shape", lambda s: s.layer.forward(X, initial_state=np.zeros((N, 3))),
     ShapeError, "GRU(4): initial_state", "(12, 4)"),
    ("a layer's optimizer assigned by a wrong name",
     lambda s: setattr(s.network.layers[0], "optimizer", "adm"),
     ValueError, "unknown optimizer 'adm'", "Did you mean 'adam'?"),
    ("a layer's regularizer assigned by a wrong name",
     lambda s: setattr(s.network.layers[0], "regularizer", "l3"),
     ValueError, "unknown regularizer 'l3'", "Did you mean 'l2'?"),
    ("a layer frozen by a word", lambda s: setattr(s.network.layers[0], "trainable", "no"),
     TypeError, "trainable must be True or False", "got 'no'"),
    ("a layer that does not take training", lambda s: Network([Plain(), Dense(1)]),
     TypeError, "Plain.forward does not take training", "forward(self, x, training=False)"),
    ("a state that is kept", lambda s: LSTM(4, stateful=True),
     TypeError, "LSTM has no argument 'stateful'", "fit(truncate=k)", "network.stream()"),
    ("a state that is returned", lambda s: GRU(4, return_state=True),
     TypeError, "GRU has no argument 'return_state'", "final_state"),
    ("a layer's name with a dot", lambda s: Network([Dense(2, name="a.b"), Dense(1)]),
     ValueError, "layer name 'a.b' contains a dot", "'a_b'"),
    ("a layer with a wrong gradient", lambda s: check_layer(WrongGradient()),
     AssertionError, "WrongGradient()", "disagrees"),
    ("one sample to check a layer with", lambda s: check_layer(Dense(2), samples=1),
     ValueError, "samples", "at least 2"),
    ("a check on the wrong targets", lambda s: check_network(s.network, X, Y + 1),
     ValueError, "y holds classes 1 to 3", "LabelEncoder"),
]
# fmt: on


@mistakes(MISTAKES)
def test_mistakes_are_refused_and_leave_nothing_behind(make, error, said, scene):
    scene.refuses(make, error, said)
