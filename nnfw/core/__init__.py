"""The foundations of nnfw: types, errors, input validation, the registry of parts."""
