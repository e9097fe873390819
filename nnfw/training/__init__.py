"""Training of a network: the loop, the data that it takes, and callbacks."""
