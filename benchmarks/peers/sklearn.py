"""scikit-learn's multilayer perceptron."""

from sklearn.neural_network import MLPClassifier

from benchmarks.cases import BATCH_SIZE, RATE


def train(task, x, y, epochs, seed, tick):
    """Fit the dense chain, epoch by epoch."""
    model = MLPClassifier((32, 32), batch_size=BATCH_SIZE, learning_rate_init=RATE, random_state=seed)
    for _ in range(epochs):
        model.partial_fit(x, y, classes=[0, 1])
        tick()
    return model.loss_
