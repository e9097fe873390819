"""What all tests share."""

import os

# Tests run side by side, so each gets one BLAS thread; this must be said before NumPy is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
