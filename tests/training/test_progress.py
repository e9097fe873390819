"""Progress: training does not end with the terminal, and where there is none it prints lines."""

import os

import pytest
from processes import NEW, run

FIT = (
    NEW
    + """
x = np.arange(16.0).reshape(8, 2) / 16
network = Network([Dense(1)], seed=0)
for verbose in {verbose}:
    network.fit(x, x[:, :1], epochs=3, verbose=verbose)
open({path!r}, "w").write(str(len(network.history.epoch)))
"""
)


OUTPUTS = ["none", "closed", "a pipe that nobody reads", "one's own"]
OUTPUTS += ["full"] if os.path.exists("/dev/full") else []


@pytest.mark.subprocess
@pytest.mark.slow
@pytest.mark.parametrize("output", OUTPUTS)
def test_training_does_not_end_with_it(output, tmp_path):
    path = tmp_path / "epochs"
    script = FIT.format(verbose=(1, 2, "auto"), path=str(path))
    if output == "none":
        run(f"import sys\nsys.stdout = sys.stderr = None\n{script}")
    elif output == "one's own":
        own = "import sys\nclass Own:\n    write = sys.stderr.write\n    flush = sys.stderr.flush\n"
        run(f"{own}sys.stderr = Own()\n{script}", capture_output=True)
    elif output == "closed":
        run(f"import sys\nsys.stdout.close()\nsys.stderr.close()\n{script}", stdout=-1, stderr=-1)
    elif output == "full":
        with open("/dev/full", "w") as full:
            run(script, stdout=full, stderr=full)
    else:
        reading, writing = os.pipe()
        os.close(reading)
        run(script, stdout=writing, stderr=writing)
        os.close(writing)
    assert path.read_text() == "9"


@pytest.mark.subprocess
@pytest.mark.slow
def test_lines_where_there_is_no_terminal(tmp_path):
    script = FIT.format(verbose=["auto"], path=str(tmp_path / "epochs"))
    done = run(script, capture_output=True, text=True)
    assert done.stdout.count("epoch ") == 3
    assert done.stderr == ""
