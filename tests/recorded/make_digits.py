"""Make nnfw/datasets/digits.npz, and record in digits.json what scikit-learn says of the same data."""

import hashlib
import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import MinMaxScaler, StandardScaler

HERE = Path(__file__).resolve().parent
DATASETS = HERE.parents[1] / "nnfw" / "datasets"


def as_bytes(values):
    stored = values.astype(np.uint8)
    if not np.array_equal(stored, values):
        raise ValueError("the values are not integers from 0 to 255")
    return stored


def main():
    digits = load_digits()
    images, labels = as_bytes(digits.images), as_bytes(digits.target)
    np.savez_compressed(DATASETS / "digits.npz", images=images, labels=labels)

    standard, minmax = StandardScaler().fit(digits.data), MinMaxScaler().fit(digits.data)
    facts = {
        "images_sha256": hashlib.sha256(images.tobytes()).hexdigest(),
        "labels_sha256": hashlib.sha256(labels.tobytes()).hexdigest(),
        "pixel_sum": int(digits.data.sum()),
        "class_counts": np.bincount(digits.target).tolist(),
        "mean": standard.mean_.tolist(),
        "standard_deviation": standard.scale_.tolist(),
        "standardized_first": standard.transform(digits.data[:1])[0].tolist(),
        "minimum": minmax.data_min_.tolist(),
        "range": minmax.data_range_.tolist(),
    }
    (HERE / "digits.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
