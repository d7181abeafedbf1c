"""Records that the decision would have released and that could not be: how many, and nothing else of them."""


class Shortfall:
    """What falls short of one answer.

    Attributes:
        unfit: Records that could not be shown to be about this person alone, or cannot be read.
        oversized: Records over the inline limit.
    """

    __slots__ = ("oversized", "unfit")

    def __init__(self) -> None:
        self.unfit = 0
        self.oversized = 0
