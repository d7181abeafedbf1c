"""The handover: put together from the dossier as it is now, looked at, and sent to whose place it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, fromstring

from starlette.responses import Response

from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault
from gateway.dossier.clinical.trees import parts, read_tree, text
from gateway.dossier.documents.handing_over import write_handover
from gateway.dossier.documents.transferring import Transfer
from gateway.pages.forms import Form
from gateway.pages.telling import Language as PageLanguage
from gateway.pages.telling import joined
from gateway.places.pages_need_form import Filled
from gateway.places.pages_said import case_path, message, said
from gateway.places.pages_speech import need_words
from gateway.places.ports import Case
from gateway.places.site import Site
from gateway.ports import Completeness, HolderLine
from gateway.viewer.dossiers import OpenDossier
from gateway.viewer.entering import day_in
from gateway.viewer.speaking import Speech
from gateway.viewer.visits import Visit, dossier_path, go

#: What a provider takes in (`accord.rules.placing.provider`).
_MOST_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Read:
    """A section of the handover as people read it: paragraphs, and lists of lines."""

    title: str
    blocks: tuple[tuple[str, tuple[str, ...]], ...]


class HandoverPages:
    """The page with the handover, and its one button."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, visit: Visit) -> Response:
        """What would be sent now."""
        return await self._page(visit, await self._case(visit), {})

    async def submit(self, visit: Visit, form: Form) -> Response:
        """Look once more, or send. What came into the dossier after it was looked at is looked at first."""
        case = await self._case(visit)
        dossier = _dossier_of(visit, case)
        if form.get("do") != "send" or dossier is None:
            return await self._page(visit, case, form)
        if form.get("seen") != _state_of(dossier):
            return await self._page(visit, case, form, wrong="changed", status=409)
        bundle = self._written(visit, case, dossier, Filled(form).words("words"))
        if len(bundle) > _MOST_BYTES:
            return await self._page(visit, case, form, wrong="large", status=422)
        await self._site.placing.hand_over(case.request.id, bundle, visit.person.professional)
        return go(case_path(case.request.id))

    async def bundle(self, visit: Visit) -> Response:
        """The document itself, as FHIR."""
        case = await self._case(visit)
        dossier = _dossier_of(visit, case)
        if dossier is None or dossier.planned is None or case.request.winner is None:
            return message(visit, "no-dossier", status=409, back=case_path(case.request.id))
        written = self._written(visit, case, dossier, "")
        return Response(written, media_type="application/fhir+json", headers={"content-disposition": 'attachment; filename="overdracht.json"'})

    async def _case(self, visit: Visit) -> Case:
        return await self._site.placing.looked_at(str(visit.request.path_params["case"]), visit.person.professional)

    async def _page(self, visit: Visit, case: Case, form: Form, *, wrong: str = "", status: int = 200) -> Response:
        root, winner = case_path(case.request.id), case.request.winner
        if winner is None:
            return message(visit, "not-placed", status=409, back=root)
        dossier = _dossier_of(visit, case)
        if dossier is None or dossier.planned is None:
            return message(visit, "no-dossier", status=409, back=root)
        words = Filled(form).words("words")
        written = self._written(visit, case, dossier, words)
        return said(
            visit,
            "handover.html",
            "places.title.handover",
            status=status,
            root=root,
            name=case.request.who.name,
            to=winner.title,
            sections=list(_read(written)),
            words=words,
            seen=_state_of(dossier),
            wrong=wrong,
            waiting=len(dossier.hearing.waiting),
            sent=case.handed_over,
            dossier=dossier_path(next(token for token in visit.desk.dossiers.tokens_of(visit.session.owner) if _is(visit, token, dossier))),
        )

    def _written(self, visit: Visit, case: Case, dossier: OpenDossier, words: str) -> bytes:
        """The document, in the language in which it is read: it is looked at as it is sent."""
        request, winner = case.request, case.request.winner
        if winner is None:
            raise BadInput(Fault.NOT_POSSIBLE_NOW)
        catalogue = joined(visit.desk.packages, PageLanguage.DUTCH)
        offer = None if winner.offer is None else winner.offer.terms
        receiver = next((one.ura for one in self._site.holders() if one.name == winner.provider), None)
        transfer = Transfer(
            self._site.organisation,
            visit.person.professional,
            self._site.telephone,
            winner.title,
            receiver,
            need_words(request.need, Speech(catalogue, visit.now)),
            request.need.since if offer is None or offer.since is None else offer.since,
            dossier.question.bsn,
            dossier.question.birth_date or day_in(request.who.birth_date),
            words,
            request.gist.reason,
        )
        base = f"{visit.desk.settings.address.url}/fhir"
        return write_handover(dossier.view, account_of(dossier), transfer, base=base, at=visit.now)


def account_of(dossier: OpenDossier) -> Completeness:
    """Who was heard so far; of whoever still answers, that it was not ready.

    Raises:
        BadInput: `not-possible-now`: nothing is known of anybody yet.
    """
    hearing = dossier.hearing
    if hearing.completeness is not None:
        return hearing.completeness
    if hearing.planned is None:
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    waiting = (HolderLine(card, Ending.TOO_LATE, None, 0, 0, 0, 0, 0, copy=False, data_as_of_ms=0) for card in hearing.waiting)
    return Completeness(hearing.planned.query_id, (*hearing.lines, *waiting), ())


def _dossier_of(visit: Visit, case: Case) -> OpenDossier | None:
    """The dossier of the same person that this professional has open."""
    bsn = case.request.who.bsn
    found = (visit.desk.dossiers.of(visit.session, token) for token in visit.desk.dossiers.tokens_of(visit.session.owner))
    return next((one for one in found if one is not None and one.question.bsn.value == bsn), None)


def _is(visit: Visit, token: str, dossier: OpenDossier) -> bool:
    return visit.desk.dossiers.of(visit.session, token, keeps=False) is dossier


def _state_of(dossier: OpenDossier) -> str:
    """Changes with everything that arrives: what was looked at is what is sent."""
    return f"{dossier.view.version}-{len(dossier.hearing.lines)}"


def _read(bundle: bytes) -> Iterator[Read]:
    """The document in words, from its own narrative: what stands on all of it, then its sections, as the receiver's page shows them."""
    composition = next(iter(parts(read_tree(bundle), "entry")))["resource"]
    for section in (composition, *parts(composition, "section")):
        div = fromstring(text(section, "text", "div"))  # noqa: S314 - our own, written a moment ago
        yield Read(text(section, "title"), tuple(_block(one) for one in div))


def _block(element: Element) -> tuple[str, tuple[str, ...]]:
    if element.tag.endswith("ul"):
        return "list", tuple(_lines(item) for item in element)
    return "text", ("".join(element.itertext()),)


def _lines(item: Element) -> str:
    """The text of an item; what stands on a line of its own does so."""
    return (item.text or "") + "".join(("\n" if one.tag.endswith("br") else "".join(one.itertext())) + (one.tail or "") for one in item)
