"""Where to find somebody whom tests and stories name."""

from typing import NamedTuple


class Known(NamedTuple):
    """A named person: number, date of birth (ISO), and the holders that matter. Shown without the number."""

    bsn: str
    birth_date: str
    where: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Known(…, where={self.where})"
