"""Mistakes with optimizers and schedules: each is refused by name and teaches."""

import numpy as np
from refusals import FLAT, NUMBERS, fit, mistakes, network_of

from nnfw import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Dense,
    Lion,
    Nadam,
    RMSprop,
    schedules,
)

# fmt: off
MISTAKES = [
    ("a negative rate", lambda s: SGD(-0.1), ValueError, "SGD: learning_rate", "-0.1"),
    ("a rate of NaN", lambda s: Adam(np.nan), ValueError, "Adam: learning_rate", "nan"),
    ("a rate of infinity", lambda s: RMSprop(np.inf), ValueError, "RMSprop: learning_rate", "inf"),
    ("a rate in words", lambda s: SGD("0.1"), TypeError, "SGD: learning_rate", "a number, or a schedule"),
    ("a rate true", lambda s: Adagrad(True), TypeError, "Adagrad: learning_rate", "number"),
    ("a rate of None", lambda s: Lion(None), TypeError, "Lion: learning_rate", "number"),
    ("a schedule's class", lambda s: Adam(schedules.Cosine),
     TypeError, "Adam: learning_rate", "Cosine(rate=0.1, epochs=20)"),
    ("a schedule's name", lambda s: Adam("cosine"), TypeError, "Adam: learning_rate", "Cosine"),
    ("a rate in a list", lambda s: SGD([0.1]), TypeError, "SGD: learning_rate", "number"),
    ("a rate assigned later", lambda s: setattr(s.sgd, "learning_rate", -1.0),
     ValueError, "SGD: learning_rate", "-1"),
    ("a momentum of 1", lambda s: SGD(0.1, momentum=1.0), ValueError, "SGD: momentum", "[0, 1)"),
    ("a negative momentum", lambda s: SGD(0.1, momentum=-0.5), ValueError, "SGD: momentum", "[0, 1)"),
    ("beta of 1", lambda s: Adam(0.1, beta_1=1.0), ValueError, "Adam: beta_1", "[0, 1)"),
    ("the betas of PyTorch", lambda s: Adam(0.1, betas=(0.9, 0.99)),
     TypeError, "'betas'", "beta_1 and beta_2"),
    ("an epsilon of 0", lambda s: Adam(0.1, epsilon=0.0), ValueError, "Adam: epsilon", "(0, inf)"),
    ("rho above 1", lambda s: RMSprop(0.1, rho=1.5), ValueError, "RMSprop: rho", "[0, 1)"),
    ("a negative decay", lambda s: AdamW(0.1, weight_decay=-1e-2),
     ValueError, "AdamW: weight_decay", "[0, inf)"),
    ("a decay of infinity", lambda s: SGD(0.1, weight_decay=np.inf),
     ValueError, "SGD: weight_decay", "finite"),
    ("clipping at 0", lambda s: Adam(0.1, clip_norm=0.0), ValueError, "Adam: clip_norm", "(0, inf)"),
    ("negative clipping", lambda s: Adam(0.1, clip_value=-1.0), ValueError, "Adam: clip_value", "(0, inf)"),
    ("clipping in words", lambda s: Adam(0.1, clip_global_norm="1"),
     TypeError, "Adam: clip_global_norm", "number"),
    ("clipping of Keras", lambda s: Adam(0.1, global_clipnorm=1.0),
     TypeError, "'global_clipnorm'", "clip_global_norm"),
    ("nesterov a number", lambda s: SGD(0.1, nesterov=1), TypeError, "SGD: nesterov", "True or False"),
    ("lr", lambda s: Nadam(lr=0.1), TypeError, "'lr'", "nnfw calls it learning_rate"),
    ("a state of another rule", lambda s: Adam(0.1).step(np.ones(3), np.ones(3), s.state, 0.0),
     ValueError, "Adam: ", "the state of SGD", "start(params)"),
    ("a gradient of another shape", lambda s: s.sgd.step(np.ones(3), np.ones(2), s.state, 0.0),
     ValueError, "gradients (2,)", "(3,)"),
    ("a negative epoch", lambda s: schedules.Cosine(0.1, 5)(-1.0), ValueError, "epoch", "-1"),
    ("no epochs for a cosine", lambda s: schedules.Cosine(0.1, epochs=0), ValueError, "epochs", "0"),
    ("a negative rate of a schedule", lambda s: schedules.Linear(-0.1, 0.1, 3),
     ValueError, "-0.1", "finite"),
    ("a drop above 1", lambda s: schedules.Step(0.1, drop=2.0, every=5), ValueError, "drop", "2"),
    ("boundaries that fall", lambda s: schedules.Piecewise([5, 3], [0.1, 0.2, 0.3]),
     ValueError, "boundaries", "3"),
    ("too few values", lambda s: schedules.Piecewise([5], [0.1]),
     ValueError, "Piecewise: boundaries", "one fewer"),
    ("a function that gives NaN",
     lambda s: fit(network_of(Dense(1), optimizer=SGD(lambda epoch: np.nan)), FLAT, NUMBERS),
     ValueError, "rate", "nan"),
    ("a function that gives a negative rate",
     lambda s: fit(network_of(Dense(1), optimizer=SGD(lambda e: -0.1)), FLAT, NUMBERS),
     ValueError, "rate", "-0.1"),
    ("a function that gives words",
     lambda s: fit(network_of(Dense(1), optimizer=SGD(lambda e: "fast")), FLAT, NUMBERS),
     TypeError, "rate", "number"),
]
# fmt: on


@mistakes(MISTAKES)
def test_mistakes_are_refused_and_leave_nothing_behind(make, error, said, scene):
    scene.refuses(make, error, said)
