"""Counts in sentences: 1 person, 2 people."""


def counted(count: int, one: str, several: str = "") -> str:
    """*count* and what is counted, in the number that fits."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"
