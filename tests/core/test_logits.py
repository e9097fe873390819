"""Companions: what belongs to an array is found for that array alone."""

import numpy as np

from nnfw.core.logits import Companions


def test_another_array_at_the_place_of_one_that_is_gone_has_no_companion():
    table, gone, new = Companions(), np.zeros(2), np.zeros(2)
    table.enter(gone, "the first")
    table._known[id(new)] = table._known[id(gone)]  # as if `new` stood where `gone` did
    assert table.of(new) is None
    assert table.of(gone) == "the first"
