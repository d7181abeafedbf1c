"""What is the matter with the clinician's viewer: its settings, its secrets, and the health records that launch it."""

from pathlib import Path

import anyio

from accord.ops.doctor.findings import Finding, ok, problem, warning
from accord.ops.doctor.machine import check_keys
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.next_steps import WHOLE
from gateway.connect.ehr_clients import ehr_client
from gateway.connect.settings import ConnectSettings
from gateway.connect.viewer_serving import viewer_settings
from gateway.viewer.ehr import Ehr
from gateway.viewer.ehr_calls import EhrCalls
from gateway.viewer.ehr_login import discover


def check_viewer(settings: ConnectSettings, folder: Path) -> list[Finding]:
    """Everything of the viewer; nothing where it is off. Of each health record the SMART configuration is read, as a launch would."""
    given = settings.viewer
    if not given.listen:
        return []
    found = check_keys(("viewer.smart", folder / path) for one in given.smart for path in (one.client_secret_file, one.client_key) if path)
    try:
        if not settings.gateway.grpc:
            raise BadInput(Fault.INVALID_SETTING, "gateway.grpc: the viewer asks there", then=WHOLE)
        made = viewer_settings(given, settings.professionals, folder)
    except BadInput as failure:
        return [*found, problem("viewer", str(failure), failure.explanation.next_step)]
    if given.demo:
        found.append(warning("viewer", "it is a demonstration: whoever reaches it works as the professional of the settings", "set viewer.demo = false"))
    if not made.ehrs and not given.demo:
        found.append(problem("viewer", "no health record launches it", "register it at one, and put that into [[viewer.smart]]: docs/viewer.md"))
    for ehr in made.ehrs:
        found.append(_look_at(ehr, settings, folder))
        if not ehr.two_factors:
            found.append(warning(ehr.issuer, "no login there counts as one by two factors: no glass is broken from it", "set two_factors: docs/viewer.md"))
    return found


def _look_at(ehr: Ehr, settings: ConnectSettings, folder: Path) -> Finding:
    async def look() -> None:
        async with ehr_client(settings.viewer, folder) as client:
            await discover(ehr, EhrCalls(client))

    try:
        anyio.run(look)
    except Faulted as failure:
        return problem(ehr.issuer, str(failure), failure.explanation.next_step)
    return ok(ehr.issuer, "its SMART configuration is as a launch needs it")
