"""What a recurrent layer's training pass leaves to be seen: its packed rows, read as (N, T, H)."""

from collections.abc import Iterator, Mapping

from nnfw.arrays import Array
from nnfw.layers.steps import Steps


class Unpacked(Mapping[str, Array]):
    """Packed rows by name, read as (N, T, H): what a recurrent layer's training pass leaves to be seen."""

    def __init__(self, steps: Steps, rows: dict[str, Array]) -> None:
        self.steps, self.rows = steps, rows

    def __getitem__(self, name: str) -> Array:
        return self.steps.unpack(self.rows[name])

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)
