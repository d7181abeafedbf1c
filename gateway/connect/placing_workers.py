"""Who is at work when a program looks for a place: by its token and its metadata, as for dossiers."""

from typing import Any

from grpc.aio import ServicerContext

from accord.terms.parties import Professional
from gateway.connect.applications import Applications
from gateway.connect.grpc_relay import said_in
from gateway.connect.professionals import Professionals


class PlacingWorkers:
    """`gateway.api.grpc_placing.Workers` by what stands in the settings of this data user."""

    def __init__(self, applications: Applications, professionals: Professionals) -> None:
        self._applications = applications
        self._professionals = professionals

    def at_work(self, context: ServicerContext[Any, Any]) -> Professional:
        """See `Workers`."""
        said = said_in(context)
        return self._professionals.at_work(said, self._applications.named_by(said.get("authorization", ""))).professional
