"""A message that is not taken: why, and where in it, without anything of what it says."""

from accord.terms.faults import BadInput, Fault, Unavailable


class MessageRefused(BadInput):
    """The message can never be taken as it is. `where` is a place in it, such as `PID^1^3`."""


class NotForUs(MessageRefused):
    """Nothing is wrong with what the message says; it does not belong here: its type, version, sender or purpose."""


class StoreBusy(Unavailable):
    """The store cannot be written now; the same message may be sent again."""

    def __init__(self) -> None:
        super().__init__(Fault.SOURCE_UNAVAILABLE, "store")
