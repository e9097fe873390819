"""Networks as scikit-learn estimators, for its pipelines, cross-validation and searches.

The extra ``sklearn`` installs the requirements of this module, which ``import nnfw`` does not import.
Arguments are named as in `nnfw.Network` and its `fit`, methods and attributes as in scikit-learn.
"""

import copy
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np

from nnfw import losses
from nnfw.activations import Softmax
from nnfw.core.arguments import explain_keywords
from nnfw.core.arrays import plain
from nnfw.core.typing import Array, ArrayLike, Precision, Verbosity
from nnfw.core.words import ESTIMATOR_HOMES
from nnfw.data import pad_sequences
from nnfw.layers import Dense, Layer
from nnfw.network import Network
from nnfw.optimizers import Optimizer
from nnfw.training.adapters import as_weight
from nnfw.training.callbacks import Callback, Interruption, open_callbacks

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.preprocessing import LabelBinarizer
    from sklearn.utils import check_array, check_consistent_length, check_random_state
    from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
    from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    raise ImportError('nnfw.sklearn needs scikit-learn, 1.6 or newer: pip install "nnfw[sklearn]"') from error

__all__ = ["NetworkClassifier", "NetworkRegressor"]
__dir__ = __all__.copy  # for completion
OUTPUTS = ("linear", "sigmoid", "softmax")  # a loss for one of them does not take the earlier ones


class NetworkEstimator(BaseEstimator):
    """The base of the estimators.

    Parameters
    ----------
    layers : sequence of Layer, or function
        The hidden layers; the output layer is added to suit the targets. Each new network gets copies of
        them, or the result of the function, which takes no arguments. Without layers, the model is linear.
    loss : str or Loss, optional
        By default chosen for the targets. If it has several outputs per target, such as "quantile", `predict`
        returns its `estimate`, the median, and ``network_.predict`` all outputs.
    optimizer, metrics, dtype
        See `nnfw.Network`; ``history_`` has the metrics of each epoch.
    epochs, batch_size, validation_split, callbacks, verbose
        See `nnfw.Network.fit`; callbacks are copied. By default, there is no output.
    warm_start : bool
        Whether `fit` continues to train the existing network, with its layers and loss, for `epochs` more
        epochs, instead of creating a new one.
    random_state : int, RandomState or None
        An int is the seed of the network; for the others, see scikit-learn's glossary.

    Attributes
    ----------
    network_ : Network
        The trained network, to inspect and to save.
    history_ : History
        The loss and metrics by epoch.
    n_features_in_ : int
        D, the number of features of a sample, or of each step of a sequence.
    feature_names_in_ : ndarray of str (D,)
        The columns, if the inputs were a DataFrame; other columns, or another order, are then refused.
    """

    network_: Network
    _homes = ESTIMATOR_HOMES
    _output: tuple[str, str]  # the activation of the output layer, and the loss

    @explain_keywords
    def __init__(
        self,
        layers: Sequence[Layer] | Callable[[], Sequence[Layer]] = (),
        *,
        loss: str | losses.Loss | None = None,
        optimizer: str | Optimizer | None = None,
        metrics: Sequence[Any] = (),
        epochs: int = 200,
        batch_size: int = 32,
        validation_split: float = 0.0,
        callbacks: Sequence[Callback] = (),
        warm_start: bool = False,
        dtype: Precision = "float32",
        random_state: Any = None,
        verbose: Verbosity = 0,
    ) -> None:
        self.layers, self.loss, self.optimizer, self.metrics = layers, loss, optimizer, metrics
        self.epochs, self.batch_size, self.validation_split = epochs, batch_size, validation_split
        self.callbacks, self.warm_start, self.dtype = callbacks, warm_start, dtype
        self.random_state, self.verbose = random_state, verbose

    @explain_keywords
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Train on inputs `X` and targets `y`.

        Parameters
        ----------
        X : array_like or DataFrame (N, D), array_like (N, T, D), or list of arrays (T_i, D)
            Inputs; images are array_like (N, H, W, D).
        y : array_like (N,) or (N, K)
            For a classifier, labels of any kind, or for multilabel targets a column of 0 and 1 for each
            label; for a regressor, numbers.
        sample_weight : array_like (N,), optional
            Weights of the samples, relative to each other; samples of weight 0 are left out.

        Raises
        ------
        ValueError, TypeError
            If the data or an argument is not valid; without `warm_start`, there is then no network.
        NonFiniteError, KeyboardInterrupt
            If training diverges or is interrupted; the network is then as after the last complete batch.
        """
        settings = {"epochs": self.epochs, "validation_split": self.validation_split}
        return self._fit(X, y, sample_weight, not self.warm_start, None, self.callbacks, **settings)

    def _fit(
        self, X: Any, y: Any, weight: Any, restart: bool, classes: Any, callbacks: Any = (), **settings: Any
    ) -> Self:
        """Train the network, or a new one if there is none or `restart`, with these settings of its `fit`."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        if restart:
            self.__dict__.pop("network_", None)  # if these data are refused, the estimator is not fitted
        restart = not hasattr(self, "network_")
        x, lengths = self._inputs(X, restart)
        targets = self._targets(plain(y, "y"), restart, classes)
        check_consistent_length(x, targets)
        if weight is not None:
            weight = as_weight(weight, targets, None, False, np.dtype(self.dtype))
            if not (counted := weight > 0).any():
                raise ValueError("sample_weight is zero everywhere, so there is nothing to learn; raise some")
            x, targets, weight = x[counted], targets[counted], weight[counted] / weight[counted].mean()
            lengths = None if lengths is None else lengths[counted]
        network = self._new_network(targets) if restart else self.network_
        network.optimizer = copy.deepcopy(self.optimizer)
        network.metrics = copy.deepcopy(self.metrics)
        settings |= {"lengths": lengths, "batch_size": self.batch_size, "verbose": self.verbose}
        callbacks = [*open_callbacks(copy.deepcopy(callbacks)), Interruption()]
        try:
            network.fit(x, targets, sample_weight=weight, callbacks=callbacks, **settings)
        finally:
            if network._built:  # the data were accepted
                self.network_, self.history_ = network, network.history
        return self

    def _new_network(self, targets: Array) -> Network:
        """Return a network of the hidden layers, and an output layer for the targets."""
        hidden = self.layers() if callable(self.layers) else copy.deepcopy(self.layers)
        owner = type(self).__name__
        if not isinstance(hidden, Sequence):
            raise TypeError(f"{owner}: layers must be a list, e.g. [{hidden!r}], got {type(hidden).__name__}")
        activation, fitting = self._output
        loss = losses.get(fitting if self.loss is None else copy.deepcopy(self.loss))
        wanted = "linear" if loss.outputs_per_target > 1 else loss.fused_with
        if wanted != activation and (wanted == "linear" or wanted in OUTPUTS[OUTPUTS.index(activation) :]):
            said = f"{loss!r} requires {wanted} outputs, but these targets have {activation} ones"
            raise ValueError(f"{owner}: {said}; omit loss to use {fitting!r}")
        activation = "softplus" if (activation, loss.lowest_output) == ("linear", 0.0) else activation
        last = Dense((targets.shape[1] if targets.ndim > 1 else 1) * loss.outputs_per_target, activation)
        end = hidden[-1] if hidden else None
        twice = last.units == 1 and repr(end) == repr(last)  # one unit after another adds nothing
        if twice or isinstance(getattr(end, "activation", None), Softmax):
            raise ValueError(f"{owner}: the output layer is added to layers; remove {end!r}")
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        return Network([*hidden, last], loss=loss, seed=seed, dtype=self.dtype)

    def _inputs(self, X: Any, reset: bool) -> tuple[Array, Array | None]:
        """Return inputs as an array, checked as rows, and the lengths of sequences; `reset` as in sklearn."""
        listed = isinstance(X, list | tuple) and len(X) and np.ndim(X[0]) == 2
        X, lengths = pad_sequences(X) if listed else (plain(X, "X"), None)
        if getattr(X, "ndim", 2) < 3:
            return validate_data(self, X, reset=reset), None
        return validate_data(self, X.reshape(-1, X.shape[-1]), reset=reset).reshape(X.shape), lengths

    def _targets(self, y: Any, restart: bool, classes: Any) -> Array:
        """Return the targets as the network takes them, numbers unless a subclass says otherwise."""
        return check_array(y, ensure_2d=False, input_name="y", estimator=self)

    def _predict(self, X: Any) -> Array:
        check_is_fitted(self, "network_")
        x, lengths = self._inputs(X, reset=False)
        return self.network_.loss.estimate(self.network_.predict(x, lengths=lengths))


class NetworkClassifier(ClassifierMixin, NetworkEstimator):
    """A network that predicts classes; `NetworkEstimator` describes the arguments.

    The output layer and the loss are ``Dense(1, "sigmoid")`` and bce for two classes, ``Dense(K, "softmax")``
    and cce for more, or if `loss` is one for softmax, and ``Dense(K, "sigmoid")`` and bce for multilabel
    targets.

    Attributes
    ----------
    classes_ : ndarray (K,)
        The classes, in the order of the columns of `predict_proba`.

    Examples
    --------
    >>> from nnfw import GRU, Adam
    >>> from nnfw.datasets import load_digits
    >>> (x, y), (x_test, y_test) = load_digits()
    >>> classifier = NetworkClassifier([GRU(32)], optimizer=Adam(1e-2), epochs=5, random_state=0)
    >>> classifier.fit(x, y).score(x_test, y_test) > 0.9
    True
    >>> classifier.predict_proba(x_test).shape
    (359, 10)
    """

    @explain_keywords
    def partial_fit(
        self, X: Any, y: Any, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one epoch on some of the data, without `validation_split` and `callbacks`.

        The first call needs all `classes`, since `y` may lack some; for the other arguments, see `fit`.
        """
        if classes is None and not hasattr(self, "network_"):
            raise ValueError("classes must be passed on the first call to partial_fit")
        return self._fit(X, y, sample_weight, False, classes)

    def predict(self, X: Any) -> Array:
        """Return the most likely class of each sample (N,), or 0 or 1 for each of its labels (N, K)."""
        a = self._predict(X)  # first, as it may not be fitted
        return self._binarizer.inverse_transform(a)

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class or label (N, K)."""
        a = self._predict(X)
        return np.hstack([1 - a, a]) if a.shape[1] == 1 else a

    def _targets(self, y: Any, restart: bool, classes: Any) -> Array:
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y", estimator=self)
        check_classification_targets(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if restart:
            several = type_of_target(y) == "multilabel-indicator"
            self._binarizer = LabelBinarizer().fit(y if several or classes is None else classes)
            self.classes_ = self._binarizer.classes_
            kind = self._binarizer.y_type_
            of_two = kind == "binary" and self.loss and losses.get(self.loss).fused_with == "softmax"
            self._output = ("softmax", "cce") if kind == "multiclass" or of_two else ("sigmoid", "bce")
        known = self.classes_.tolist()
        if len(known) < 2:
            raise ValueError(f"NetworkClassifier: y holds only one class, {known[0]!r}, but two are needed")
        if unseen := set(unique_labels(y).tolist()).difference(known):
            raise ValueError(
                f"NetworkClassifier: y holds {sorted(unseen)}, but the classes are {known}; pass all to the "
                f"first partial_fit, classes=, or start over by fit with warm_start=False"
            )
        y = self._binarizer.transform(y)
        return np.hstack([1 - y, y]) if self._output[0] == "softmax" and y.shape[1] == 1 else y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = tags.classifier_tags.multi_label = True
        return tags


class NetworkRegressor(RegressorMixin, NetworkEstimator):
    """A network that predicts numbers, one or several; `NetworkEstimator` describes the arguments.

    The output layer is linear, or softplus for "poisson", and the loss mse.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = x[:, 0] * x[:, 1]
    >>> regressor = NetworkRegressor([Dense(32, "tanh")], optimizer="nadam", epochs=150, random_state=0)
    >>> regressor.fit(x, y).score(x, y) > 0.9
    True
    """

    _output = ("linear", "mse")

    @explain_keywords
    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one epoch on some of the data, without `validation_split` and `callbacks`; see `fit`."""
        return self._fit(X, y, sample_weight, False, None)

    def predict(self, X: Any) -> Array:
        """Return the predicted numbers (N,), or (N, K) if there are several."""
        a = self._predict(X).astype(np.float64)  # as scikit-learn's checks require of several
        return a[:, 0] if a.shape[1] == 1 else a

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = tags.target_tags.multi_output = True
        return tags
