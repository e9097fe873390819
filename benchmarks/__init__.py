"""How fast nnfw is, compared with other frameworks: ``python -m benchmarks``, from the repository's root."""
