"""A layer as a user writes it; tests derive from it, and change one thing each."""

import numpy as np

from nnfw import Layer
from nnfw.initializers import Constant


class Gain(Layer):
    """y = g∘x, with one factor a feature."""

    start = 1.0

    def compute_shapes(self, input_shape):
        self.add_parameter("g", input_shape[-1:], Constant(self.start))
        return input_shape

    def forward(self, x, training=False):
        if training:
            self.cache = {"x": x}
        return x * self.params["g"]

    def backward(self, dy):
        self.cache = {"x": self._recall("x", "backward"), "dy": dy}
        return dy * self.params["g"]

    def gradients(self):
        dg = self._recall("dy", "gradients") * self.cache["x"]
        np.sum(dg, axis=tuple(range(dg.ndim - 1)), out=self.grads["g"])
