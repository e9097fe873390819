"""Model: what the memory of the machine cannot hold is refused before any of it is taken."""

import math
import os
import time

import numpy as np
import pytest
from memory import peak
from untrained import untrained

from nnfw import Dense, Network
from nnfw.layers.validation import physical_memory


def test_the_memory_is_that_of_the_machine_if_the_system_tells_it(monkeypatch):
    assert 2**28 < physical_memory() <= math.inf
    for names in ({}, None):
        monkeypatch.setattr(os, "sysconf_names", names, raising=False)
        if names is None:  # on Windows
            monkeypatch.delattr(os, "sysconf_names")
        assert physical_memory() == math.inf


def test_what_cannot_fit_is_refused_at_once(monkeypatch):
    monkeypatch.setattr("nnfw.layers.validation.physical_memory", lambda: 64e9)
    started = time.perf_counter()
    assert peak(refused) < 200e6
    assert time.perf_counter() - started < 2


def refused():
    x = np.ones((2, 10**6), "float32")
    network = Network([Dense(10**9), Dense(1)], seed=0)
    for call in (lambda: network.fit(x, [0.0, 1.0], verbose=0), lambda: untrained(network, 10**6)):
        with pytest.raises(
            ValueError, match=r"layer 1, Dense\(1000000000\) has 1e\+15 parameters.* 8e\+06 GB, and"
        ):
            call()
    with pytest.raises(ValueError, match=r"layer 1, Dense\(100000000000\) has 3e\+11 parameters"):
        Network([Dense(10**11, "softmax")], loss="cce").fit(np.ones((4, 2)), [0, 1, 2, 3], verbose=0)
    assert not network._built


def test_the_parameters_of_all_layers_count(monkeypatch):
    monkeypatch.setattr("nnfw.layers.validation.physical_memory", lambda: 8 * 2 * 100.0)
    fits = Network([Dense(10), Dense(9)], dtype="float64", seed=0)
    with pytest.raises(ValueError, match=r"layer 1, Dense\(10\) has 100 parameters.*3.18e-06 GB.*1.6e-06 GB"):
        untrained(fits, 9)
    assert untrained(Network([Dense(10)], dtype="float64", seed=0), 9).size == 100
    assert untrained(Network([Dense(10), Dense(9)], dtype="float32", seed=0), 9).size == 199
