"""The faces by which programs of this organisation look for a place: they ask as the pages do, and keep their searches in the same folder."""

from grpc import GenericRpcHandler

from gateway.api.grpc_placing import PlacingFace
from gateway.connect.placing_workers import PlacingWorkers
from gateway.connect.proxy import Parts
from gateway.connect.settings import PlacesSettings
from gateway.places.bureau import Bureau
from gateway.places.seeking import Seeking


def seeking_of(settings: PlacesSettings, bureau: Bureau) -> Seeking:
    """Asking and placing as every face does it, with the patience of the settings."""
    return Seeking(bureau.region, bureau.searches, bureau.own.clock, bureau.neighbourhoods, settings.patience_ms / 1000)


def placing_face(settings: PlacesSettings, bureau: Bureau, parts: Parts) -> GenericRpcHandler:
    """The gRPC face, for whoever has a token of the applications."""
    return PlacingFace(seeking_of(settings, bureau), PlacingWorkers(parts.applications, parts.professionals)).handler()
