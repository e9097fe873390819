"""Speed of nnfw compared with other frameworks: ``python -m benchmarks``, from the root of the repository."""
