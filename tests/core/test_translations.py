"""Every word of another library that nnfw translates is tried as its users write it, and so is the answer."""

import functools
import inspect
import re

import numpy as np
import pytest
from alike import for_each
from modules import MODULES
from untrained import untrained

import nnfw
from nnfw import (
    GRU,
    LSTM,
    RNN,
    Adam,
    Callback,
    Checkpoint,
    Dense,
    Dropout,
    Embedding,
    Lion,
    Network,
    data,
    schedules,
)
from nnfw.core.registry import Part, Registry
from nnfw.core.words import ARGUMENTS, ELSEWHERE, HOMES, IMPORTS, MEMBERS
from nnfw.forecasting import forecast

HELD = [value for module in MODULES for value in vars(module).values()]
REGISTRIES = list({value.kind: value for value in HELD if isinstance(value, Registry)}.values())
X = np.random.default_rng(0).normal(size=(12, 2))


def parts(base=Part):
    for part in base.__subclasses__():
        if part.__module__.startswith("nnfw."):
            yield part
        yield from parts(part)


def fit(**options):
    return Network([Dense(1)], seed=0).fit(X, X[:, 0], verbose=0, **options)


def untrained_evaluation(**options):
    return untrained(Network([Dense(1)], seed=0), 2).evaluate(X, X[:, 0], **options)


def untrained_prediction(**options):
    return untrained(Network([Dense(1)], seed=0), 2)(X, **options)


def draw_confusion(**options):
    return nnfw.plots.confusion_matrix(np.eye(2), **options)


def ahead(**options):
    return forecast(untrained(Network([GRU(2), Dense(1)], seed=0), 5, 1), X[:5, 0], **options)


def explained():
    """Return all that explains its keywords, by name: what to call, and the names of its arguments."""
    found = {part.__name__: (part, list(part._arguments())) for part in parts()}
    owned = [value for owner in {Network, *parts()} for value in vars(owner).values()]
    for function in filter(inspect.isfunction, [*HELD, *owned]):
        if hasattr(function, "__wrapped__") and function.__code__.co_name == "checked":  # explain_keywords
            names = list(inspect.signature(function).parameters)
            first = (None,) * (names[0] == "self")
            call = functools.partial(function, *first)
            found[function.__qualname__] = call, [name for name in names if name != "self"]
    return found


EXPLAINED = explained()


def refusal(call, **options):
    try:  # `pytest.raises` would take longer than the call
        call(**options)
    except TypeError as error:
        said = str(error)
        assert "has no argument" in said
        return said.partition(" It takes: ")[0]
    pytest.fail(f"{[*options]} was taken")


def test_functions_are_found():
    assert {"generate", "train_test_split", "one_hot", "GRU"} <= EXPLAINED.keys()
    assert {"Network.fit", "Network.evaluate", "Loss.__call__", "Metric.__call__"} <= EXPLAINED.keys()


@for_each("word", [*ARGUMENTS, *ELSEWHERE])
def test_no_answer_tells_to_use_what_was_given(word):
    """With every other argument given, and with none, for all that could be called with the word."""
    answered = 0
    for call, names in EXPLAINED.values():
        if word not in names:
            alone = refusal(call, **{word: None})
            if told := re.search("nnfw calls it (.*)[.]", alone):
                answered += 1
                assert set(told[1].split(" and ")) <= {*names}
            full = refusal(call, **dict.fromkeys(names), **{word: None})
            assert "nnfw calls it" not in full
            assert "Did you mean" not in full
    assert answered or word in ELSEWHERE


# What users of other libraries write, with all other arguments right, and what they are told to write.
CALLS = {
    "bias_regularizer": (lambda **o: Dense(3, **o), {"bias_regularizer": "l2"}, {"regularizer": {"b": "l2"}}),
    "betas": (lambda **o: Adam(0.1, **o), {"betas": (0.8, 0.9)}, {"beta_1": 0.8, "beta_2": 0.9}),
    "bias": (lambda **o: GRU(3, **o), {"bias": False}, {"use_bias": False}),
    "class_names": (draw_confusion, {"class_names": "ab"}, {"labels": "ab"}),
    "clipnorm": (Adam, {"clipnorm": 1.0}, {"clip_norm": 1.0}),
    "display_labels": (draw_confusion, {"display_labels": "ab"}, {"labels": "ab"}),
    "drop_prob": (Dropout, {"drop_prob": 0.2}, {"rate": 0.2}),
    "eps": (Adam, {"eps": 1e-7}, {"epsilon": 1e-7}),
    "feature_range": (data.MinMaxScaler, {"feature_range": (-1, 1)}, {"low": -1, "high": 1}),
    "filepath": (Checkpoint, {"filepath": "a"}, {"path": "a"}),
    "gamma": (lambda **o: schedules.Step(0.1, **o), {"gamma": 0.5}, {"drop": 0.5}),
    "global_clipnorm": (Lion, {"global_clipnorm": 1.0}, {"clip_global_norm": 1.0}),
    "hidden_layer_sizes": (Network, {"hidden_layer_sizes": [8]}, {"layers": [Dense(8)]}),
    "hidden_size": (LSTM, {"hidden_size": 3}, {"units": 3}),
    "horizon": (ahead, {"horizon": 3}, {"steps": 3}),
    "initial_learning_rate": (
        lambda **o: schedules.Exponential(decay=0.1, **o),
        *({"initial_learning_rate": 0.1}, {"rate": 0.1}),
    ),
    "input_dim": (lambda **o: Embedding(units=3, **o), {"input_dim": 9}, {"vocabulary": 9}),
    "kernel_constraint": (
        lambda **o: Dense(3, **o),
        *({"kernel_constraint": "max_norm"}, {"regularizer": "max_norm"}),
    ),
    "kernel_initializer": (
        lambda **o: RNN(3, **o),
        *({"kernel_initializer": "zeros"}, {"input_initializer": "zeros"}),
    ),
    "kernel_regularizer": (lambda **o: Dense(3, **o), {"kernel_regularizer": "l2"}, {"regularizer": "l2"}),
    "kernel_size": (nnfw.MaxPooling1D, {"kernel_size": 2}, {"pool_size": 2}),
    "learning_rate": (
        lambda **o: schedules.Cosine(epochs=3, **o),
        *({"learning_rate": 0.1}, {"rate": 0.1}),
    ),
    "learning_rate_init": (Adam, {"learning_rate_init": 0.1}, {"learning_rate": 0.1}),
    "lr": (Adam, {"lr": 0.1}, {"learning_rate": 0.1}),
    "max_iter": (fit, {"max_iter": 2}, {"epochs": 2}),
    "maxlen": (lambda **o: data.pad_sequences([[1, 2]], **o), {"maxlen": 3}, {"length": 3}),
    "n_epochs": (fit, {"n_epochs": 2}, {"epochs": 2}),
    "n_iter_no_change": (nnfw.EarlyStopping, {"n_iter_no_change": 3}, {"patience": 3}),
    "nodes": (Dense, {"nodes": 2}, {"units": 2}),
    "nonlinearity": (lambda **o: RNN(2, **o), {"nonlinearity": "relu"}, {"activation": "relu"}),
    "num_classes": (lambda **o: data.one_hot([0, 1], **o), {"num_classes": 3}, {"classes": 3}),
    "num_embeddings": (lambda **o: Embedding(units=3, **o), {"num_embeddings": 9}, {"vocabulary": 9}),
    "on_epoch_begin": (nnfw.LambdaCallback, {"on_epoch_begin": print}, {"on_epoch_start": print}),
    "on_train_batch_end": (nnfw.LambdaCallback, {"on_train_batch_end": print}, {"on_batch_end": print}),
    "on_train_begin": (nnfw.LambdaCallback, {"on_train_begin": print}, {"on_fit_start": print}),
    "on_train_end": (nnfw.LambdaCallback, {"on_train_end": print}, {"on_fit_end": print}),
    "out_channels": (lambda **o: nnfw.Conv1D(kernel_size=3, **o), {"out_channels": 2}, {"filters": 2}),
    "out_features": (Dense, {"out_features": 2}, {"units": 2}),
    "p": (Dropout, {"p": 0.5}, {"rate": 0.5}),
    "random_state": (lambda **o: Network([Dense(1)], **o), {"random_state": 1}, {"seed": 1}),
    "recurrent_regularizer": (
        lambda **o: GRU(3, **o),
        *({"recurrent_regularizer": "l2"}, {"regularizer": {"Wh": "l2"}}),
    ),
    "sample_weight": (
        lambda **o: nnfw.losses.MSE()([[0.0]], [[1.0]], **o),
        *({"sample_weight": [1.0]}, {"weight": [1.0]}),
    ),
    "sequence_length": (
        lambda **o: data.sliding_windows(X, **o),
        *({"sequence_length": 3}, {"window": 3}),
    ),
    "sequences": (lambda **o: GRU(2, **o), {"sequences": True}, {"return_sequences": True}),
    "solver": (lambda **o: Network([Dense(1)], **o), {"solver": "adam"}, {"optimizer": "adam"}),
    "step_size": (lambda **o: schedules.Step(0.1, **o), {"step_size": 5}, {"every": 5}),
    "T_max": (lambda **o: schedules.Cosine(0.1, **o), {"T_max": 9}, {"epochs": 9}),
    "test_size": (lambda **o: data.train_test_split(X, X, **o), {"test_size": 0.5}, {"test_fraction": 0.5}),
    "threshold": (nnfw.ReduceOnPlateau, {"threshold": 0.1}, {"min_delta": 0.1}),
    "tol": (nnfw.EarlyStopping, {"tol": 0.1}, {"min_delta": 0.1}),
    "unit_cells": (RNN, {"unit_cells": 2}, {"units": 2}),
    "validation_fraction": (fit, {"validation_fraction": 0.5}, {"validation_split": 0.5}),
    "weights": (
        lambda **o: Embedding(2, 3, **o),
        *({"weights": np.eye(2, 3)}, {"initializer": np.eye(2, 3)}),
    ),
}
# What they write where nnfw needs nothing, and a part of the answer.
LEFT_OUT = {
    "activity_regularizer": (lambda **o: GRU(2, **o), "l2", "penalties apply to parameters only"),
    "batch_first": (lambda **o: GRU(2, **o), True, "the batch axis is always first"),
    "batch_input_shape": (lambda **o: GRU(2, **o), (1, 5, 3), "shapes are inferred"),
    "bidirectional": (lambda **o: GRU(2, **o), True, "Bidirectional(GRU(units))"),
    "decay": (Adam, 1e-6, "a schedule as rate"),
    "decay_rate": (
        lambda **o: schedules.Exponential(0.1, 0.1, **o),
        0.9,
        "multiplied by exp(-decay) per epoch",
    ),
    "decay_steps": (lambda **o: schedules.Exponential(0.1, 0.1, **o), 100, "schedules count epochs"),
    "device": (fit, "cuda", "on the CPU"),
    "early_stopping": (fit, True, "callbacks=[EarlyStopping()]"),
    "from_logits": (nnfw.losses.CategoricalCrossentropy, True, "computed from the logits"),
    "gamma": (lambda **o: schedules.Exponential(0.1, 0.1, **o), 0.9, "multiplied by exp(-decay) per epoch"),
    "ignore_index": (nnfw.losses.CategoricalCrossentropy, -100, "sample_weight=0 leaves out"),
    "in_channels": (lambda **o: nnfw.Conv1D(2, 3, **o), 3, "shapes are inferred"),
    "in_features": (lambda **o: Dense(2, **o), 3, "shapes are inferred"),
    "initial_epoch": (fit, 3, "a second fit continues the epoch count"),
    "input_dim": (lambda **o: Dense(2, **o), 9, "shapes are inferred"),
    "input_length": (lambda **o: Embedding(9, 2, **o), 5, "shapes are inferred"),
    "input_shape": (lambda **o: Dense(2, **o), (3,), "shapes are inferred"),
    "input_size": (lambda **o: LSTM(2, **o), 3, "shapes are inferred"),
    "mask": (fit, [[True]], "x[mask == 0] = nan marks gaps"),
    "mask_zero": (lambda **o: Embedding(9, 2, mask=0, **o), True, "mask=0 makes the index 0 padding"),
    "num_layers": (lambda **o: GRU(2, **o), 2, "layers follow one another"),
    "padding": (lambda **o: data.pad_sequences([[1]], **o), "post", "at the end"),
    "padding_idx": (lambda **o: Embedding(9, 2, mask=0, **o), 0, "mask=0 makes the index 0 padding"),
    "pos_weight": (nnfw.losses.BinaryCrossentropy, 3.0, "fit(class_weight=...) weights classes"),
    "reduction": (nnfw.losses.MSE, "none", "loss.per_sample(y, a)"),
    "return_state": (lambda **o: GRU(2, **o), True, "final_state"),
    "sampling_rate": (lambda **o: data.sliding_windows(X, 3, **o), 6, "x[:, ::k] keeps every k-th step"),
    "save_best_only": (lambda **o: Checkpoint("a", monitor="val_loss", **o), True, "saves the best"),
    "save_weights_only": (lambda **o: Checkpoint("a", **o), True, "nnfw.saving.save_weights(network, path)"),
    "stateful": (lambda **o: GRU(2, **o), True, "fit(truncate=k)"),
    "stop_training": (fit, True, "run.stop(reason), in a callback"),
    "total_steps": (lambda **o: schedules.OneCycle(0.1, 9, **o), 90, "schedules count epochs"),
    "training": (untrained_prediction, True, "network.forward(x, training=True)"),
    "validation_steps": (fit, 5, "validation_data is read to its end"),
    "verbose": (untrained_evaluation, 0, "only fit prints, with fit(x, y, verbose=...)"),
    "warmup_steps": (lambda **o: schedules.Warmup(0.1, 2, **o), 90, "schedules count epochs"),
    "weight": (nnfw.losses.CategoricalCrossentropy, [1.0, 3.0], "fit(class_weight=...) weights classes"),
}


@for_each("word", ARGUMENTS)
def test_an_argument_is_translated(word):
    call, theirs, ours = CALLS[word]
    assert refusal(call, **theirs).endswith(f"has no argument {word!r}; nnfw calls it {' and '.join(ours)}.")
    call(**ours)


@for_each("word", ELSEWHERE)
def test_an_argument_can_be_left_out(word):
    call, theirs, part = LEFT_OUT[word]
    said = refusal(call, **{word: theirs})
    assert f"has no argument {word!r}; leave it out: " in said
    assert part in said
    call()


PLACED = [(home, word) for home, words in HOMES.items() for word in words.split()]


@for_each(("home", "word"), PLACED)
def test_an_argument_is_sent_to_what_takes_it(home, word):
    said = f"; write {home.format(word)}."
    assert said in refusal(nnfw.Flatten, **{word: None})
    owner = re.search(r"(?:(network)\.)?(\w+)\((?:\w+, )*\{\}=", home)
    assert word in EXPLAINED[".".join(filter(None, owner.groups())).replace("network", "Network")][1]


def test_all_arguments_of_a_network_have_a_home():
    taken = {word for _, word in PLACED} | {*ELSEWHERE}
    for function in (Network, Network.fit):
        names = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
        assert {*names} - {"name"} <= taken


@for_each(
    ("call", "said"),
    [
        (lambda: Network([Dense(1)], divide_by="weights"), "losses.CategoricalCrossentropy(divide_by=...)"),
        (lambda: Network([Dense(1)], epochs=3), "'epochs'; write network.fit(x, y, epochs=...)."),
        (lambda: Network([Dense(1)], lr=0.1), "Network(layers, optimizer=Adam(learning_rate=...))"),
        (lambda: Network([Dense(1)], max_iter=9), "'max_iter'; write network.fit(x, y, epochs=...)."),
        (lambda: fit(metrics=["mae"]), "fit has no argument 'metrics'; write Network(layers, metrics=...)."),
        (lambda: fit(learning_rate=0.1), "write Network(layers, optimizer=Adam(learning_rate=...))."),
        (lambda: fit(patience=3), "write callbacks=[EarlyStopping(patience=...)]."),
        (lambda: nnfw.losses.MSE(class_weight={}), "MSE has no argument 'class_weight'; write network.fit("),
        (lambda: nnfw.losses.MSE().gradient([1], [1], sample_weight=[1]), "gradient has no argument"),
        (lambda: nnfw.metrics.Precision(sample_weight=[1]), "'sample_weight'. It takes: average, threshold."),
        (lambda: nnfw.metrics.MAE()([1], [1], sample_weight=[1]), "MAE has no argument 'sample_weight'. It"),
        (lambda: nnfw.metrics.ROCAUC()([0, 1], [0, 1], sample_weight=[1, 1]), "nnfw calls it weight."),
    ],
)  # fmt: skip
def test_an_argument_in_the_wrong_place(call, said):
    with pytest.raises(TypeError, match=re.escape(said)) as caught:
        call()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("part", [nnfw.metrics.Accuracy, nnfw.metrics.MAE, nnfw.losses.MSE])
def test_a_class_called_in_place_of_its_object(part):
    with pytest.raises(TypeError, match=re.escape(f"call an object of it, {part.__name__}()(y, a)")):
        part([[1]], [[0.5]])
    assert part()([[1]], [[0.75]]) >= 0


@pytest.mark.parametrize("part", [nnfw.losses.Quantile, nnfw.metrics.Pinball])
def test_several_levels_are_a_list(part):
    with pytest.raises(TypeError, match=rf"as a list, {part.__name__}\(\[a, b\]\)$"):
        part(0.1, 0.5, 0.9)


def test_a_second_name_of_what_was_given_by_position():
    assert refusal(Dropout, lr=0.1, rate=0.3).endswith("no argument 'lr'; leave it out: rate is given.")
    assert refusal(functools.partial(Dense, 3), nodes=3).endswith("'nodes'; leave it out: units is given.")


def test_hooks_of_other_libraries():
    for word in (word for word in ARGUMENTS if word.startswith("on_")):
        callback = type("Own", (Callback,), {word: lambda self, run: None})()
        with pytest.raises(TypeError, match=f"Own.{word} is never called; nnfw calls it {ARGUMENTS[word]}"):
            fit(callbacks=[callback])


@for_each(
    ("registry", "word"),
    [(registry, word) for registry in REGISTRIES for word in registry.synonyms],
)
def test_a_name_of_a_part_is_translated(registry, word):
    assert word not in registry.names()
    with pytest.raises(ValueError, match=f"unknown {registry.kind} '{word}'; nnfw calls it ") as caught:
        registry.get(word)
    answer = re.search(r"nnfw calls it (.*?)\. Known", str(caught.value))[1]
    assert isinstance(registry.get(eval(answer, vars(nnfw))), registry.base)


@for_each("text", [*IMPORTS.values(), *MEMBERS.values()])
def test_what_an_answer_names_is_there(text):
    network = Network([Dense(1)], seed=0)
    network.fit(X, X[:, 0], verbose=0)
    names = {**vars(nnfw), "network": network, "nnfw": nnfw}
    for owner, member in re.findall(r"\b(network|nnfw\.saving|data|Network)\.(\w+)", text):
        assert hasattr(eval(owner, names), member)
    for made in re.findall(r"\b((?:[a-z]+\.)?[A-Z]\w+)\(", text):
        assert issubclass(eval(made, names), Part)
    if text.startswith("network.") and "..." not in text and " " not in text:
        eval(text, names | {"x": X, "y": X[:, 0]})
