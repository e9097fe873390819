"""What tests share that look at a network before any training."""


def untrained(network, *shape):
    """The network with its first weights, for samples of a shape: D, or T, D, where T may be None."""
    network.compute_shapes(shape)
    network.initialize()
    return network
