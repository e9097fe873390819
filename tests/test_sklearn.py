"""Networks as scikit-learn estimators: its own checks, and the network beneath as the oracle."""

import copy
import inspect
import pickle
import re
import signal

import numpy as np
import pytest
from alike import for_each

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    parametrize_with_checks,
)
from test_examples import blocks

from nnfw import (
    GRU,
    SGD,
    Adam,
    AdamW,
    Callback,
    Conv2D,
    Dense,
    EarlyStopping,
    Flatten,
    LambdaCallback,
    Network,
    NonFiniteError,
    ReduceOnPlateau,
    Reshape,
)
from nnfw.core.words import ESTIMATOR_HOMES
from nnfw.data import MinMaxScaler, StandardScaler
from nnfw.datasets import load_digits
from nnfw.losses import MAE, GaussianNLL
from nnfw.metrics import F1
from nnfw.regularizers import L2
from nnfw.schedules import Cosine
from nnfw.sklearn import NetworkClassifier, NetworkRegressor

BATCHES = "a sample of weight 2 is in one batch of an epoch, and two equal samples may be in two"
EXPECTED = {"check_sample_weight_equivalence_on_dense_data": BATCHES}
RNG = np.random.default_rng(0)
ROWS, STEPS = RNG.normal(size=(60, 4)), RNG.normal(size=(60, 5, 3))
LISTS = [RNG.normal(size=(n, 3)) for n in RNG.integers(2, 7, size=60)]
NUMBERS, LABELS = RNG.normal(size=60), RNG.integers(3, size=60)
NAMES = np.array(["ash", "birch", "cedar"])[LABELS]
MANY = RNG.integers(2, size=(60, 4))


def classifier(*layers, **settings):
    return NetworkClassifier(list(layers), **{"epochs": 3, "random_state": 0, **settings})


def regressor(*layers, **settings):
    return NetworkRegressor(list(layers), **{"epochs": 3, "random_state": 0, **settings})


def same_weights(a, b):
    return np.array_equal(a.network_.flat_params, b.network_.flat_params)


# ---- scikit-learn's own checks --------------------------------------------------------------------------


@parametrize_with_checks(
    [
        NetworkClassifier([Dense(8, "relu")], optimizer=Adam(1e-2), epochs=30),
        NetworkRegressor([Dense(8, "relu")], optimizer=Adam(1e-2), epochs=30),
    ],
    expected_failed_checks=lambda estimator: EXPECTED,
)
@pytest.mark.slow
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [NetworkClassifier(), NetworkRegressor()], expected_failed_checks=lambda estimator: EXPECTED
)
def test_the_checks_of_scikit_learn_without_arguments(estimator, check):
    check(estimator)


@pytest.mark.parametrize("Estimator", [NetworkClassifier, NetworkRegressor])
def test_the_expected_failure_is_one_of_small_batches_only(Estimator):
    whole = Estimator([Dense(4, "tanh")], epochs=30, batch_size=10**6, dtype="float64")
    check_sample_weight_equivalence_on_dense_data(Estimator.__name__, whole)


# ---- the network beneath --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y", "last", "loss"),
    [
        (STEPS, LABELS == 1, Dense(1, "sigmoid"), "bce"),
        (STEPS, LABELS, Dense(3, "softmax"), "cce"),
        (LISTS, LABELS, Dense(3, "softmax"), "cce"),
        (STEPS, MANY, Dense(4, "sigmoid"), "bce"),
    ],
    ids=["two classes", "classes", "lists", "labels"],
)
def test_a_classifier_is_a_network_that_fits_the_targets(x, y, last, loss):
    fitted = classifier(GRU(4), optimizer=Adam(1e-2)).fit(x, y)
    network = Network([GRU(4), last], loss=loss, optimizer=Adam(1e-2), seed=0)
    network.fit(x, y, epochs=3, verbose=0)
    assert repr(fitted.network_.layers[-1]) == repr(last)
    np.testing.assert_allclose(fitted.network_.flat_params, network.flat_params, rtol=1e-5, atol=1e-6)
    a, p = network.predict(x), fitted.predict_proba(x)
    np.testing.assert_allclose(p, np.hstack([1 - a, a]) if a.shape[1] == 1 else a, rtol=1e-4)
    decided = (a > 0.5) if np.ndim(y) == 2 else network.predict_classes(x)
    assert np.array_equal(fitted.predict(x), decided)
    assert fitted.score(x, y) == accuracy_score(y, decided)
    assert fitted.history_ is fitted.network_.history
    assert (fitted.n_features_in_, len(fitted.history_["loss"])) == (3, 3)


@pytest.mark.parametrize("loss", ["cce", "focal", "ordinal"])
def test_two_classes_with_a_loss_for_softmax(loss):
    fitted = classifier(GRU(4), loss=loss, optimizer=Adam(1e-2)).fit(STEPS, NAMES == "ash")
    network = Network([GRU(4), Dense(2, "softmax")], loss=loss, optimizer=Adam(1e-2), seed=0)
    network.fit(STEPS, (NAMES == "ash").astype(int), epochs=3, verbose=0)
    np.testing.assert_allclose(fitted.network_.flat_params, network.flat_params, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(STEPS), network.predict(STEPS), rtol=1e-4)
    assert np.array_equal(fitted.predict(STEPS), network.predict_classes(STEPS) == 1)
    assert fitted.predict(STEPS).dtype == bool
    for _ in range(2):
        fitted.partial_fit(STEPS[:5], NAMES[:5] == "ash", sample_weight=np.arange(5))
    assert len(fitted.history_["loss"]) == 5


@for_each(
    ("fit", "said"),
    [
        (lambda: classifier(loss="focal").fit(ROWS, MANY),
         "NetworkClassifier: Focal() requires softmax outputs, but these targets have sigmoid ones; omit "
         "loss to use 'bce'"),
        (lambda: regressor(loss="bce").fit(ROWS, NUMBERS), "NetworkRegressor: BinaryCrossentropy() requires"),
        (lambda: regressor(loss="cce").fit(ROWS, NUMBERS), "have linear ones; omit loss to use 'mse'"),
        (lambda: classifier(loss="quantile").fit(ROWS, LABELS), "Quantile() requires linear outputs"),
    ],
)  # fmt: skip
def test_a_loss_for_other_outputs(fit, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        fit()


@pytest.mark.parametrize(("y", "K"), [(NUMBERS, 1), (np.outer(NUMBERS, [1, 2]), 2)], ids=["one", "two"])
@pytest.mark.parametrize("loss", [None, "mae"])
def test_a_regressor_is_a_linear_output_with_a_loss(y, K, loss):
    fitted = regressor(GRU(4), loss=loss).fit(LISTS, y)
    network = Network([GRU(4), Dense(K)], loss=loss or "mse", seed=0)
    network.fit(LISTS, y, epochs=3, verbose=0)
    assert np.array_equal(fitted.network_.flat_params, network.flat_params)
    a = fitted.predict(LISTS)
    assert a.shape == y.shape
    assert np.array_equal(a.reshape(60, K), network.predict(LISTS))
    assert fitted.score(LISTS, y) == r2_score(y, a)
    assert isinstance(fitted.network_.loss, MAE) == (loss == "mae")


@for_each(
    ("call", "said"),
    [
        (lambda: NetworkClassifier(max_iter=9), "has no argument 'max_iter'; nnfw calls it epochs."),
        (lambda: NetworkRegressor(hidden_layer_sizes=[9]), "'hidden_layer_sizes'; nnfw calls it layers."),
        (lambda: NetworkClassifier(class_weight="balanced"), "write fit(X, y, sample_weight=compute_"),
        (lambda: NetworkClassifier(sample_weight=[1]), "write fit(X, y, sample_weight=...)."),
        (lambda: NetworkClassifier(lr=0.1), "NetworkClassifier(layers, optimizer=Adam(learning_rate=...))."),
        (lambda: NetworkClassifier(seed=1), "write NetworkClassifier(layers, random_state=...)."),
        (lambda: NetworkClassifier(shuffle=False), "has no argument 'shuffle'. It takes: layers, loss"),
        (lambda: NetworkClassifier(bach_size=9), "Did you mean 'batch_size'?"),
        (lambda: NetworkClassifier([Dense(2)], "bce"), "NetworkClassifier takes layers by position"),
        (lambda: classifier().fit(ROWS, LABELS, epochs=9), "write NetworkClassifier(layers, epochs=...)."),
        (lambda: classifier().fit(LISTS, LABELS, lengths=[9]), "write fit(X, y), with a list X of arrays"),
        (lambda: regressor().partial_fit(ROWS, NUMBERS, epochs=9), "NetworkClassifier(layers, epochs=...)."),
        (lambda: classifier().partial_fit(ROWS, LABELS, class_weight={}), "partial_fit has no argument"),
    ],
)  # fmt: skip
def test_arguments_of_others_are_told_nnfw_s(call, said):
    with pytest.raises(TypeError, match=re.escape(said)) as caught:
        call()
    assert len(str(caught.value)) < 500


def test_where_an_argument_is_sent_there_it_is_taken():
    own = ESTIMATOR_HOMES["NetworkClassifier(layers, {}=...)"].split()
    assert {*own, "layers", "random_state"} == {*NetworkClassifier().get_params()}
    for part in (Adam, EarlyStopping):
        words = next(words for home, words in ESTIMATOR_HOMES.items() if f"{part.__name__}(" in home)
        assert {*words.split()} <= {*inspect.signature(part).parameters}


def test_labels_of_any_kind():
    fitted = classifier(Dense(4)).fit(ROWS, NAMES)
    assert fitted.classes_.tolist() == ["ash", "birch", "cedar"]
    coded = classifier(Dense(4)).fit(ROWS, LABELS)
    assert np.array_equal(fitted.predict(ROWS), fitted.classes_[coded.predict(ROWS)])


def test_a_random_state_that_is_no_int():
    states = [np.random.RandomState(seed) for seed in (1, 1, 2)]
    one, same, other = [classifier(Dense(4), random_state=state).fit(ROWS, LABELS) for state in states]
    assert same_weights(one, same)
    assert not same_weights(one, other)
    drawn = [classifier(random_state=None).fit(ROWS, LABELS) for _ in range(2)]
    assert not same_weights(*drawn)


def test_nothing_is_printed_unless_it_is_asked_for(capsys):
    stopping = EarlyStopping(patience=1, min_delta=10.0)
    settings = {"validation_split": 0.2, "callbacks": [stopping]}
    classifier(Dense(4), **settings).fit(ROWS, LABELS).score(ROWS, LABELS)
    assert capsys.readouterr() == ("", "")
    classifier(Dense(4), verbose=2, **settings).fit(ROWS, LABELS)
    assert "".join(capsys.readouterr()).count("val_loss") >= 2


# ---- arguments stay as they are -------------------------------------------------------------------------


def test_arguments_are_copied():
    layers, optimizer = [GRU(4)], Adam(1e-2)
    callbacks = [EarlyStopping(patience=1), ReduceOnPlateau(patience=1, min_delta=10.0)]
    estimator = NetworkClassifier(
        layers, optimizer=optimizer, callbacks=callbacks, validation_split=0.2, epochs=4, random_state=0
    )
    before = pickle.dumps((layers, optimizer, callbacks))
    weights = estimator.fit(STEPS, LABELS).network_.flat_params.copy()
    assert estimator.history_["learning_rate"][-1] < 1e-2
    assert pickle.dumps((layers, optimizer, callbacks)) == before
    arguments = estimator.get_params()
    assert arguments["layers"] is layers
    assert arguments["optimizer"] is optimizer is not estimator.network_.optimizer
    assert np.array_equal(estimator.fit(STEPS, LABELS).network_.flat_params, weights)
    assert same_weights(clone(estimator).fit(STEPS, LABELS), estimator)


def test_layers_from_a_function():
    listed = classifier(GRU(4), Dense(3, "relu")).fit(STEPS, LABELS)
    built = NetworkClassifier(lambda: [GRU(4), Dense(3, "relu")], epochs=3, random_state=0)
    assert same_weights(built.fit(STEPS, LABELS), listed)
    assert same_weights(built.fit(STEPS, LABELS), listed)


def test_trained_layers_keep_their_weights():
    network = Network([GRU(4), Dense(1)], seed=3)
    network.fit(STEPS, NUMBERS, verbose=0)
    trained = network.layers[0].flat_params.copy()
    fitted = classifier(network.layers[0], optimizer=SGD(1e-12)).fit(STEPS, LABELS)
    np.testing.assert_allclose(fitted.network_.layers[0].flat_params, trained, atol=1e-6)
    assert np.array_equal(network.layers[0].flat_params, trained)


def test_pickle():
    fitted = classifier(GRU(4)).fit(LISTS, NAMES)
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict_proba(LISTS), fitted.predict_proba(LISTS))
    assert np.array_equal(again.predict(LISTS), fitted.predict(LISTS))


# ---- weights --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "y"), [(classifier, NAMES), (regressor, NUMBERS)])
@pytest.mark.parametrize("x", [ROWS, LISTS], ids=["rows", "lists"])
def test_a_weight_of_zero_is_no_sample_to_the_bit(make, y, x):
    estimator = make(*([GRU(4)] if x is LISTS else [Dense(4)]), batch_size=8, validation_split=0.2)
    kept = np.arange(60) % 3 > 0
    weighted = estimator.fit(x, y, sample_weight=kept).network_.flat_params.copy()
    fewer = [one for one, keep in zip(x, kept, strict=True) if keep]
    fewer = fewer if x is LISTS else np.array(fewer)
    assert np.array_equal(estimator.fit(fewer, y[kept]).network_.flat_params, weighted)
    assert not np.array_equal(estimator.fit(x, y).network_.flat_params, weighted)


@pytest.mark.parametrize("optimizer", [SGD(0.1), Adam(1e-2)], ids=repr)
def test_weights_are_ratios_and_count_samples(optimizer):
    estimator = regressor(Dense(4, "tanh"), optimizer=optimizer, batch_size=1000, dtype="float64", epochs=10)
    times = RNG.integers(1, 4, size=60)
    weighted = estimator.fit(ROWS, NUMBERS, sample_weight=times).predict(ROWS)
    np.testing.assert_allclose(estimator.fit(ROWS, NUMBERS, 0.1 * times).predict(ROWS), weighted, rtol=1e-10)
    repeated = estimator.fit(ROWS.repeat(times, axis=0), NUMBERS.repeat(times)).predict(ROWS)
    np.testing.assert_allclose(repeated, weighted, rtol=1e-8)
    assert np.abs(estimator.fit(ROWS, NUMBERS).predict(ROWS) - weighted).max() > 1e-3


# ---- training on ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "y"), [(classifier, LABELS), (classifier, MANY), (regressor, NUMBERS)])
def test_training_on(make, y):
    at_once = make(GRU(4), epochs=4).fit(LISTS, y)
    warm = make(GRU(4), epochs=2, warm_start=True).fit(LISTS, y).fit(LISTS, y)
    assert same_weights(warm, at_once)
    assert warm.history_["loss"] == at_once.history_["loss"]
    partly = make(GRU(4), epochs=2).fit(LISTS, y).partial_fit(LISTS, y).partial_fit(LISTS, y)
    assert same_weights(partly, at_once)
    assert same_weights(partly.set_params(epochs=4).fit(LISTS, y), at_once)  # starts anew


def test_partial_fit_from_the_start():
    order = np.argsort(LABELS, kind="stable")
    estimator = classifier(Dense(4), validation_split=0.2, callbacks=[EarlyStopping()])
    for part in np.split(order, 4):
        estimator.partial_fit(ROWS[part], NAMES[part], classes=["birch", "ash", "cedar"])
    assert estimator.classes_.tolist() == ["ash", "birch", "cedar"]
    assert estimator.predict_proba(ROWS).shape == (60, 3)
    assert list(estimator.history_) == ["loss", "learning_rate"]
    network = Network([Dense(4), Dense(3, "softmax")], loss="cce", seed=0)
    for part in np.split(order, 4):
        network.fit(ROWS[part], LABELS[part], verbose=0)
    np.testing.assert_allclose(estimator.predict_proba(ROWS), network.predict(ROWS), rtol=1e-4)


def test_a_warm_start_takes_the_present_optimizer():
    estimator = regressor(Dense(4), warm_start=True).fit(ROWS, NUMBERS)
    weights = estimator.network_.flat_params.copy()
    estimator.set_params(optimizer=SGD(1e-12)).fit(ROWS, NUMBERS)
    np.testing.assert_allclose(estimator.network_.flat_params, weights, atol=1e-6)
    assert len(estimator.history_["loss"]) == 6


def test_metrics_are_those_of_the_network():
    score, fitted = F1("macro"), ["loss", "accuracy", "f1_macro"]
    estimator = classifier(GRU(4), metrics=["accuracy", score], validation_split=0.25, epochs=2)
    history = clone(estimator).fit(STEPS, LABELS).history_
    assert [*history] == [*fitted, *(f"val_{name}" for name in fitted), "learning_rate"]
    assert estimator.get_params()["metrics"][1] is score
    plain = classifier(GRU(4), validation_split=0.25, epochs=2).fit(STEPS, LABELS)
    assert plain.history_["val_loss"] == history["val_loss"]
    warm = regressor(Dense(4), warm_start=True, epochs=1).fit(ROWS, NUMBERS)
    warm.set_params(metrics=["mae"]).fit(ROWS, NUMBERS)
    found = np.abs(NUMBERS - warm.predict(ROWS)).mean()
    assert warm.network_.evaluate(ROWS, NUMBERS)["mae"] == pytest.approx(found, rel=1e-5)
    with pytest.raises(ValueError, match=r"unknown metric 'acuracy'\. Did you mean 'accuracy'"):
        classifier(GRU(4), metrics=["acuracy"]).fit(STEPS, LABELS)


def test_early_stopping():
    stopping = EarlyStopping(patience=2)
    estimator = classifier(
        Dense(32, "tanh"), optimizer=Adam(0.03), epochs=100, validation_split=0.25, callbacks=[stopping]
    ).fit(ROWS, LABELS)
    losses = estimator.history_["val_loss"]
    assert len(losses) < 100
    assert estimator.history_.restored == len(losses) - 2 == np.argmin(losses) + 1
    assert estimator.history_.validation.startswith("stratified")
    assert not hasattr(stopping, "best_epoch")


# ---- what fails -----------------------------------------------------------------------------------------


def test_what_is_refused_leaves_no_network():
    trained = Network([GRU(4), Dense(1)])
    trained.fit(STEPS, NUMBERS, verbose=0)
    estimator = classifier(trained.layers[0])
    for x, y, message in ((ROWS, LABELS, "layer 1, GRU"), (STEPS[..., :2], LABELS > 3, "one class, False")):
        estimator.fit(STEPS, LABELS)
        with pytest.raises(ValueError, match=message):
            estimator.fit(x, y)
        with pytest.raises(NotFittedError):
            estimator.predict(STEPS)
    assert estimator.fit(STEPS, LABELS).predict(STEPS).shape == (60,)


def test_what_is_refused_leaves_a_warm_network():
    estimator = classifier(GRU(4), warm_start=True).fit(STEPS, LABELS)
    before = estimator.predict_proba(STEPS)
    for x, y in ((ROWS, LABELS), (STEPS[..., :2], LABELS), (STEPS, LABELS + 1), (STEPS, MANY)):
        with pytest.raises(ValueError, match=r".{20}"):
            estimator.fit(x, y)
        with pytest.raises(ValueError, match=r".{20}"):
            estimator.partial_fit(x, y)
    assert np.array_equal(estimator.predict_proba(STEPS), before)


def test_a_divergence_leaves_the_last_good_network():
    estimator = regressor(Dense(4), optimizer=SGD(1e12))
    with pytest.raises(NonFiniteError):
        estimator.fit(ROWS, NUMBERS)
    assert np.isfinite(estimator.network_.flat_params).all()


class Told(Callback):
    """Remembers, in all its copies, how its fits have ended."""

    comes_last, ends = True, []

    def on_fit_end(self, run):
        self.ends.append(run.stopped)


def test_an_interruption_ends_more_than_the_fit():
    press = LambdaCallback(on_epoch_end=lambda run: signal.raise_signal(signal.SIGINT))
    search = GridSearchCV(classifier(Dense(4), callbacks=[press]), {"epochs": [3, 4]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(ROWS, LABELS)
    estimator = classifier(Dense(4), callbacks=[press, Told()])
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(ROWS, LABELS)
    assert Told.ends == ["interrupted"]
    assert len(estimator.history_["loss"]) == 1
    assert estimator.predict(ROWS).shape == (60,)


@pytest.mark.parametrize(("loss", "outputs"), [("quantile", 3), (GaussianNLL(), 2)])
@pytest.mark.parametrize("y", [NUMBERS, np.outer(NUMBERS, [1, 2])], ids=["one", "two"])
def test_a_loss_of_several_outputs_a_target_predicts_what_they_say(loss, outputs, y):
    fitted = regressor(Dense(4), loss=loss).fit(ROWS, y)
    network = Network([Dense(4), Dense(y[:1].size * outputs)], loss=loss, seed=0)
    network.fit(ROWS, y, epochs=3, verbose=0)
    a = network.predict(ROWS)
    assert np.array_equal(fitted.network_.predict(ROWS), a)
    assert (fitted.predict(ROWS).shape, fitted.predict(ROWS).dtype) == (y.shape, np.float64)
    assert np.array_equal(fitted.predict(ROWS).reshape(60, -1), network.loss.estimate(a))


def test_counts_are_predicted_by_outputs_above_0():
    rates = np.exp(ROWS[:, 0])
    counts = np.random.default_rng(1).poisson(rates)
    fitted = regressor(loss="poisson", epochs=200, optimizer=Adam(0.01)).fit(ROWS, counts)
    assert (fitted.predict(ROWS) > 0).all()
    assert np.corrcoef(fitted.predict(ROWS), rates)[0, 1] > 0.7


MASKED = np.ma.masked_greater(ROWS, 1)


@for_each(
    ("call", "error", "message"),
    [
        (lambda: classifier().fit(MASKED, LABELS), ValueError, "X has masked values"),
        (lambda: classifier().fit(list(MASKED), LABELS), ValueError, "X has masked values"),
        (lambda: classifier().fit(ROWS, LABELS).predict(MASKED), ValueError, "X has masked values"),
        (lambda: regressor().fit(ROWS, MASKED[:, 0]), ValueError, "y has masked values"),
        (
            lambda: classifier(GRU(4)).fit([one[:, 0] for one in LISTS], LABELS),
            ValueError,
            r"X is a list of unequal parts.*\(T_i, 1\) for one feature",
        ),
        (lambda: NetworkClassifier(GRU(4)).fit(STEPS, LABELS), TypeError, r"a list, e.g. \[GRU\(4\)\]"),
        (lambda: classifier(GRU).fit(STEPS, LABELS), TypeError, r"did you mean GRU\(...\)"),
        (lambda: NetworkClassifier(100).fit(ROWS, LABELS), TypeError, r"e.g. \[100\], got int$"),
        (lambda: NetworkClassifier((100,)).fit(ROWS, LABELS), TypeError, r"did you mean Dense\(100\)\?"),
        (lambda: regressor(Dense(4), Dense(1)).fit(ROWS, NUMBERS), ValueError, r"remove Dense\(1\)$"),
        (
            lambda: classifier(Dense(1, "sigmoid")).fit(ROWS, LABELS > 1),
            ValueError,
            r"the output layer is added to layers; remove Dense\(1, activation='sigmoid'\)$",
        ),
        (
            lambda: classifier(GRU(4), Dense(3, "softmax")).fit(STEPS, LABELS),
            ValueError,
            r"the output layer is added to layers; remove Dense\(3",
        ),
        (
            lambda: classifier(GRU(4, return_sequences=True)).fit(STEPS, LABELS),
            ValueError,
            "return_sequences",
        ),
        (lambda: classifier(callbacks=EarlyStopping()).fit(ROWS, LABELS), TypeError, "must be a list"),
        (lambda: classifier(epochs=0).fit(ROWS, LABELS), ValueError, "epochs must be at least 1"),
        (lambda: classifier().fit(ROWS, 0 * LABELS), ValueError, "one class, 0"),
        (lambda: classifier().fit(ROWS, NUMBERS), ValueError, "continuous"),
        (lambda: classifier().fit(ROWS, MANY + MANY.T[0, :, None]), ValueError, "[mM]ulti-?output"),
        (lambda: classifier().fit(ROWS, MANY + 1), ValueError, "y holds 1 to 2"),
        (lambda: classifier().fit(ROWS, None), ValueError, "requires y"),
        (lambda: classifier().fit(ROWS, LABELS[:-1]), ValueError, "inconsistent numbers of samples"),
        (lambda: classifier().fit(np.where(ROWS > 2, np.nan, ROWS), LABELS), ValueError, "X contains NaN"),
        (lambda: classifier().fit(ROWS, LABELS, np.zeros(60)), ValueError, "zero everywhere"),
        (lambda: classifier().fit(ROWS, LABELS, -np.ones(60)), ValueError, "at least 0"),
        (lambda: classifier().partial_fit(ROWS, LABELS), ValueError, "classes must be passed on the first"),
        (
            lambda: classifier().fit(ROWS, NAMES).partial_fit(ROWS[:1], ["yew"]),
            ValueError,
            r"y holds \['yew'\], but the classes are \['ash', 'birch', 'cedar'\]",
        ),
        (
            lambda: classifier(GRU(4)).fit([*LISTS[:-1], LISTS[-1][:, :2]], LABELS),
            ValueError,
            r"sequences\[59\] has shape",
        ),
        (
            lambda: classifier(GRU(4)).fit(LISTS, LABELS).predict([x[:, :2] for x in LISTS]),
            ValueError,
            "X has 2 features, but NetworkClassifier is expecting 3",
        ),
        (lambda: regressor().predict(ROWS), NotFittedError, "not fitted yet"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_columns_in_another_order_are_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS, columns=["a", "b", "c", "d"])
    fitted = classifier(Dense(4)).fit(frame, pandas.Series(NAMES))
    assert fitted.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert same_weights(fitted, classifier(Dense(4)).fit(ROWS, NAMES))
    for refused in (fitted.predict, lambda x: fitted.partial_fit(x, NAMES)):
        with pytest.raises(ValueError, match="same order"):
            refused(frame[["b", "a", "c", "d"]])
    assert fitted.partial_fit(frame, NAMES).predict(frame).shape == (60,)


def test_images_are_samples():
    images, layers = RNG.normal(size=(60, 4, 4, 1)), [Conv2D(2, 3, "relu"), Flatten()]
    fitted = classifier(*layers).fit(images, NAMES)
    assert fitted.n_features_in_ == 1
    assert same_weights(fitted, classifier(Reshape((4, 4, 1)), *layers).fit(images.reshape(60, 16), NAMES))
    assert np.array_equal(fitted.predict_proba(list(images)), fitted.network_.predict(images))


# ---- among its own --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Ridge", "LogisticRegression"])
def test_penalties_are_those_of_scikit_learn(name):
    rng = np.random.default_rng(0)
    x, N = rng.normal(size=(100, 3)), 100
    y = x @ [1.0, -2.0, 0.5] + rng.normal(size=N)
    if name == "Ridge":
        model, penalty, output, loss = Ridge(alpha=2.0), L2(2 * 2.0 / N), "linear", "mse"
    else:
        model, penalty, output, loss = (
            LogisticRegression(C=0.5, tol=1e-10),
            L2(1 / (0.5 * N)),
            "sigmoid",
            "bce",
        )
        y = (y > 0).astype(int)
    model.fit(x, y)
    layers = [Dense(1, output, regularizer=penalty)]
    network = Network(layers, loss=loss, optimizer=SGD(0.3, momentum=0.9), dtype="float64", seed=0)
    network.fit(x, y, epochs=1500, batch_size=N, verbose=0)
    np.testing.assert_allclose(network.params["dense_1.W"].ravel(), model.coef_.ravel(), atol=1e-6)
    np.testing.assert_allclose(network.params["dense_1.b"], model.intercept_, atol=1e-6)


def test_a_search_over_the_arguments_of_an_optimizer():
    schedule = Cosine(0.1, epochs=5)
    for optimizer in (Adam(1), SGD(0.1, momentum=0.9, clip_norm=2), AdamW(schedule, weight_decay=1e-3)):
        assert repr(clone(optimizer)) == repr(optimizer)
    given = classifier(GRU(2), epochs=1, optimizer=Adam(1e-3, clip_global_norm=1.0))
    grid = {"optimizer__learning_rate": [1e-3, 0.1], "optimizer__beta_1": [0.9]}
    search = GridSearchCV(given, grid, cv=2).fit(LISTS, NAMES)
    rates = [one["optimizer__learning_rate"] for one in search.cv_results_["params"]]
    assert rates == [1e-3, 0.1]
    assert repr(given.optimizer) == "Adam(clip_global_norm=1.0)"  # as it was
    best = search.best_estimator_
    alone = classifier(GRU(2), epochs=1, optimizer=copy.deepcopy(best.optimizer)).fit(LISTS, NAMES)
    assert same_weights(best, alone)
    assert best.network_.optimizer.learning_rate == search.best_params_["optimizer__learning_rate"]
    with pytest.raises(ValueError, match="Adam: learning_rate must be"):
        given.set_params(optimizer__learning_rate=-1.0)
    with pytest.raises(TypeError, match=r"Adam has no argument 'lr'.* learning_rate"):
        given.optimizer.set_params(lr=1.0)


def test_a_pipeline_of_sequences():
    x = [7 * one + 3 for one in LISTS]
    pipeline = make_pipeline(StandardScaler(), classifier(GRU(4))).fit(x, NAMES)
    scaled = StandardScaler().fit_transform(x)
    alone = classifier(GRU(4)).fit(scaled, NAMES)
    assert same_weights(pipeline[-1], alone)
    assert np.array_equal(pipeline.predict_proba(x), alone.predict_proba(scaled))
    assert "GRU" in pipeline._repr_html_()
    predicted = cross_val_predict(pipeline, x, NAMES, cv=3)
    assert predicted.shape == (60,)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(-1.0, 3.0)], ids=repr)
def test_a_scaler_is_cloned_without_what_it_has_learned(scaler):
    x = [7 * one + 3 for one in LISTS]
    pipeline = make_pipeline(scaler, classifier(GRU(2), epochs=1)).fit(x, NAMES)
    for copied in (clone(scaler), clone(pipeline)[0]):
        assert (type(copied), copied.get_params()) == (type(scaler), scaler.get_params())
        with pytest.raises(RuntimeError, match="not fitted yet"):
            copied.transform(x)
    assert scaler.fit_transform(x, NAMES)[0].shape == x[0].shape


def test_a_search_over_scalers_and_their_arguments():
    x = [7 * one + 3 for one in LISTS]
    pipeline = Pipeline([("scale", MinMaxScaler()), ("classify", classifier(GRU(2), epochs=1))])
    grid = [
        {"scale": [StandardScaler(), MinMaxScaler()]},
        {"scale__low": [-1.0, 0.5], "scale__high": [1.0, 2.0]},
    ]
    search = GridSearchCV(pipeline, grid, cv=2).fit(x, NAMES)
    assert len(search.cv_results_["params"]) == 6
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    with pytest.raises(TypeError, match="MinMaxScaler has no argument 'lo'"):
        pipeline.set_params(scale__lo=0.0)
    with pytest.raises(ValueError, match="MinMaxScaler: low must be less than high"):
        pipeline.set_params(scale__low=7.0)
    assert pipeline[0].get_params() == {"low": 0.0, "high": 1.0}
    assert pipeline.set_params(scale__low=7.0, scale__high=9.0)[0].low == 7.0


@pytest.mark.slow
def test_a_grid_search():
    pipeline = make_pipeline(StandardScaler(), classifier(GRU(1), epochs=1))
    grid = {
        "networkclassifier__layers": [[GRU(2)], [GRU(16)]],
        "networkclassifier__optimizer": [Adam(1e-6), Adam(3e-2)],
        "networkclassifier__epochs": [1, 4],
    }
    (x, y), (x_test, y_test) = load_digits()
    search = GridSearchCV(pipeline, grid, cv=2).fit(x[:400], y[:400])
    best = {name.split("__")[1]: value for name, value in search.best_params_.items()}
    assert str(best) == "{'epochs': 4, 'layers': [GRU(16)], 'optimizer': Adam(learning_rate=0.03)}"
    assert search.score(x_test, y_test) > 0.6
    assert len({score.round(6) for score in search.cv_results_["mean_test_score"]}) > 4


@pytest.mark.slow
@pytest.mark.subprocess
def test_two_processes_compute_the_same():
    pipeline = make_pipeline(StandardScaler(), classifier(GRU(4), optimizer=Adam(1e-2)))
    here, there = (cross_val_score(pipeline, LISTS, NAMES, cv=3, n_jobs=jobs) for jobs in (1, 2))
    assert np.array_equal(here, there)


@pytest.mark.slow
@pytest.mark.subprocess
def test_the_page_in_the_docs(capsys):
    search, pipeline, targets = {}, {}, {}
    for block, names in zip(blocks("docs/sklearn.md"), (search, pipeline, pipeline, targets), strict=True):
        exec(compile(block, "docs/sklearn.md", "exec"), names)
    assert capsys.readouterr().out.startswith("{'layers': [GRU(64)], 'optimizer': Adam(learning_rate=0.01)}")
    assert search["search"].score(search["x_test"], search["y_test"]) > 0.95
    assert pipeline["pipeline"].score(pipeline["x_test"], pipeline["y_test"]) > 0.9
    assert targets["scaled"].fit(targets["x"], targets["y"]).score(targets["x"], targets["y"]) > 0.4
