"""Frames, letters and changes as messages: the codec of the face for places."""

from accord.wire.v1 import places_service_pb2 as pb
from gateway.places_asking import Account, Frame, Letters
from gateway.places_changes import Change


def frame_to_wire(frame: Frame) -> pb.OffersResponse:
    """The message of one frame."""
    if isinstance(frame, Account):
        return pb.OffersResponse(
            account=pb.OffersAccount(
                registered=frame.registered, asked=frame.asked, answered=frame.answered, register_version=frame.version, register=frame.register
            )
        )
    code = frame.code.value if frame.code else ""
    said = pb.HolderOffers(
        holder=frame.holder,
        said=frame.said,
        ending=frame.ending.value,
        code=code,
        region=frame.region,
        vouched=frame.vouched,
        last_heard_ms=frame.last_heard_ms,
    )
    return pb.OffersResponse(holder=said)


def letters_to_wire(given: Letters) -> pb.LettersResponse:
    """The message of what a holder gave."""
    return pb.LettersResponse(letters=given.letters, receipt=given.receipt, more=given.more)


def change_to_wire(change: Change | None) -> pb.ChangesResponse:
    """The message of one holder's marks, or a sign of life."""
    if change is None:
        return pb.ChangesResponse()
    return pb.ChangesResponse(holder=change.holder.value, places_mark=change.places_mark, letters_mark=change.letters_mark, reachable=change.reachable)
