"""A script of a user, which mypy checks and nobody runs: what is right, and mistakes that are to be found."""

import numpy as np
import numpy.typing as npt

from nnfw import (
    GRU,
    Adam,
    Bidirectional,
    Callback,
    Conv1D,
    Dense,
    EarlyStopping,
    Layer,
    Network,
    losses,
    saving,
)
from nnfw.data import StandardScaler
from nnfw.metrics import F1
from nnfw.regularizers import L2
from nnfw.training.run import Run

Array = npt.NDArray[np.floating]


class Skip(Dense):
    def backward(self, dy: Array, of_logits: bool = False) -> Array:
        return dy + super().backward(dy, of_logits)


class Doubled(Layer):
    takes_lengths = True

    def compute_shapes(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        self.add_parameter("g", input_shape[-1:], np.ones(3))
        return input_shape

    def forward(self, x: Array, training: bool = False, lengths: npt.ArrayLike | None = None) -> Array:
        self.cache = {"x": x}
        return x * self.params["g"]


class Save(Callback):
    def on_epoch_end(self, run: Run) -> None:
        run.network.save("network")
        print(run.network.predict(np.ones((2, 3))).shape, run.logs["loss"] + 1)


@losses.register("own")
class Own(losses.MSE):
    factor = 2.0


def flip(rng: np.random.Generator, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.ArrayLike:
    return rng.choice([-1, 1], shape)


def right(x: npt.NDArray[np.float32], y: list[int]) -> float:
    rnn = GRU(4, recurrent_initializer=np.eye(4), bias_initializer=flip, regularizer=[L2(0.1), "l1"])
    network = Network([rnn, Skip(4, "tanh"), Dense(1)], dtype=np.float64, metrics=["mae", F1("macro")])
    network.loss, network.metrics, network.optimizer = "mae", ["mse"], "adam"
    rnn.regularizer, rnn.activation, rnn.optimizer = "l2", "relu", None
    network.fit(x, y, class_weight={0: 1, 1: 5}, verbose=True, callbacks=[Save(), EarlyStopping()])
    saving.load("network").predict(x)
    network.optimizer = Adam(lambda epoch: 0.1 / (1 + epoch))
    network.optimizer.learning_rate = 0.1
    return network.loss(y, x) + Own().factor + rnn.activation(x).sum()


def wrong(network: Network, x: npt.NDArray[np.float32]) -> None:
    GRU(4.0)  # type: ignore[arg-type]
    Dense(4, activaton="relu")  # type: ignore[call-arg]
    F1("marco")  # type: ignore[arg-type]
    Bidirectional(GRU(4), merge="add")  # type: ignore[arg-type]
    Conv1D(4, 3, padding="smae")  # type: ignore[arg-type]
    Network(Dense(1))  # type: ignore[arg-type]
    Network([Dense(1)], dtype="float16")  # type: ignore[arg-type]
    losses.MSE(divide_by="weight")  # type: ignore[arg-type]
    Adam(lr=0.1)  # type: ignore[call-arg]
    print(StandardScaler().mean)  # type: ignore[attr-defined]
    EarlyStopping(mode="minimum")  # type: ignore[arg-type]
    network.fit(x, x, split="stratifed")  # type: ignore[arg-type]
    network.fit(x, x, class_weight="balance")  # type: ignore[arg-type]
    network.fit(x, x, verbose="always")  # type: ignore[arg-type]
    network.fit(x, x, epoch=3)  # type: ignore[call-arg]
    network.loss = 3  # type: ignore[assignment]
    network.predict_class(x)  # type: ignore[attr-defined]
    print(network.fit(x, x).loss)  # type: ignore[attr-defined]
