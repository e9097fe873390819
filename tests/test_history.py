"""The history as it is shown; what is in it, the tests of training look at."""

import pytest

from nnfw import History

NAN = float("nan")


def history_of(**values):
    history = History()
    for epoch in zip(*values.values(), strict=True):
        history.append(dict(zip(values, epoch, strict=True)))
    return history


@pytest.mark.parametrize(
    ("history", "shown"),
    [
        (History(), "<History, no epoch>"),
        (history_of(loss=[0.123456]), "<History, 1 epoch; last: loss 0.1235>"),
        (
            history_of(loss=[0.5, 0.25, 0.3], accuracy=[0.5, 0.75, 1.0], learning_rate=[0.001] * 3),
            "<History, 3 epochs; last: loss 0.3, accuracy 1, rate 0.001; best: loss 0.25 in epoch 2>",
        ),
        (
            history_of(loss=[3.0, 2.0, 1.0], val_loss=[0.7, 0.71, 0.72]),
            "<History, 3 epochs; last: loss 1, val_loss 0.72; best: val_loss 0.7 in epoch 1>",
        ),
        (
            history_of(loss=[3.0, 2.0, 1.0, 0.5], val_loss=[NAN, 0.71, 0.7, NAN]),
            "<History, 4 epochs; last: loss 0.5, val_loss nan; best: val_loss 0.7 in epoch 3>",
        ),
        (
            history_of(loss=[2.0, 1.0], val_loss=[NAN, 0.7]),
            "<History, 2 epochs; last: loss 1, val_loss 0.7>",
        ),
        (history_of(mae=[2.0, 1.0]), "<History, 2 epochs; last: mae 1>"),
    ],
)
def test_is_shown_in_a_line(history, shown):
    assert repr(history) == str(history) == shown


def test_is_a_dict_as_before():
    history = history_of(loss=[0.5, 0.25], mae=[1.0, 2.0])
    assert dict(history) == history == {"loss": [0.5, 0.25], "mae": [1.0, 2.0]}
    assert repr(dict(history)) == "{'loss': [0.5, 0.25], 'mae': [1.0, 2.0]}"
