"""skorch: PyTorch behind scikit-learn's interface."""

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from benchmarks.cases import BATCH_SIZE, RATE
from benchmarks.peers.pytorch import network


def train(task, x, y, epochs, seed, tick):
    """Fit the network of a task, without the validation that is the default."""

    class Tick(Callback):
        def on_epoch_end(self, net, **_):
            tick()

    torch.manual_seed(seed)
    options = {"optimizer": torch.optim.Adam, "optimizer__fused": True, "lr": RATE, "train_split": None}
    data = {"max_epochs": epochs, "batch_size": BATCH_SIZE, "iterator_train__shuffle": True}
    net = NeuralNetClassifier(
        network(task), criterion=nn.CrossEntropyLoss, callbacks=[Tick()], verbose=0, **options, **data
    )
    return net.fit(x, y).history[-1, "train_loss"]
