"""The base of label encoders and scalers, which are fitted to the training data."""

from typing import Any, ClassVar, Self

from nnfw.core.registry import Part


class Preparation(Part):
    """The base class: `fit` learns from training data, `transform` applies it to any data.

    The attributes listed in `learned` exist after `fit`; before, reading one raises a RuntimeError.
    """

    learned: ClassVar[tuple[str, ...]] = ()

    def __getattr__(self, name: str) -> Any:  # reached for missing attributes alone
        if name in self.learned:
            raise RuntimeError(f"this {type(self).__name__} is not fitted yet; call fit(...) first")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def fit(self, data: Any) -> Self:
        """Fit to training data."""
        raise NotImplementedError

    def transform(self, data: Any) -> Any:
        """Return `data` transformed."""
        raise NotImplementedError

    def fit_transform(self, data: Any) -> Any:
        """Fit to `data`, and return it transformed."""
        return self.fit(data).transform(data)
