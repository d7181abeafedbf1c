"""Who is at work: the professional of the settings, or the one that a trusted application names; and for what purpose."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

from accord.rules.emergency import Lacking, lacking_of
from accord.terms.evidence import Emergency, TreatmentBasis, Who
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import FIELD_CHARACTERS
from accord.terms.parties import Professional
from accord.terms.vocabulary import PurposeOfUse
from gateway.connect.applications import Application

_ID: Final = "noaber-professional-id"
_ROLE: Final = "noaber-professional-role"
_NAME: Final = "noaber-professional-name"
_TREATMENT: Final = "noaber-treatment"
_FACTOR: Final = "noaber-second-factor"
_PURPOSE: Final = "noaber-purpose"
_REASON: Final = "noaber-reason"
_WORDS: Final = "noaber-reason-words"
_WORDS_CHARACTERS: Final = 4 * FIELD_CHARACTERS
#: What only a trusted application may say.
_ON_TRUST: Final = (_ID, _ROLE, _NAME, _TREATMENT, _FACTOR)
_NO_TREATMENT: Final = "none"


@dataclass(frozen=True, slots=True)
class Professionals:
    """The professional that holds where nobody says otherwise, and when they last proved to be themselves (if known)."""

    usual: Professional
    treatment: TreatmentBasis | None
    second_factor_at: datetime | None = None

    def at_work(self, said: Mapping[str, str], application: Application, *, treats: bool = True) -> Who:
        """Who asks, by the headers of a request (lower-case names; texts in UTF-8 and percent-encoded). Not *treats*: without treatment.

        Raises:
            BadInput: `invalid-parameter` with the name of the header: unreadable or incomplete; `application-not-trusted`: this
                application may not say so; `emergency-incomplete` with the name of the header that an emergency lacks.
        """
        for name in _ON_TRUST:
            if name in said and not application.is_trusted:
                # Left out, the journals would name somebody else than the application meant.
                raise BadInput(Fault.APPLICATION_NOT_TRUSTED, name)
        who = Who(self._professional(said), PurposeOfUse.TREATMENT, self._treatment(said) if treats else None)
        purpose = said.get(_PURPOSE, PurposeOfUse.TREATMENT.value)
        if purpose == PurposeOfUse.TREATMENT.value:
            return who
        if purpose != PurposeOfUse.EMERGENCY_TREATMENT.value:
            raise BadInput(Fault.INVALID_PARAMETER, _PURPOSE)
        if who.treatment is None:
            # An emergency stands in for a choice, never for a treatment: holders would show nothing, and not say why.
            raise BadInput(Fault.EMERGENCY_INCOMPLETE, _TREATMENT)
        return replace(who, purpose=PurposeOfUse.EMERGENCY_TREATMENT, emergency=self._emergency(said))

    def _professional(self, said: Mapping[str, str]) -> Professional:
        given = [name for name in (_ID, _ROLE, _NAME) if name in said]
        if not given:
            return self.usual
        if len(given) != 3:
            # Half of one person and half of another is nobody.
            raise BadInput(Fault.INVALID_PARAMETER, next(name for name in (_ID, _ROLE, _NAME) if name not in said))
        identifier, role, name = (_text(said, name) for name in (_ID, _ROLE, _NAME))
        if not (identifier.isascii() and identifier.isdigit()):
            raise BadInput(Fault.INVALID_PARAMETER, _ID)
        return Professional(identifier, role, name)

    def _treatment(self, said: Mapping[str, str]) -> TreatmentBasis | None:
        if _TREATMENT not in said:
            return self.treatment
        if said[_TREATMENT] == _NO_TREATMENT:
            return None
        try:
            return TreatmentBasis(said[_TREATMENT])
        except ValueError:
            raise BadInput(Fault.INVALID_PARAMETER, _TREATMENT) from None

    def _emergency(self, said: Mapping[str, str]) -> Emergency:
        factor_at = _moment(said, _FACTOR) if _FACTOR in said else self.second_factor_at
        if factor_at is None:
            raise BadInput(Fault.EMERGENCY_INCOMPLETE, _FACTOR)
        emergency = Emergency(said.get(_REASON, ""), _text(said, _WORDS, _WORDS_CHARACTERS) if said.get(_WORDS) else "", factor_at)
        # Told to the application at once: holders would refuse it too, each as a failure of its own.
        lacking = lacking_of(emergency)
        if lacking is not None:
            raise BadInput(Fault.EMERGENCY_INCOMPLETE, _WORDS if lacking is Lacking.WORDS else _REASON)
        return emergency


def moment_in(text: str) -> datetime:
    """A moment with its zone, as ISO 8601 has it.

    Raises:
        ValueError: It is none.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


def _moment(said: Mapping[str, str], name: str) -> datetime:
    try:
        return moment_in(said[name])
    except (ValueError, OverflowError):
        raise BadInput(Fault.INVALID_PARAMETER, name) from None


def _text(said: Mapping[str, str], name: str, most: int = FIELD_CHARACTERS) -> str:
    try:
        text = unquote(said[name], errors="strict")
    except UnicodeDecodeError:
        raise BadInput(Fault.INVALID_PARAMETER, name) from None
    # Which letters bytes beyond ASCII stand for, HTTP does not say: a name that is guessed would be wrong in every journal.
    if not said[name].isascii() or not 0 < len(text) <= most or not text.isprintable():
        raise BadInput(Fault.INVALID_PARAMETER, name)
    return text
