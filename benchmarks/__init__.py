"""How fast nnfw is, compared with other frameworks: ``python -m benchmarks``, from the repository's root.

`cases` says what is measured, `measure` how, `peers` holds a module for each framework. The others are the
benchmarks.
"""
