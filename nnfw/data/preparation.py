"""What label encoders and scalers share: they learn from the training data."""

from typing import Any, ClassVar, Self

from nnfw.core.registry import Part


class Preparation(Part):
    """What `fit` learns from the training data, to be applied to any data.

    The attributes listed in `learned` exist after `fit`; asking for one before raises a RuntimeError.
    """

    learned: ClassVar[tuple[str, ...]] = ()

    def __getattr__(self, name: str) -> Any:  # reached only if there is no such attribute
        if name in self.learned:
            raise RuntimeError(f"this {type(self).__name__} has learned nothing yet; call fit(...) first")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def fit(self, data: Any) -> Self:
        """Learn from training data."""
        raise NotImplementedError

    def transform(self, data: Any) -> Any:
        """Apply what was learned."""
        raise NotImplementedError

    def fit_transform(self, data: Any) -> Any:
        """Learn from `data` and return it transformed."""
        return self.fit(data).transform(data)
