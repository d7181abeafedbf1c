"""How the register stands in its file: canonical JSON, one text for one register, and the way back.

Unknown members, unknown words of a vocabulary and missing fields are refused; whoever reads this gives no organisation
the benefit of the doubt. A failure names the organisation, or the field, and never what stood there.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from accord.link.jose import decoded, encoded
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import KeyUse, LoginProvider, Member, MemberStatus, Part, RegionRegister, SigningKey
from accord.terms.policies import Budget, EmergencyPolicy, RegionPolicy, RoleMatrix
from accord.terms.vocabulary import CareCategory, HolderKind

_Line = Annotated[str, msgspec.Meta(max_length=300)]
_Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
_HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class _Form(msgspec.Struct, forbid_unknown_fields=True):
    """What every part of the file has in common."""


class _Key(_Form):
    id: _Line
    public: _Line
    uses: list[KeyUse]


class _Member(_Form, omit_defaults=True):
    ura: _Line
    name: _Line
    title: _Line
    kind: HolderKind
    telephone: _Line
    status: MemberStatus
    parts: list[Part]
    address: _Line
    certificates: list[str]
    keys: list[_Key]
    capabilities: list[_Line]
    # What came later is left out where there is none: an older register is still one text.
    sealing: _Line = ""
    sealed: dict[_Line, _Line] = {}


class _NameOnly(msgspec.Struct):
    name: str


class _Row(_Form):
    kind: HolderKind | None
    role: _Line
    categories: list[CareCategory]


class _Emergency(_Form):
    legal_basis: _Line
    roles: list[_Line]
    ends: datetime
    minutes: _Positive
    per_professional: _Positive
    per_organisation: _Positive
    factor_seconds: _Positive


class _Budget(_Form):
    per_professional: _Positive
    per_organisation: _Positive
    per_gateway: _Positive


class _Policy(_Form):
    version: _Line
    rows: list[_Row]
    emergency: _Emergency | None
    budget: _Budget


class _Login(_Form):
    issuer: _Line
    client_id: _Line
    keys: str
    confirm_client_id: _Line
    bsn_claim: _Line
    levels: list[_Line]


class _Register(_Form):
    region: _Line
    version: _Positive
    issued: datetime
    expires: datetime
    members: list[msgspec.Raw]
    authorities: list[str]
    policy: _Policy
    logins: list[_Login]
    signers: list[str]


_REGISTER: Final = msgspec.json.Decoder(_Register)
_MEMBER: Final = msgspec.json.Decoder(_Member)
_NAME: Final = msgspec.json.Decoder(_NameOnly)
_CANONICAL: Final = msgspec.json.Encoder(order="sorted")


def register_to_json(register: RegionRegister, signers: frozenset[bytes]) -> bytes:
    """The one text of a register and of the public keys that may sign the next one."""
    return _CANONICAL.encode(
        _Register(
            region=register.region,
            version=register.version,
            issued=register.issued.astimezone(UTC),
            expires=register.expires.astimezone(UTC),
            members=[msgspec.Raw(_CANONICAL.encode(_member_form(member))) for member in register.members],
            authorities=list(register.authorities),
            policy=_policy_form(register.policy),
            logins=list(map(_login_form, register.logins)),
            signers=sorted(map(encoded, signers)),
        )
    )


def register_from_json(text: bytes) -> tuple[RegionRegister, frozenset[bytes]]:
    """The register of a text that `register_to_json` wrote, and its signers.

    Raises:
        BadInput: `register-invalid`; also for another spelling of the same register.
    """
    try:
        form = _REGISTER.decode(text)
        register = RegionRegister(
            region=form.region,
            version=form.version,
            issued=_moment(form.issued),
            expires=_moment(form.expires),
            members=tuple(_member(raw, position) for position, raw in enumerate(form.members)),
            authorities=tuple(form.authorities),
            policy=_policy(form.policy),
            logins=tuple(map(_login, form.logins)),
        )
        signers = frozenset(map(decoded, form.signers))
    except msgspec.DecodeError as failure:
        raise BadInput(Fault.REGISTER_INVALID, _place(str(failure))) from None
    except BadInput as failure:
        raise failure if failure.fault is Fault.REGISTER_INVALID else BadInput(Fault.REGISTER_INVALID, "signers") from None
    # A member that occurs twice, a list in another order, a date in another zone: what is signed has one reading and one spelling.
    if register_to_json(register, signers) != text:
        raise BadInput(Fault.REGISTER_INVALID, "not canonical")
    return register, signers


def _member(raw: msgspec.Raw, position: int) -> Member:
    try:
        form = _MEMBER.decode(raw)
        if not all(map(_HEX_DIGEST.fullmatch, form.certificates)):
            raise BadInput(Fault.REGISTER_INVALID)
        return Member(
            ura=Ura(form.ura),
            name=HolderName(form.name),
            title=form.title,
            kind=form.kind,
            telephone=form.telephone,
            status=form.status,
            parts=frozenset(form.parts),
            address=form.address,
            certificates=frozenset(map(bytes.fromhex, form.certificates)),
            keys=tuple(SigningKey(key.id, decoded(key.public), frozenset(key.uses)) for key in form.keys),
            capabilities=frozenset(form.capabilities),
            sealing=decoded(form.sealing) if form.sealing else b"",
            sealed=tuple(sorted((key, decoded(box)) for key, box in form.sealed.items())),
        )
    except (msgspec.DecodeError, Faulted):
        raise BadInput(Fault.REGISTER_INVALID, _who(raw, position)) from None


def _who(raw: msgspec.Raw, position: int) -> str:
    """The name of the organisation when that much can be read, else its place in the list."""
    try:
        return f"member {HolderName(_NAME.decode(raw).name)}"
    except (msgspec.DecodeError, BadInput):
        return f"member {position + 1}"


def _member_form(member: Member) -> _Member:
    return _Member(
        ura=member.ura.value,
        name=member.name.value,
        title=member.title,
        kind=member.kind,
        telephone=member.telephone,
        status=member.status,
        parts=sorted(member.parts),
        address=member.address,
        certificates=sorted(digest.hex() for digest in member.certificates),
        keys=[_Key(key.id, encoded(key.public), sorted(key.uses)) for key in member.keys],
        capabilities=sorted(member.capabilities),
        sealing=encoded(member.sealing) if member.sealing else "",
        sealed={key: encoded(box) for key, box in member.sealed},
    )


def _login(form: _Login) -> LoginProvider:
    return LoginProvider(form.issuer, form.client_id, form.keys, form.confirm_client_id, form.bsn_claim, tuple(form.levels))


def _login_form(login: LoginProvider) -> _Login:
    return _Login(login.issuer, login.client_id, login.keys, login.confirm_client_id, login.bsn_claim, sorted(login.levels))


def _policy(form: _Policy) -> RegionPolicy:
    rows = {(row.kind, row.role): frozenset(row.categories) for row in form.rows}
    emergency = form.emergency
    return RegionPolicy(
        matrix=RoleMatrix(form.version, rows),
        emergency=EmergencyPolicy(
            legal_basis=emergency.legal_basis,
            roles=frozenset(emergency.roles),
            ends=_moment(emergency.ends),
            minutes=emergency.minutes,
            per_professional=emergency.per_professional,
            per_organisation=emergency.per_organisation,
            factor_seconds=emergency.factor_seconds,
        )
        if emergency
        else None,
        budget=Budget(form.budget.per_professional, form.budget.per_organisation, form.budget.per_gateway),
    )


def _policy_form(policy: RegionPolicy) -> _Policy:
    rows = sorted(policy.matrix.rows.items(), key=lambda row: (row[0][0] or "", row[0][1]))
    emergency, budget = policy.emergency, policy.budget
    return _Policy(
        version=policy.matrix.version,
        rows=[_Row(kind, role, sorted(categories)) for (kind, role), categories in rows],
        emergency=_Emergency(
            legal_basis=emergency.legal_basis,
            roles=sorted(emergency.roles),
            ends=emergency.ends.astimezone(UTC),
            minutes=emergency.minutes,
            per_professional=emergency.per_professional,
            per_organisation=emergency.per_organisation,
            factor_seconds=emergency.factor_seconds,
        )
        if emergency
        else None,
        budget=_Budget(budget.per_professional, budget.per_organisation, budget.per_gateway),
    )


def _moment(read: datetime) -> datetime:
    if read.tzinfo is None:
        raise BadInput(Fault.REGISTER_INVALID, "a date without a zone")
    return read.astimezone(UTC)


def _place(message: str) -> str:
    """Where msgspec found something wrong; its message may quote what stood there, and the place alone says enough."""
    return message.rpartition("`$.")[2].removesuffix("`") if "`$." in message else "form"
