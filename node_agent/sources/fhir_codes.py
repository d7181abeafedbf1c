"""Whether a search for several codes at once brings what each code alone brings: on such lists the searches of the national agreements rest."""

from collections import Counter
from collections.abc import Iterable, Iterator

from accord.terms.records import ResourceType
from node_agent.sources.bgz_searches import SEARCHES, Parameters
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import SourceRefused
from node_agent.sources.fhir_pages import ref_in, search
from node_agent.sources.fhir_walk import Walk


class CodesOneByOne:
    """Asks one server, about one patient after the other. Of what comes, ids are counted and nothing is kept."""

    def __init__(self, client: FhirClient, endpoint: FhirEndpoint, until: float) -> None:
        self._client = client
        self._endpoint = endpoint
        self._until = until

    async def missed(self, wanted: Iterable[tuple[ResourceType, str]], logical_id: str) -> Counter[str]:
        """How many records a code alone brings that the list with it in does not, by type; a type of which nothing is missed has a nought.

        Raises:
            SourceFailure: It could not be found out.
        """
        found: Counter[str] = Counter()
        for kind, parameter in wanted:
            about = (parameter, logical_id if parameter == "patient" else f"Patient/{logical_id}")
            for asked in SEARCHES.get(kind.name, ()):
                singles = list(_singles(asked.parameters))
                if len(singles) < 2:
                    continue
                together = await self._ids(kind.name, [about, *asked.parameters])
                alone = frozenset[str]().union(*[await self._ids(kind.name, [about, one]) for one in singles])
                found[self._endpoint.generation.told(kind.name)] += len(alone - together)
        return found

    async def _ids(self, kind: str, parameters: Iterable[tuple[str, str]]) -> frozenset[str]:
        first = search(self._endpoint, kind, [*parameters, ("_count", str(self._endpoint.page_size))])
        try:
            return frozenset(ref_in(body)[1] for body in await Walk(self._endpoint, first).all(self._client, self._until))
        except SourceRefused:
            # A code that it does not know brings nothing.
            return frozenset()


def _singles(parameters: Parameters) -> Iterator[tuple[str, str]]:
    for name, values in parameters:
        for value in values.split(","):
            yield name, value
