"""What all of nnfw stands on: types, errors, input validation, the registry of parts."""
