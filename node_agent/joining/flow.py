"""From a token to a certificate. Stopped at any point, the same command goes on where it was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import anyio
import msgspec

from accord.link.addresses import address as read_address
from accord.link.certificates import digest_of_key, public_pem, read_certificate, read_public_key, signing_request
from accord.link.desk_forms import InvitedForm, JoinedForm, JoinForm, TokenForm, phrase, token_id
from accord.link.next_certificate import next_key, put_in_place, settle
from accord.link.office_line import OfficeLine, desk_url, pinned_authority
from accord.link.register_file import read_register
from accord.link.short_certificates import lifetime
from accord.rules.moments import local_moment
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import RegionRegister
from accord.terms.next_steps import OPTION
from node_agent.joining.first_settings import By
from node_agent.joining.folder import AgentFolder, Progress, Refused
from node_agent.sealed_key import boxes, gateways

_FIRST_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 15.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command was given. `address` is empty for an agent that calls out, to `doors` or whatever the office names."""

    desk: str
    fingerprint: str
    token: str = field(repr=False)
    telephone: str = ""
    address: str = ""
    listen: str = ""
    fhir_base: str = ""
    doors: tuple[str, ...] = ()
    waits: bool = True
    #: On the way to the desk and to gateways; empty: as the environment says.
    proxy: str = field(default="", repr=False)
    #: The file with the authority of that proxy, where it opens TLS: a whole path.
    proxy_ca: str = ""


@dataclass(frozen=True, slots=True)
class Joining:
    """One organisation that joins. *say* is told what a person must know."""

    folder: AgentFolder
    wanted: Wanted
    say: Callable[[str], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def join(self) -> bool:
        """Join; false when the office has still to decide and nobody waits for it.

        Raises:
            BadInput: `wrong-authority`, `join-refused`, or a file that cannot be used.
            Unavailable: `desk-unreachable` before the first answer; later it is tried again.
        """
        with self.folder.alone() as before:
            settle(self.folder.tls)
            progress = self.folder.progress()
            if progress is not None and progress.approved and progress.token == token_id(self.wanted.token) and self._has_certificate():
                self.say(f"{progress.invited.title} has joined already. `noaber agent status` says how it stands.")
                return True
            with Refused(before) as refused:
                url = desk_url(self.wanted.desk)
                authority = await pinned_authority(url, self.wanted.fingerprint, self.wanted.proxy, self.wanted.proxy_ca)
                line = OfficeLine(url, (authority,), proxy=self.wanted.proxy, ca_file=self.wanted.proxy_ca)
                invited, register = await self._invited(line, authority)
                self.folder.authority.write_text(authority, encoding="ascii")
                progress = self._begun(url, invited, register)
                joined = await self._decided(line, progress, register, refused)
            if joined is None:
                return False
            self._finish(progress, joined)
            return True

    @property
    def _by(self) -> By:
        return By(self.wanted.proxy, self.wanted.proxy_ca)

    def _doors(self, told: Sequence[str]) -> list[str]:
        """What an agent without a port calls; nothing for one that has an address.

        Raises:
            BadInput: `invalid-setting`: nobody says what.
        """
        if self.wanted.address:
            return []
        doors = list(self.wanted.doors or told)
        if not doors:
            raise BadInput(
                Fault.INVALID_SETTING,
                "--address, or --gateway for an agent without a port: the office names no gateway that such an agent can call",
                then=OPTION,
            )
        return [read_address(door).target for door in doors]

    def _has_certificate(self) -> bool:
        try:
            _, ends = lifetime(read_certificate(self.folder.tls.certificate.read_bytes()))
        except (OSError, BadInput):
            return False
        return self.now() < ends

    async def _invited(self, line: OfficeLine, authority: str) -> tuple[InvitedForm, RegionRegister]:
        """Who is invited, and into which region. Nothing is written yet."""
        invited = await line.ask("/v1/invitation", TokenForm(self.wanted.token), InvitedForm)
        register = self._believed(invited.register, invited.anchor, authority)
        return msgspec.structs.replace(invited, doors=self._doors(invited.doors)), register

    def _begun(self, url: str, invited: InvitedForm, register: RegionRegister) -> Progress:
        """Everything that goes out, made and remembered before it goes."""
        token = token_id(self.wanted.token)
        self.folder.keep_region(invited.register, invited.anchor)
        ura = Ura(invited.ura)
        key = next_key(self.folder.tls)
        known = self.folder.progress()
        # The same request each time, so that asking again changes nothing at the office.
        csr = known.csr if known is not None and known.token == token and known.csr else signing_request(key, ura).decode("ascii")
        sealed = known.sealed if known is not None and known.token == token else {}
        sealed = sealed | boxes(self.folder.pseudonym_key(), ura, register, sealed)
        said = phrase(ura.value, digest_of_key(key.public_key()), self.folder.answer_key().public_key().public_bytes_raw(), self.wanted.address)
        progress = Progress(url, token, invited, csr, said, self.wanted.telephone, self.wanted.address, sealed)
        self.folder.keep(progress)
        return progress

    def _believed(self, text: str, anchor: str, authority: str) -> RegionRegister:
        register = read_register(text, trusted=[read_public_key(anchor.encode())], at=self.now()).register
        pinned = read_certificate(authority.encode())
        if all(read_certificate(one.encode()) != pinned for one in register.authorities):
            raise BadInput(Fault.WRONG_AUTHORITY, "the register names another one")
        return register

    def _say_invited(self, progress: Progress, register: RegionRegister) -> None:
        """Said once the office took the wish: before that it may still be refused."""
        self.say(f"Invited as {progress.invited.title} (URA {progress.invited.ura}) into region {register.region}.")
        if not progress.sealed and gateways(register):
            self.say("The gateway has no sealing key in the register: give it pseudonym.key yourself, by a way that nobody else can read.")

    async def _decided(self, line: OfficeLine, progress: Progress, register: RegionRegister, refused: Refused) -> JoinedForm | None:
        """What the office decided; none when nobody waits for it."""
        form = JoinForm(
            token=self.wanted.token,
            csr=progress.csr,
            answer_key=public_pem(self.folder.answer_key().public_key().public_bytes_raw()),
            telephone=progress.telephone,
            address=progress.address,
            sealed=progress.sealed,
        )
        wait, told = _FIRST_PAUSE, False
        while True:
            try:
                joined = await line.ask("/v1/join", form, JoinedForm)
                if joined.state == "rejected":
                    raise BadInput(Fault.JOIN_REFUSED, "the office rejected it")
                refused.is_over = True
                if not told:
                    self._say_invited(progress, register)
                if joined.state == "approved":
                    return joined
                if not told:
                    self.say(f"Waiting for approval. The office calls you: read them this phrase, all five words:\n\n    {progress.phrase}\n")
                    told = True
                if not self.wanted.waits:
                    return None
            except Unavailable as failure:
                # It may have been heard all the same: then these keys are the ones that the office knows.
                refused.is_over = True
                if not told or not self.wanted.waits:
                    raise
                self.say(f"The desk does not answer ({failure.fault}); trying again.")
            await anyio.sleep(wait)
            wait = min(wait * 1.3, _LONGEST_PAUSE)

    def _finish(self, progress: Progress, joined: JoinedForm) -> None:
        anchor = read_public_key((self.folder.path / "region.pub").read_bytes())
        # Whoever had a register before knows its signer by that one; the running agent looks for itself.
        has_known = (self.folder.path / "register.jws.known").exists()
        if not has_known:
            register = read_register(joined.register, trusted=[anchor], at=self.now()).register
            if Ura(progress.invited.ura) not in register.by_ura:
                raise BadInput(Fault.NOT_A_MEMBER)
        self.folder.keep_region(joined.register, "")
        put_in_place(self.folder.tls, joined.certificate)
        wrote = self.folder.keep_settings(progress, listens_at(self.wanted), self.wanted.fhir_base, self._by, follows=not self.wanted.doors)
        self.folder.keep(msgspec.structs.replace(progress, approved=True))
        _, ends = lifetime(read_certificate(joined.certificate.encode("ascii")))
        settings = self.folder.settings
        self.say(f"Approved. The certificate counts until {local_moment(ends)} and renews itself while the agent runs.")
        self.say(f"Settings {'written to' if wrote else 'as they were in'} {settings}. Next: {self.folder.check_command}")


def listens_at(wanted: Wanted) -> str:
    """Where the agent listens; nowhere, when it only calls out."""
    if wanted.listen or not wanted.address:
        return wanted.listen
    host, _, port = wanted.address.rpartition(":")
    return wanted.address if host in ("127.0.0.1", "[::1]", "localhost") or wanted.address.startswith("unix:") else f"0.0.0.0:{port}"
