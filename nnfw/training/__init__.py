"""How a network is trained: the loop, and what attaches to it."""
