"""Mistakes with predict, evaluate, stream and generate: each is refused by name and teaches."""

import copy

import numpy as np
from refusals import FLAT, D, K, T, X, Y, classifier, mistakes, network_of
from untrained import untrained

from nnfw import (
    GRU,
    Dense,
    Flatten,
    Network,
    ShapeError,
)
from nnfw.generation import generate


def seen(network):
    """The network, which knows the shape of x."""
    network.compute_shapes((T, D))
    return network


def loaded(network, folder):
    """The network, saved and loaded; the file is none that a mistake leaves behind."""
    network.save(folder / "broken.npz")
    return Network.load(folder / "broken.npz")


# fmt: off
MISTAKES = [
    ("predict before fit", lambda s: classifier().predict(X),
     RuntimeError, "predict: the network has no weights yet in layer 1, GRU(4)", "fit it, load one"),
    ("evaluate before fit", lambda s: classifier().evaluate(X, Y),
     RuntimeError, "evaluate: the network has no weights yet in layer 1, GRU(4)", "build((5, 2))"),
    ("evaluate batches before fit", lambda s: classifier().evaluate([(X, Y)]),
     RuntimeError, "evaluate: the network has no weights yet in layer 1, GRU(4)", "build((5, 2))"),
    ("classes before fit", lambda s: classifier().predict_classes(X),
     RuntimeError, "the network has no weights yet in layer 1, GRU(4)", "Network.load"),
    ("a stream before fit", lambda s: network_of(GRU(4)).stream(),
     RuntimeError, "stream: the network does not know the shape of its input yet", "fit it"),
    ("a stream of shapes alone", lambda s: seen(network_of(GRU(4))).stream(),
     RuntimeError, "stream: the network has no weights yet in layer 1, GRU(4)", "call build((5, 2)) for an"),
    ("a text before fit", lambda s: generate(seen(network_of(GRU(D), Dense(D, "softmax"))), [0], 3),
     RuntimeError, "no weights yet in layer 1, GRU(2)", "fit it"),
    ("a new head on a trained body",
     lambda s: network_of(copy.deepcopy(s.network.layers[0]), Dense(1)).predict(X),
     RuntimeError, "no weights yet in layer 2, Dense(1)", "build((5, 2))"),
    ("predict after loading what was not trained", lambda s: loaded(classifier(), s.folder).predict(X),
     RuntimeError, "predict: the network has no weights yet in layer 1, GRU(4)", "fit it"),
    ("other features", lambda s: s.network.predict(X[..., :1]), ShapeError, "'Wx_z'", "new layer"),
    ("flat inputs later", lambda s: s.network.predict(FLAT),
     ShapeError, "layer 1, GRU(4)", "(samples, steps, features)"),
    ("one sample", lambda s: s.network.predict(X[0]),
     ShapeError, "layer 1, GRU(4): expects (samples, steps, features)", "For a single sample, use x[None]"),
    ("one sample of a flat network",
     lambda s: untrained(network_of(Flatten(), Dense(1)), T, D).predict(X[0]),
     ShapeError, "layer 2, Dense(1): parameter 'W' was built", "For a single sample, use x[None]"),
    ("one sample of an inner network",
     lambda s: untrained(network_of(Network([GRU(4)]), Dense(1)), T, D).predict(X[0]),
     ShapeError, "layer 1, GRU(4)", "got (samples, 2). For a single sample, use x[None]"),
    ("labels independent of each other as classes",
     lambda s: untrained(network_of(Dense(K, "sigmoid"), loss="bce"), 4).predict_classes(FLAT),
     ValueError, "predict_classes: the outputs are 3 independent labels", "network.predict(x) > 0.5"),
    ("nothing to predict", lambda s: s.network.predict(X[:0]), ShapeError, "x must be", "not empty"),
    ("x beyond float32 to predict", lambda s: s.network.predict(X.astype("d") * 1e300),
     ValueError, "x[0, 0, 0]", "dtype='float64'"),
    ("x beyond float32 to evaluate", lambda s: s.network.evaluate(X.astype("d") * 1e300, Y),
     ValueError, "x[0, 0, 0]", "3.4e+38"),
    ("a threshold in words", lambda s: s.network.predict_classes(X, threshold="half"),
     TypeError, "threshold", "number"),
    ("a threshold of several classes", lambda s: s.network.predict_classes(X, threshold=0.3),
     ValueError, "the largest of 3 outputs wins", "network.predict(x) > 0.3"),
    ("a threshold of NaN", lambda s: s.network.predict_classes(X, threshold=np.nan),
     ValueError, "threshold", "finite"),
    ("y as an option", lambda s: s.network.predict(X, y=Y), TypeError, "'y'", "It takes"),
    ("epochs for evaluate", lambda s: s.network.evaluate(X, Y, epochs=3), TypeError, "'epochs'", "It takes"),
    ("evaluate without targets", lambda s: s.network.evaluate(X), TypeError, "y is missing", "pass targets"),
    ("targets for predict", lambda s: s.network.predict(X, Y),
     TypeError, "predict takes x by position", "all others by name"),
    ("an option of another sampler", lambda s: generate(s.network, [0], 3, top_p=0.9),
     TypeError, "generate has no argument 'top_p'", "Did you mean 'top_k'", "It takes"),
    ("a copy in another dtype",
     lambda s: network_of(copy.deepcopy(s.layer), dtype="float64").predict(X),
     ValueError, "layer 1, GRU(4) has weights of float32", "dtype='float32'"),
]
# fmt: on


@mistakes(MISTAKES)
def test_mistakes_are_refused_and_leave_nothing_behind(make, error, said, scene):
    scene.refuses(make, error, said)
