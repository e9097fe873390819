"""What the disk is short of: room, and the right to write."""

import os

import numpy as np
import pytest
from processes import NEW, limited, run
from saved import small_network


@limited
@pytest.mark.subprocess
@pytest.mark.slow
def test_full_while_saving(tmp_path):
    """A limit on the size of files stands for a disk without room: the old file stays, whole."""
    path = tmp_path / "network.npz"
    small_network().save(path)
    whole = path.read_bytes()
    script = (
        NEW
        + f"""
import resource
network = Network.load({str(path)!r})
large = Network([Dense(2000), Dense(1)], seed=0)
large.compute_shapes((100,))
large.initialize()
resource.setrlimit(resource.RLIMIT_FSIZE, (10**5, 10**5))
try:
    large.save({str(path)!r})
except OSError as error:
    print("refused", error.errno is not None)
print(large.predict(np.ones((2, 100))).shape, network.predict(np.ones((1, 2))).shape)
"""
    )
    done = run(script, capture_output=True, text=True)
    assert done.stdout == "refused True\n(2, 1) (1, 1)\n", done.stderr
    assert path.read_bytes() == whole
    assert os.listdir(tmp_path) == ["network.npz"]


@pytest.mark.skipif(not os.path.isdir("/sys/kernel"), reason="needs a folder that nobody may write in")
def test_read_only_folder():
    network, x = small_network(), np.random.default_rng(1).normal(size=(9, 2))
    before = network.predict(x)
    with pytest.raises(OSError, match="/sys/kernel"):
        network.save("/sys/kernel/network.npz")
    np.testing.assert_array_equal(network.predict(x), before)
    network.fit(x, x[:, :1], verbose=0)
