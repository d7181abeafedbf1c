"""What a process counts and times, in base units, for Prometheus.

Nothing here is about a person: labels are the organisation that a process serves, a holder of the register, and codes of
fixed lists. Whatever is no holder that is known is `other`, so that nobody outside can make labels.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from accord.audit.content import Event
from accord.audit.events import BudgetAlarm, Closing, Decision, GlassBroken, RefusedQuestion, Release

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
OTHER: Final = "other"
_ANSWERS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SYNCS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Level:
    """A value of this moment: the name of its measure, its labels beside the organisation, and how much it is."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


#: What a moment's values are, and which labels they have beside the organisation.
LEVELS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "noaber_ready": ("Whether this organisation's questions can be answered: 1 or 0.", ()),
    "noaber_not_ready": ("Why not, by fixed code; also what soon will be.", ("reason",)),
    "noaber_paused": ("Whether somebody paused it: 1 or 0.", ()),
    "noaber_shadow": ("Whether it is in shadow, and releases nothing: 1 or 0.", ()),
    "noaber_source_up": ("Whether the source could be used when it was last looked after: 1 or 0.", ()),
    "noaber_journal_open": ("Whether lines of the access journal can become durable: 1 or 0.", ()),
    "noaber_journal_lines": ("Lines of the access journal.", ()),
    "noaber_register_version": ("The version of the region's register that is known here.", ()),
    "noaber_register_expiry_timestamp_seconds": ("When that register expires: then nothing is shown.", ()),
    "noaber_certificate_expiry_timestamp_seconds": ("When the certificate expires by which it is known in the region.", ()),
    "noaber_place_free": ("Places that the region is told are free.", ()),
    "noaber_place_stale_openings": ("Openings whose count is too old: the region is told that nobody knows.", ()),
    "noaber_place_requests_waiting": ("Requests for a place that nobody answered yet.", ()),
    "noaber_consent_leases": ("Answers of consent registers that are kept for their lease.", ()),
    "noaber_consent_lease_seconds": ("The longest that such an answer is used; 0 where no register leads.", ()),
    "noaber_place_searches": ("Searches for a free place that are not over, by how they stand.", ("standing",)),
    "noaber_place_alarms": ("Of them, how many a person has to look at.", ()),
    "noaber_place_letters_waiting": ("Letters about places that no provider is known to have taken in.", ()),
    "noaber_node_up": ("Whether a holder of the register answers: 1, 0, or absent when that is not known yet.", ("node",)),
    "noaber_node_last_success_timestamp_seconds": ("When a holder was last heard.", ("node",)),
}


class Measures:
    """All measures of one process; *part* is `agent`, `gateway` or `connect`."""

    def __init__(self, part: str) -> None:
        self.registry: Final = CollectorRegistry()
        self._levels: dict[str, Callable[[], Iterable[Level]]] = {}

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, ("holder", *labels), registry=self.registry)

        def times(name: str, text: str, *labels: str, buckets: Sequence[float] = _ANSWERS) -> Histogram:
            return Histogram(name, text, ("holder", *labels), registry=self.registry, buckets=buckets)

        build = Gauge("noaber_build_info", "What is running.", ("part", "version", "python"), registry=self.registry)
        build.labels(part, _version(), python_version()).set(1)
        self.results = counter("noaber_source_results", "Answers of holders, by how they ended.", "node", "outcome", "code")
        self.decisions = counter("noaber_consent_decisions", "Categories of data that were decided on.", "decision", "reason")
        self.records = counter("noaber_released_records", "Records in batches that had their journal line.")
        self.bytes = counter("noaber_released_bytes", "Bytes in batches that had their journal line.")
        self.refusals = counter("noaber_refusals", "Questions that were refused, by fixed code.", "code")
        self.alarms = counter("noaber_budget_alarms", "Times that somebody asked about more patients than agreed.", "level")
        self.glass = counter("noaber_break_glass", "Emergencies for which glass was broken.")
        self.syncs = times("noaber_journal_sync_seconds", "How long a write to the access journal took with its sync.", buckets=_SYNCS)
        self.source_requests = counter("noaber_source_requests", "What the agent asked of its source.", "operation", "outcome")
        self.source_seconds = times("noaber_source_seconds", "How long the source took, without what its reader took.", "operation")
        self.fanout = times("noaber_fanout_duration_seconds", "From a question to the last word of the last holder.")
        self.partial = counter("noaber_partial_responses", "Dossiers in which a holder was not heard out.")
        self.handled = counter("grpc_server_handled", "Calls that ended.", "grpc_service", "grpc_method", "grpc_code")
        self.handling = times("grpc_server_handling_seconds", "How long calls took.", "grpc_service", "grpc_method")
        self.requests = counter("noaber_http_requests", "Requests over HTTP that were answered.", "status")
        self.request_seconds = times("noaber_http_request_seconds", "How long they took.")
        self.registry.register(_Levels(self._levels))
        ProcessCollector(registry=self.registry)

    def follow(self, holder: str, levels: Callable[[], Iterable[Level]]) -> Callable[[], None]:
        """Tell these values at every look from now on; what is given back ends that."""
        self._levels[holder] = levels
        return lambda: self._levels.pop(holder, None) and None

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)


class _Levels(Collector):
    """The values of the moment at which they are looked at."""

    def __init__(self, sources: dict[str, Callable[[], Iterable[Level]]]) -> None:
        self._sources = sources

    def describe(self) -> list[GaugeMetricFamily]:
        """Their names, without a look at anything."""
        return [GaugeMetricFamily(name, text, labels=("holder", *labels)) for name, (text, labels) in LEVELS.items()]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Look."""
        families = {family.name: family for family in self.describe()}
        for holder, levels in list(self._sources.items()):
            for level in levels():
                families[level.name].add_metric((holder, *level.labels), level.value)
        return families.values()


@dataclass(frozen=True, slots=True)
class JournalMeter:
    """Counts by the lines of one organisation's journal: what has no line did not happen.

    *named* gives the name of a holder by its URA; empty where it is not of the register.
    """

    measures: Measures
    holder: str
    named: Callable[[str], str] = field(default=lambda _: "")

    def durable(self, events: Sequence[Event]) -> None:
        """Count these."""
        for event in events:
            self._count(event)

    def synced(self, seconds: float) -> None:
        """Time it."""
        self.measures.syncs.labels(self.holder).observe(seconds)

    def _count(self, event: Event) -> None:
        measures, holder = self.measures, self.holder
        match event:
            case Closing():
                code = event.fault.value if event.fault is not None else ""
                measures.results.labels(holder, self.named(event.holder) or OTHER, event.ending.value, code).inc()
            case Decision():
                if event.released:
                    measures.decisions.labels(holder, "release", event.basis).inc(len(event.released))
                for withheld in event.withheld:
                    measures.decisions.labels(holder, "withhold", withheld.refusal).inc()
            case Release():
                measures.records.labels(holder).inc(event.count)
                measures.bytes.labels(holder).inc(event.bytes)
            case RefusedQuestion():
                measures.refusals.labels(holder, event.fault.value).inc(event.count)
            case BudgetAlarm():
                measures.alarms.labels(holder, event.of).inc()
            case GlassBroken():
                measures.glass.labels(holder).inc()
            case _:
                pass


def names_of(registry: CollectorRegistry) -> Collection[str]:
    """Every name under which a measure can be asked for, as Prometheus has it after a look."""
    found = set()
    for family in registry.collect():
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        found |= {f"{family.name}{end}" for end in ends}
    return found


def _version() -> str:
    try:
        return version("noaber")
    except PackageNotFoundError:
        return "unknown"
