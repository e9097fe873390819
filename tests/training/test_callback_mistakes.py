"""Mistakes with callbacks: each is refused by name and teaches."""

from refusals import fit, mistakes

from nnfw import (
    Callback,
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    ReduceOnPlateau,
)


def told(scene, hook, method=lambda self, run: None):
    """Fit with a callback of one method."""
    return fit(scene.network, callbacks=[type("Told", (Callback,), {hook: method})()])


# fmt: off
MISTAKES = [
    ("patience of 0", lambda s: EarlyStopping(patience=0),
     ValueError, "EarlyStopping: patience", "at least 1"),
    ("patience in words", lambda s: ReduceOnPlateau(patience="5"),
     TypeError, "ReduceOnPlateau: patience", "whole number"),
    ("a negative min_delta", lambda s: EarlyStopping(min_delta=-1.0),
     ValueError, "EarlyStopping: min_delta", "[0, inf)"),
    ("an unknown mode", lambda s: EarlyStopping(mode="lower"), ValueError, "EarlyStopping: mode", "'min'"),
    ("restore_best a number", lambda s: EarlyStopping(restore_best=1),
     TypeError, "EarlyStopping: restore_best", "True or False"),
    ("a factor of 1", lambda s: ReduceOnPlateau(factor=1.0),
     ValueError, "ReduceOnPlateau: factor", "(0, 1)"),
    ("a negative lowest rate", lambda s: ReduceOnPlateau(min_rate=-1.0),
     ValueError, "ReduceOnPlateau: min_rate", "[0, inf)"),
    ("a negative cooldown", lambda s: ReduceOnPlateau(cooldown=-1),
     ValueError, "ReduceOnPlateau: cooldown", "at least 0"),
    ("no function", lambda s: LambdaCallback(on_epoch_end=3),
     TypeError, "LambdaCallback: on_epoch_end", "function of the run"),
    ("an unknown hook", lambda s: LambdaCallback(on_epoch_finish=print),
     TypeError, "'on_epoch_finish'", "It takes"),
    ("the start of an epoch in Keras", lambda s: told(s, "on_epoch_begin"),
     TypeError, "Told.on_epoch_begin is never called", "nnfw calls it on_epoch_start", "called with the run"),
    ("the start of all in Keras", lambda s: told(s, "on_train_begin"),
     TypeError, "Told.on_train_begin is never called", "nnfw calls it on_fit_start"),
    ("the end of all in Keras", lambda s: told(s, "on_train_end"),
     TypeError, "Told.on_train_end is never called", "nnfw calls it on_fit_end"),
    ("the end of a batch in Keras", lambda s: told(s, "on_train_batch_end"),
     TypeError, "Told.on_train_batch_end is never called", "nnfw calls it on_batch_end"),
    ("a hook with Keras's arguments", lambda s: told(s, "on_epoch_end", lambda self, epoch, logs=None: None),
     TypeError, "Told.on_epoch_end is called with the run only", "run.epoch, from 1, and run.logs"),
    ("a function with Keras's arguments",
     lambda s: fit(s.network, callbacks=[LambdaCallback(on_epoch_end=lambda epoch, logs: None)]),
     TypeError, "LambdaCallback.on_epoch_end is called with the run only", "run.logs"),
    ("a slip in a hook", lambda s: told(s, "on_epoch_ends"),
     TypeError, "Told.on_epoch_ends is never called", "Did you mean 'on_epoch_end'"),
    ("a hook that there is not", lambda s: told(s, "on_test_begin"),
     TypeError, "Told.on_test_begin is never called", "The hooks are: on_fit_start"),
    ("a hook of Keras for a function", lambda s: LambdaCallback(on_epoch_begin=print),
     TypeError, "'on_epoch_begin'", "nnfw calls it on_epoch_start"),
    ("a file for each epoch", lambda s: Checkpoint(s.folder / "{epoch}.npz"),
     ValueError, "Checkpoint: path is one file", "run.network.save(f'{run.epoch}.npz')"),
    ("the best file only", lambda s: Checkpoint(s.folder / "w.nnfw", save_best_only=True),
     TypeError, "'save_best_only'", "monitor='val_loss'"),
    ("a callback alone", lambda s: fit(s.network, callbacks=EarlyStopping("loss")),
     TypeError, "fit: callbacks", "a list"),
    ("a callback's class", lambda s: fit(s.network, callbacks=[EarlyStopping]),
     TypeError, "fit: callbacks", "EarlyStopping(...)"),
    ("a function", lambda s: fit(s.network, callbacks=[print]),
     TypeError, "fit: callbacks", "Callback objects"),
    ("a name of a callback", lambda s: fit(s.network, callbacks=["early_stopping"]),
     TypeError, "fit: callbacks", "Callback objects"),
    ("nothing to stop by", lambda s: fit(s.network, callbacks=[EarlyStopping()]),
     ValueError, "EarlyStopping: no 'val_loss'", "validation_data or validation_split"),
    ("nothing to reduce by", lambda s: fit(s.network, callbacks=[ReduceOnPlateau("val_accuracy")]),
     ValueError, "ReduceOnPlateau: no 'val_accuracy'", "validation_split"),
    ("a slip in what is watched", lambda s: fit(s.network, callbacks=[EarlyStopping("acuracy")]),
     ValueError, "no 'acuracy'", "Did you mean 'accuracy'"),
    ("a slip in what is validated",
     lambda s: fit(s.network, validation_split=0.25, callbacks=[EarlyStopping("val_los")]),
     ValueError, "no 'val_los'", "Did you mean 'val_loss'"),
    ("a metric that is not measured",
     lambda s: fit(s.network, callbacks=[CSVLogger(s.folder / "log"), EarlyStopping("f1")]),
     ValueError, "no 'f1' to monitor", "accuracy"),
    ("what nobody says the better of", lambda s: fit(s.network, callbacks=[EarlyStopping("learning_rate")]),
     ValueError, "EarlyStopping: it is not known", "or a lower 'learning_rate' is better", "mode='max'"),
    ("no name to monitor", lambda s: EarlyStopping(None),
     TypeError, "EarlyStopping: monitor must be a name", "'val_loss'"),
    ("a log where there is no folder",
     lambda s: fit(s.network, callbacks=[CSVLogger(s.folder / "no" / "log")]),
     FileNotFoundError, "No such file", "log"),
    ("an error of one's own",
     lambda s: fit(s.network, callbacks=[LambdaCallback(on_fit_start=lambda run: 1 / 0)]),
     ZeroDivisionError, "division", "zero"),
]
# fmt: on


@mistakes(MISTAKES)
def test_mistakes_are_refused_and_leave_nothing_behind(make, error, said, scene):
    scene.refuses(make, error, said)
