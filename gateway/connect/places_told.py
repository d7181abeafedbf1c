"""What a gateway tells in one round of asking, held against the register here: whose word it is, and of whom nothing was said."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

from accord.letters.signing import read_statement, read_vouched, vouched_statement
from accord.rules.capacity.offering import may_offer
from accord.terms.answers import Ending
from accord.terms.capacity import PlacesQuestion
from accord.terms.faults import Fault, Faulted
from accord.terms.identifiers import HolderName, Ura
from accord.terms.limits import MIB
from accord.terms.members import Member, MemberStatus, RegionRegister
from gateway.neighbours import region_of
from gateway.places.ports import Accounted, HolderSaid, Provider
from gateway.places_asking import Said

#: Of what is judged when all is told so many characters are kept, and of each frame so many beside what was said in it.
_MOST_ASIDE: Final = 8 * MIB
_FRAME_CHARACTERS: Final = 1_000
_MOST_UNKNOWN: Final = 1_000


@dataclass(slots=True)
class Round:
    """One round. *digest* names our question, *holders* are those that are meant (none: all that may have such places).

    Of whom the register does not have, and whose word does not count by it, is judged when all is told: by then there may be
    a newer one, by which somebody joined or has another key.
    """

    question: PlacesQuestion
    holders: frozenset[HolderName]
    digest: str
    register: RegionRegister
    ours: Ura
    clock: Callable[[], datetime]
    _told: dict[str, Ending] = field(default_factory=dict)
    _seen: set[Ura] = field(default_factory=set)
    _aside: dict[tuple[str, str], Said] = field(default_factory=dict)
    _room: int = _MOST_ASIDE
    _unknown: set[str] = field(default_factory=set)

    def take(self, frame: Said) -> HolderSaid | None:
        """One frame, as it counts here; none for what was told already, is nobody's end, or is judged when all is told."""
        if (frame.region, frame.holder) in self._aside or (not frame.region and frame.holder in self._told):
            return None
        if self._is_unknown(frame):
            if frame.code is not Fault.UNKNOWN_HOLDER and len(self._unknown) < _MOST_UNKNOWN:
                self._unknown.add(frame.region or frame.holder)
            self._set_aside(frame)
            return None
        if frame.region:
            return self._of_neighbour(frame)
        said = self._of_holder(frame)
        if said.ending is not frame.ending and self._set_aside(frame):
            return None
        self._told[frame.holder] = said.ending
        return said

    def settle(self, register: RegionRegister) -> Iterator[HolderSaid]:
        """What was set aside, and counts by *register*, the newest that there is when all is told."""
        self.register = register
        self._unknown -= {member.name.value for member in (*register.holders, *filter(region_of, register.members))}
        for frame in self._aside.values():
            if self._is_unknown(frame):
                continue
            if not frame.region:
                said = self._of_holder(frame)
                self._told[frame.holder] = said.ending
                yield said
            elif (theirs := self._of_neighbour(frame)) is not None:
                yield theirs

    def unaccounted(self, reason: Faulted | None) -> Iterator[HolderSaid]:
        """Everybody who is meant and was not told of: by what came of the gateway, or because it left them out."""
        for member in self._meant():
            if member.name.value not in self._told:
                ending, code = Ending.UNREACHABLE, Fault.NOT_ACCOUNTED_FOR if reason is None else reason.fault
                if member.status is not MemberStatus.ACTIVE:
                    ending, code = Ending.NOT_ASKED, Fault.NOT_ACTIVE
                self._told[member.name.value] = ending
                yield HolderSaid(_provider(member), ending, code)

    def account(self, theirs: int) -> Accounted:
        """The count, by what was found here rather than by what the gateway says. *theirs* is the version of its register."""
        ours = {member.name.value for member in self.register.holders}
        ends = [ending for name, ending in self._told.items() if name in ours]
        # Of an older register than ours: by ours it is known that these are nobody's holders now.
        unjudged = 0 if 0 < theirs < self.register.version else len(self._unknown)
        code = Fault.REGISTER_OUTDATED if unjudged or theirs > self.register.version else None
        return Accounted(len(ours), sum(end is not Ending.NOT_ASKED for end in ends), ends.count(Ending.ANSWERED), unjudged, code)

    def _is_unknown(self, frame: Said) -> bool:
        """Whether it is of a holder, or a region, that the register does not have."""
        if frame.region:
            return not any(one.name.value == frame.region and region_of(one) for one in self.register.members)
        return not any(one.name.value == frame.holder for one in self.register.holders)

    def _set_aside(self, frame: Said) -> bool:
        """Whether it can be kept until all is told; what a gateway makes up may not fill the memory."""
        self._room -= _FRAME_CHARACTERS + len(frame.said) + len(frame.vouched)
        if self._room >= 0:
            self._aside[frame.region, frame.holder] = frame
        return self._room >= 0

    def _of_holder(self, frame: Said) -> HolderSaid:
        return self._proven(next(one for one in self.register.holders if one.name.value == frame.holder), frame)

    def _meant(self) -> Iterator[Member]:
        for member in self.register.members:
            if region_of(member):
                if member.status is MemberStatus.ACTIVE and member.ura != self.ours and (not self.holders or member.name in self.holders):
                    yield member
            elif member in self.register.holders and (member.name in self.holders if self.holders else may_offer(member.kind, self.question.kinds)):
                yield member

    def _proven(self, member: Member, frame: Said) -> HolderSaid:
        """What a holder of our region says, when it signed it itself, about this question and now."""
        if frame.ending is Ending.NOT_ASKED and member.status is MemberStatus.ACTIVE:
            # It takes part, so it is to be asked: that it was not is a gap.
            return HolderSaid(_provider(member), Ending.UNREACHABLE, Fault.NOT_ACCOUNTED_FOR)
        if frame.ending is not Ending.ANSWERED:
            return HolderSaid(_provider(member), *_unproven(frame.ending, frame.code), last_heard_ms=frame.last_heard_ms)
        try:
            statement = read_statement(frame.said, member.ura, self.digest, self.register, self.clock()).statement
        except Faulted as failure:
            return HolderSaid(_provider(member), Ending.REJECTED, failure.fault, last_heard_ms=frame.last_heard_ms)
        return HolderSaid(_provider(member), Ending.ANSWERED, None, statement)

    def _of_neighbour(self, frame: Said) -> HolderSaid | None:
        gateway = next((one for one in self.register.members if one.name.value == frame.region and region_of(one)), None)
        if gateway is None:
            return None
        if not frame.vouched:
            return self._region_itself(gateway, frame)
        try:
            at = self.clock()
            # The question was our gateway's own, and it held the word against it.
            vouched = read_vouched(frame.vouched, gateway.ura, frame.said, None, self.register, at)
            stated = vouched_statement(frame.said, at) if frame.said else None
        except Faulted as failure:
            return self._region_itself(gateway, Said(frame.region, Ending.REJECTED, failure.fault, region=frame.region))
        if stated is not None and not self._is_news(stated.provider):
            return None
        name = HolderName(f"via-{sha256(f'{frame.region} {vouched.holder}'.encode()).hexdigest()[:12]}")
        if name.value in self._told or (stated is None and vouched.ending is Ending.ANSWERED):
            # Told already; or a region behind that one, which was heard out.
            return None
        self._told[name.value] = vouched.ending
        provider = Provider(name, vouched.title, vouched.telephone, None, None, gateway.title, gateway.name)
        if stated is None:
            return HolderSaid(provider, *_unproven(vouched.ending, frame.code), last_heard_ms=frame.last_heard_ms)
        return HolderSaid(provider, vouched.ending, frame.code, stated.statement, frame.last_heard_ms)

    def _region_itself(self, gateway: Member, frame: Said) -> HolderSaid | None:
        """How a neighbouring region as a whole ended; what it has is told by its providers."""
        if frame.holder != frame.region or frame.holder in self._told:
            return None
        self._told[frame.holder] = frame.ending
        return HolderSaid(_provider(gateway), frame.ending, frame.code, last_heard_ms=frame.last_heard_ms)

    def _is_news(self, provider: Ura) -> bool:
        """Whether it is neither of our own register nor told of by another way: regions know each other in circles."""
        known = self.register.by_ura.get(provider)
        if provider in self._seen or (known is not None and known in self.register.holders):
            return False
        self._seen.add(provider)
        return True


def _unproven(ending: Ending, code: Fault | None) -> tuple[Ending, Fault | None]:
    """How somebody ended by the word of a gateway alone, which may say why they were not heard, and not that they have nothing."""
    return (Ending.REJECTED, Fault.BROKEN_BATCH) if ending.heard_out else (ending, code)


def _provider(member: Member) -> Provider:
    if region_of(member):
        return Provider(member.name, member.title, member.telephone, None, None, member.title, member.name)
    return Provider(member.name, member.title, member.telephone, member.kind, member.ura)
