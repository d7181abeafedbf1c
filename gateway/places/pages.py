"""The pages about places, and where each stands. An address has the token of a dossier or the random id of a search: nothing of the person."""

from typing import Final

from gateway.places.pages_case import CasePages
from gateway.places.pages_handover import HandoverPages
from gateway.places.pages_need import NeedPages
from gateway.places.pages_overview import OverviewPages
from gateway.places.pages_results import ResultPages
from gateway.places.pages_said import careful, careful_form
from gateway.places.pages_sheet import SheetPages
from gateway.places.pages_work import WorkPages
from gateway.places.site import Site
from gateway.viewer.paging import Page, Submit, View

_ROOT: Final = "/plekken"
_CASE: Final = f"{_ROOT}/{{case}}"


def places_pages(site: Site) -> tuple[Page, ...]:
    """All of them, for a logged-in professional; what is more is in the hands of `gateway.viewer.app`."""
    need, results, case, work = NeedPages(site), ResultPages(site), CasePages(site), WorkPages(site)
    sheet, handover, overview = SheetPages(site), HandoverPages(site), OverviewPages(site)
    return (
        _page("/d/{token}/plek", need.propose, need.confirm),
        _page(_ROOT, work.show),
        _page(f"{_ROOT}/stroom", work.stream, in_background=True),
        _page(f"{_ROOT}/overzicht", overview.show, overview.again),
        _page(f"{_ROOT}/overzicht/stroom", overview.stream, in_background=True),
        _page(f"{_ROOT}/overzicht/capaciteit", overview.capacity),
        _page(f"{_ROOT}/overzicht/druk", overview.pressure),
        _page(_CASE, case.show, case.submit),
        _page(f"{_CASE}/wijzig", need.change, need.changed),
        _page(f"{_CASE}/zoek", results.show, results.submit),
        _page(f"{_CASE}/stroom", results.stream, in_background=True),
        _page(f"{_CASE}/overdracht", handover.show, handover.submit),
        _page(f"{_CASE}/overdracht/bundel", handover.bundle),
        _page(f"{_CASE}/blad", sheet.show, sheet.submit),
    )


def _page(path: str, view: View, submit: Submit | None = None, *, in_background: bool = False) -> Page:
    return Page(path, careful(view), None if submit is None else careful_form(submit), inside=True, in_background=in_background)
