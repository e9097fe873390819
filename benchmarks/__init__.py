"""How fast nnfw is, measured beside its peers: ``python -m benchmarks``, from the repository's root.

Read in this order: `cases` (what is measured, and on which numbers), `peers` (one file a framework),
`worker` (each measurement in a process of its own), then `speed`, `scaling`, `training`, `sequences` and
`profile`, of which any can be read alone.
"""
