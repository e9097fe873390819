"""The frameworks that run single layers, one module each."""
