"""What the office's joining desk does by itself, and what only after a person at the office has decided.

By itself: it takes the first key that shows a token, gives a certificate to whom a person approved, renews what is still
good, and lets take part whom a person approved and whose conformance run passed. It never takes an organisation in.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import structlog

from accord.link import jose
from accord.link.certificates import certify_names, digest_of_key, host_name, key_digest, public_pem, read_certificate
from accord.link.desk_forms import (
    SUMMARY_CHARACTERS,
    SUMMARY_TYPE,
    ActivateForm,
    DoorsForm,
    DoorsToldForm,
    InvitedForm,
    JoinedForm,
    JoinForm,
    RenewedForm,
    RenewForm,
    StandingForm,
    StandingToldForm,
    Summary,
    TokenForm,
)
from accord.link.live_register import replace_file
from accord.link.short_certificates import key_requested_for, lifetime
from accord.region.bringing import hosts_of
from accord.region.draft import Draft
from accord.region.invitations import Invitation, Invitations, State
from accord.region.office import Office
from accord.region.taking_in import seal_for, take_in
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, Member, MemberStatus
from accord.terms.next_steps import OTHER_PHRASE, SIGNING_REQUEST, UNWRITABLE

#: A summary is sent right after the run, or not much later.
_FRESH: Final = timedelta(hours=24)
_SKEW: Final = timedelta(minutes=5)
#: Nobody needs a new certificate before this part of its life is over; each is a new version of the register for the whole region.
_RENEWED_AFTER: Final = 1 / 2
#: Whatever a certificate lived, the desk renews it for no longer.
_LONGEST: Final = timedelta(days=90)

_log = structlog.get_logger("noaber.desk")


class Checked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last conformance run that an organisation told of; `summary` as it was signed."""

    at: datetime
    passed: bool
    summary: str


@dataclass(frozen=True, slots=True)
class Desk:
    """The desk of the office in this folder. Its methods wait for locks and disks: call them from a thread."""

    folder: Path
    invitations: Invitations
    now: Callable[[], datetime]
    #: What agents without a port are told to call.
    doors: tuple[str, ...] = ()
    _told: set[Ura] = field(default_factory=set, repr=False)

    @property
    def office(self) -> Office:
        """The office as it is now: its key may be replaced while the desk is open."""
        return Office(self.folder)

    def invited(self, form: TokenForm) -> InvitedForm:
        """Who is invited by this token.

        Raises:
            BadInput: `join-refused`, whatever the cause.
        """
        invitation = self.invitations.of_token(form.token, self.now()).invitation
        return InvitedForm(
            ura=invitation.ura,
            name=invitation.name,
            title=invitation.title,
            kind=invitation.kind,
            parts=invitation.parts,
            capabilities=invitation.capabilities,
            register=self.office.signed().text,
            anchor=public_pem(self.office.public_key),
            doors=list(self.doors),
        )

    def join(self, form: JoinForm) -> JoinedForm:
        """Take a wish, or say what became of it.

        Raises:
            BadInput: `join-refused`, whatever the cause.
        """
        found = self.invitations.take(form, self.now())
        invitation = found.invitation
        if invitation.state is not State.APPROVED:
            return JoinedForm(invitation.state.value)
        member = self.office.signed().register.by_ura.get(Ura(invitation.ura))
        if member is None or member.status is MemberStatus.BLOCKED or invitation.tls_key not in member.certificates:
            raise BadInput(Fault.JOIN_REFUSED)
        certificate = self._certificate(member, invitation.taken.csr, timedelta(seconds=invitation.seconds))
        self.invitations.collected(found, self.now())
        return JoinedForm(invitation.state.value, certificate, self.office.signed().text)

    def approve(self, ura: Ura, phrase: str) -> Invitation:
        """Take in who waits, after *phrase* was heard from them: known by their keys, and `planned` until they are activated.

        Raises:
            BadInput: `invalid-setting`: nobody waits, or the phrase is of other keys.
        """
        heard = phrase.strip().lower()
        found = next((one for one in self.invitations.all_waiting(ura, self.now()) if one.invitation.phrase == heard), None)
        if found is None:
            raise BadInput(
                Fault.INVALID_SETTING, "--phrase: other keys wait here than those of whom you called; reject them, and ask who has the token", then=OTHER_PHRASE
            )
        with self.office.change(self.now()) as draft:
            take_in(draft, found.invitation)
        self.invitations.decide(found, State.APPROVED)
        return found.invitation

    def reject(self, ura: Ura) -> None:
        """Refuse all who wait under this URA; their tokens count no longer.

        Raises:
            BadInput: `invalid-setting`: nobody waits.
        """
        for found in self.invitations.all_waiting(ura, self.now()):
            self.invitations.decide(found, State.REJECTED)

    def renew(self, form: RenewForm, peer: bytes) -> RenewedForm:
        """A certificate for a new key of the organisation whose present certificate (DER) is *peer*.

        Who asks again with the same new key, because the answer was lost, gets another certificate for it.

        Raises:
            BadInput: `not-a-member`, `organisation-blocked`, `certificate-expired`, `certificate-replaced`, or `invalid-setting` for a signing
                request that cannot be.
            Unavailable: `too-many-questions`: half of its life is not over yet.
        """
        member = self._member(peer)
        used = key_digest(peer)
        new = digest_of_key(key_requested_for(form.csr.encode(), member.ura))
        if new == used:
            raise BadInput(Fault.INVALID_SETTING, "signing request: make a new key", then=SIGNING_REQUEST)
        if self.office.signed().register.by_certificate.get(new, member).ura != member.ura:
            raise BadInput(Fault.INVALID_SETTING, "signing request: the key of somebody else", then=SIGNING_REQUEST)
        made, ends = lifetime(read_certificate(peer))
        try:
            with self.office.change(self.now()) as draft:
                # Looked at again: who was blocked, or whose key was dropped, while we waited for our turn is not renewed.
                member = _still_known(draft, member.ura, used)
                draft.renew_certificate(member.ura, used, new)
                if new not in member.certificates and self.now() < made + (ends - made) * _RENEWED_AFTER:
                    raise Unavailable(Fault.TOO_MANY_QUESTIONS, "half of its life is not over")
                # What a gateway can open already is not laid anew: each box would be another version of the register.
                known = dict(draft.member(member.ura).sealed)
                seal_for(draft, member.ura, {key: box for key, box in form.sealed.items() if key not in known})
        except BadInput as failure:
            if failure.fault is Fault.CERTIFICATE_REPLACED:
                # Two have the key, or somebody put an old folder back: a person must find out which.
                _log.error("A REPLACED CERTIFICATE ASKED FOR A NEW KEY", ura=member.ura.value)
            raise
        certificate = self._certificate(member, form.csr, min(ends - made, _LONGEST))
        _log.info("certificate renewed", ura=member.ura.value)
        return RenewedForm(certificate, self.office.signed().text)

    def activate(self, form: ActivateForm, peer: bytes) -> StandingToldForm:
        """Keep what a conformance run found; who was approved and passed takes part from now on.

        Raises:
            BadInput: `not-a-member`, `organisation-blocked`, or `token-invalid` for a summary that is not this organisation's own, of now.
        """
        member = self._member(peer)
        summary = self._verified(form.summary, member)
        _keep_check(self.folder, member.ura, Checked(summary.at, summary.passed, form.summary))
        _log.info("conformance run told", ura=member.ura.value, passed=summary.passed)
        if summary.passed and member.status is MemberStatus.PLANNED:
            with self.office.change(self.now()) as draft:
                # Read again: who was blocked in the meantime stays so.
                if draft.member(member.ura).status is MemberStatus.PLANNED:
                    draft.activate(member.ura)
        return self.standing(StandingForm(), peer)

    def standing(self, form: StandingForm, peer: bytes) -> StandingToldForm:
        """How an organisation stands.

        Raises:
            BadInput: `not-a-member` or `organisation-blocked`.
        """
        member, signed = self._member(peer), self.office.signed()
        if form.version > signed.register.version and member.ura not in self._told:
            self._told.add(member.ura)
            # What the office signs now is refused by everybody who knows the newer one.
            _log.error("A MEMBER KNOWS A NEWER REGISTER THAN THE OFFICE: WAS ITS FOLDER PUT BACK?", ura=member.ura.value, here=signed.register.version)
        checked = check_of(self.folder, member.ura)
        return StandingToldForm(
            status=member.status,
            checked=checked.at if checked else None,
            passed=checked.passed if checked else False,
            register=signed.text if signed.register.version > form.version else "",
        )

    def tell_doors(self, _: DoorsForm, peer: bytes) -> DoorsToldForm:
        """What agents without a port call now.

        Raises:
            BadInput: `not-a-member` or `organisation-blocked`.
        """
        self._member(peer)
        return DoorsToldForm(list(self.doors))

    def _certificate(self, member: Member, csr: str, life: timedelta) -> str:
        key = key_requested_for(csr.encode(), member.ura)
        return certify_names(self.office.authority, key, [host_name(member.ura), *hosts_of(member.address)], at=self.now(), life=life)

    def _member(self, peer: bytes) -> Member:
        member = self.office.signed().register.by_certificate.get(key_digest(peer))
        if member is None:
            raise BadInput(Fault.NOT_A_MEMBER)
        if member.status is MemberStatus.BLOCKED:
            raise BadInput(Fault.ORGANISATION_BLOCKED)
        # A connection may outlive the certificate by which it was made.
        if lifetime(read_certificate(peer))[1] <= self.now():
            raise BadInput(Fault.CERTIFICATE_EXPIRED)
        return member

    def _verified(self, token: str, member: Member) -> Summary:
        def key_of(key_id: str) -> bytes | None:
            key = member.key(key_id, KeyUse.ANSWER)
            return key.public if key is not None else None

        payload = jose.verify(token, SUMMARY_TYPE, key_of, most=SUMMARY_CHARACTERS)
        try:
            summary = msgspec.json.decode(payload, type=Summary)
        except msgspec.DecodeError:
            raise BadInput(Fault.TOKEN_INVALID, "summary") from None
        at, now = summary.at, self.now()
        if at.tzinfo is None or not now - _FRESH <= at <= now + _SKEW:
            raise BadInput(Fault.TOKEN_INVALID, "summary: make a new run, and check the clock")
        if (summary.ura, summary.region) != (member.ura.value, self.office.signed().register.region):
            raise BadInput(Fault.TOKEN_INVALID, "summary")
        return summary


def _still_known(draft: Draft, ura: Ura, used: bytes) -> Member:
    member = draft.member(ura) if draft.knows(ura) else None
    if member is None or used not in member.certificates:
        raise BadInput(Fault.NOT_A_MEMBER)
    if member.status is MemberStatus.BLOCKED:
        raise BadInput(Fault.ORGANISATION_BLOCKED)
    return member


def check_of(office: Path, ura: Ura) -> Checked | None:
    """The last conformance run of an organisation; none when it told of none."""
    try:
        return msgspec.json.decode((_checks(office) / f"{ura}.json").read_bytes(), type=Checked)
    except (OSError, msgspec.DecodeError):
        return None


def _keep_check(office: Path, ura: Ura, checked: Checked) -> None:
    try:
        _checks(office).mkdir(mode=0o700, exist_ok=True)
        replace_file(_checks(office) / f"{ura}.json", msgspec.json.encode(checked))
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "checks: cannot be written", then=UNWRITABLE) from None


def _checks(office: Path) -> Path:
    return office / "checks"
