"""Names in Keras, PyTorch, scikit-learn and EpyNN, and their equivalents in nnfw, for `suggest`."""

# Arguments in Keras, PyTorch, scikit-learn and EpyNN, and their names in nnfw.
ARGUMENTS = {
    **dict.fromkeys(("bias_regularizer", "kernel_constraint", "recurrent_regularizer"), "regularizer"),
    "betas": "beta_1 beta_2",
    "bias": "use_bias",
    "class_names": "labels",
    "clipnorm": "clip_norm",
    "display_labels": "labels",
    "drop_prob": "rate",
    "eps": "epsilon",
    "feature_range": "low high",
    "filepath": "path",
    "gamma": "drop",
    "global_clipnorm": "clip_global_norm",
    "hidden_layer_sizes": "layers",
    "hidden_size": "units",
    "horizon": "steps",
    "initial_learning_rate": "rate",
    "input_dim": "vocabulary",
    "kernel_initializer": "initializer input_initializer",
    "kernel_regularizer": "regularizer",
    "kernel_size": "pool_size",
    "learning_rate": "rate",
    "learning_rate_init": "learning_rate",
    "lr": "learning_rate rate",
    "max_iter": "epochs",
    "maxlen": "length",
    "n_epochs": "epochs",
    "n_iter_no_change": "patience",
    "nodes": "units",
    "nonlinearity": "activation",
    "num_classes": "classes",
    "num_embeddings": "vocabulary",
    "on_epoch_begin": "on_epoch_start",
    "on_train_batch_end": "on_batch_end",
    "on_train_begin": "on_fit_start",
    "on_train_end": "on_fit_end",
    "out_channels": "filters",
    "out_features": "units",
    "p": "rate",
    "random_state": "seed",
    "sample_weight": "weight",
    "sequence_length": "window",
    "sequences": "return_sequences",
    "solver": "optimizer",
    "step_size": "every",
    "T_max": "epochs",
    "test_size": "test_fraction",
    "threshold": "min_delta",
    "tol": "min_delta",
    "unit_cells": "units",
    "validation_fraction": "validation_split",
    "weights": "initializer",
}
SCHEDULED = "an optimizer takes a schedule as rate: Adam(schedules.Cosine(0.01, epochs=20))"
INFERRED = (
    "nnfw needs no such argument, as shapes are inferred from the data, and the batch axis is always first"
)
# Arguments of other libraries to leave out, and what replaces them in nnfw.
ELSEWHERE = {
    **dict.fromkeys(("batch_first", "batch_input_shape", "in_channels", "in_features"), INFERRED),
    **dict.fromkeys(("input_dim", "input_length", "input_shape", "input_size"), INFERRED),
    **dict.fromkeys(
        ("pos_weight", "weight"), "fit(class_weight=...) weights classes, and fit(sample_weight=...) samples"
    ),
    **dict.fromkeys(
        ("decay_steps", "total_steps", "warmup_steps"),
        "schedules count epochs, and k updates are k / updates_per_epoch of them",
    ),
    **dict.fromkeys(("decay_rate", "gamma"), "the rate is multiplied by exp(-decay) per epoch"),
    **dict.fromkeys(("mask_zero", "padding_idx"), "mask=0 makes the index 0 padding"),
    "activity_regularizer": "penalties apply to parameters only",
    "bidirectional": "Bidirectional(GRU(units)) reads both ways",
    "decay": SCHEDULED,
    "device": "nnfw computes on the CPU",
    "early_stopping": "callbacks=[EarlyStopping()] stops a fit",
    "from_logits": "softmax with cce, and sigmoid with bce, are computed from the logits",
    "ignore_index": "sample_weight=0 leaves out samples and steps whose target is not known",
    "initial_epoch": "a second fit continues the epoch count, and fit(resume=True) a fit that ended early",
    "mask": "x[mask == 0] = nan marks gaps, for nnfw.data.Impute or Gaps, and lengths= where padding begins",
    "num_layers": "layers follow one another, all but the last with return_sequences=True",
    "padding": "padding is at the end",
    "reduction": "divide_by='weights' is Keras's mean_with_sample_weight, loss.per_sample(y, a) is 'none'",
    "return_state": "after forward(x, training=True), it is in the layer's final_state",
    "sampling_rate": "x[:, ::k] keeps every k-th step of windows x",
    "save_best_only": "monitor='val_loss' saves the best network only",
    "save_weights_only": "nnfw.saving.save_weights(network, path) does that",
    "stateful": "fit(truncate=k) carries the state from window to window, network.stream() from step to step",
    "stop_training": "run.stop(reason), in a callback, ends a fit",
    "training": "network.forward(x, training=True) is the pass that backward follows",
    "validation_steps": "validation_data is read to its end",
    "verbose": "only fit prints, with fit(x, y, verbose=...)",
}
# Where nnfw takes its own arguments, for an argument that is given elsewhere.
HOMES = {
    "Network(layers, {}=...)": "loss optimizer metrics seed dtype",
    "Network(layers, loss=losses.CategoricalCrossentropy({}=...))": "divide_by label_smoothing",
    "Network(layers, optimizer=Adam({}=...))": (
        "learning_rate weight_decay clip_value clip_norm clip_global_norm"
    ),
    "Network(layers, optimizer=SGD({}=...))": "momentum nesterov",
    "network.fit(x, y, {}=...)": (
        "epochs batch_size steps_per_epoch validation_data validation_split split shuffle bucket truncate "
        "lengths sample_weight class_weight callbacks resume"
    ),
    "callbacks=[EarlyStopping({}=...)]": "monitor patience min_delta restore_best",
    "network.predict_classes(x, {}=...)": "threshold",
    "Dense(units, {}=...)": "activation regularizer",
}

# The same for the estimators of `nnfw.sklearn`, and for names of scikit-learn.
ESTIMATOR_HOMES = {
    "NetworkClassifier(layers, random_state=...)": "seed",
    "NetworkClassifier(layers, validation_split=...)": "validation_data",
    "NetworkClassifier([Dense(units, regularizer='l2')])": "alpha",
    "fit(X, y, {}=...)": "sample_weight",
    "fit(X, y, sample_weight=compute_sample_weight('balanced', y)), of sklearn.utils": "class_weight",
    "fit(X, y), with a list X of arrays (T_i, D)": "lengths",
    "NetworkClassifier(layers, {}=...)": (
        "loss optimizer metrics dtype epochs batch_size validation_split callbacks warm_start verbose"
    ),
    "NetworkClassifier(layers, callbacks=[EarlyStopping({}=...)])": "monitor patience min_delta restore_best",
    "NetworkClassifier(layers, optimizer=Adam({}=...))": HOMES["Network(layers, optimizer=Adam({}=...))"],
}

# Names that are imported from other libraries, or from modules of nnfw that are not imported with it.
ACTIVATION = 'an activation is an argument, as in Dense(units, "relu"), or a layer, Activate("relu")'
IMPORTS = {
    **dict.fromkeys(("ReLU", "relu", "sigmoid", "softmax", "tanh"), ACTIVATION),
    **dict.fromkeys(("manual_seed", "set_random_seed", "set_seed"), "Network(layers, seed=0)"),
    **dict.fromkeys(
        ("EpyNN", "Model", "Sequential", "models"), "Network(layers, loss=..., optimizer=..., metrics=[...])"
    ),
    **dict.fromkeys(("CosineAnnealingLR", "LambdaLR", "LearningRateScheduler", "StepLR"), SCHEDULED),
    **dict.fromkeys(
        ("GRUCell", "LSTMCell", "RNNCell"), "a layer takes whole sequences, and network.stream() step by step"
    ),
    **dict.fromkeys(("pack_padded_sequence", "pad_sequence"), "a list of arrays (T_i, D), or lengths="),
    **dict.fromkeys(("Input", "InputLayer"), "no input layer is needed: shapes are inferred from the data"),
    **dict.fromkeys(("load_model", "read_model"), "Network.load(path)"),
    **{name: f"nnfw.sklearn.{name}" for name in ("NetworkClassifier", "NetworkRegressor")},
    **{name: f"nnfw.forecasting.{name}" for name in ("backtest", "forecast")},
    **{name: f"nnfw.exchange.{name}" for name in ("from_onnx", "load_torch", "to_onnx", "to_torch")},
    "Add": "Residual(layers) adds the output of layers to their input",
    "BatchNormalization": "BatchNorm()",
    "callbacks": "from nnfw import EarlyStopping, and likewise all others",
    "CrossEntropyLoss": 'Network([..., Dense(K, "softmax")], loss="cce")',
    "DataLoader": "network.fit(x, y, batch_size=32) takes arrays, or an iterable of batches",
    "GlobalAveragePooling1D": "MeanPooling()",
    "GlobalMaxPooling1D": "MaxPooling()",
    "LBFGS": "scipy.optimize.minimize, over network.flat_params and flat_grads",
    "Lambda": "a layer of your own derives from Layer, or Activate(activation)",
    "Linear": "Dense(units)",
    "LogSoftmax": 'Network([..., Dense(K, "softmax")], loss="cce")',
    "Masking": "fit(x, y, lengths=lengths), or Embedding(..., mask=0)",
    "ModelCheckpoint": "Checkpoint(path)",
    "Module": "a layer of your own derives from Layer; Network(layers) is a chain of layers",
    "ReduceLROnPlateau": "ReduceOnPlateau()",
    "SimpleRNN": "RNN(units)",
    "SpatialDropout1D": "Dropout(rate, same_at_each_step=True)",
    "TimeDistributed": "Dense takes (N, T, D) step by step, after a layer with return_sequences=True",
    "clip_grad_norm_": "Adam(clip_global_norm=1.0)",
    "nn": "from nnfw import Dense, Network, and likewise all others",
    "no_grad": "network.predict(x) stores nothing for gradients",
    "timeseries_dataset_from_array": "data.sliding_windows(series, window)",
    "to_categorical": "data.one_hot(labels)",
}

# Members of models of other libraries.
MEMBERS = {
    "add": "all layers are given at once: Network([GRU(64), Dense(10)])",
    "clone": "copy.deepcopy(network)",
    "compile": "Network(layers, loss=..., optimizer=..., metrics=[...]) takes all at once",
    "count_params": "network.size",
    "cuda": "nnfw computes on the CPU",
    "double": 'Network(layers, dtype="float64")',
    "eval": "network.predict(x), or network.forward(x) with training=False",
    "fit_generator": "network.fit(batches, steps_per_epoch=...)",
    "get_layer": "network.layers[0]",
    "get_weights": "network.params, the arrays by name",
    "learning_rate": "network.optimizer.learning_rate",
    "load_state_dict": "network.params[name][...] = value",
    "load_weights": "nnfw.saving.load_weights(network, path)",
    "parameters": "network.params, the arrays by name",
    "plot": "network.history.plot()",
    "predict_proba": "network.predict(x)",
    "reset_states": "each sequence begins at 0; network.stream() has reset()",
    "save_weights": "nnfw.saving.save_weights(network, path)",
    "score": "network.evaluate(x, y)",
    "states": "network.final_state, after forward(x, training=True)",
    "set_weights": "network.params[name][...] = value",
    "state_dict": "network.params, the arrays by name",
    "to": "nnfw computes on the CPU",
    "train": "network.fit(x, y), or network.forward(x, training=True)",
    "train_on_batch": "network.fit(x, y, batch_size=len(x))",
    "weights": "network.params, the arrays by name",
    "zero_grad": "none is needed: network.gradients() fills network.grads anew",
}
