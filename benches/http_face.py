"""What does the HTTP face cost per record, beside the gRPC face?

`$everything` of eight holders, three ways: every byte as the holder has it (`noaber-bytes=exact`), ids and references
made unique (`noaber-fold=none`), and the identical folded too, which is the default; each plain and with gzip.
Reference in the same run: the same dossier at the gRPC face. Processor time of the gateway only.
"""

import argparse

import anyio

from benches.asking import channel_to, everything, open_dossier, patient_id
from benches.staging import HOLDERS, Finding, Group, Stage, Started, expect, grpc_of, http_of, middle, tell

_WAYS = {"exact bytes": "noaber-bytes=exact", "spliced": "noaber-fold=none", "spliced and folded": ""}
_GRPC = "gRPC"
_GZIP = ", gzip"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=4_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.records, given.runs = 800, 1
    each = given.records // HOLDERS
    everybody = HOLDERS * (each + 1)
    with Stage() as stage:
        stage.holders(Group(0, HOLDERS, each))
        gateway = stage.gateway()
        logical_id = patient_id(http_of(gateway))
        # In turn, so that a machine whose speed drifts drifts for all.
        cost: dict[str, list[float]] = {}
        shown: dict[str, int] = {}
        for run in range(given.runs + 1):
            spent = {_GRPC: _grpc(gateway, everybody)}
            for name, prefer in _WAYS.items():
                for packing in ("", _GZIP):
                    spent[name + packing], shown[name + packing] = _http(gateway, logical_id, prefer, packing=bool(packing))
            for name, seconds in spent.items() if run else ():
                cost.setdefault(name, []).append(seconds / everybody * 1e6)
    for name, matches in shown.items():
        folds = "folded" in name
        expect(matches == everybody if not folds else 0.8 * everybody <= matches <= everybody, f"{matches:,} of {everybody:,} records came ({name})")
    costs = {name: middle(values) for name, values in cost.items()}
    tell(
        "What does the HTTP face cost per record, beside the gRPC face?",
        [Finding(f"CPU of the gateway for `$everything`: {name}", _figure(costs, name)) for name in costs if name != _GRPC],
        {
            "records": given.records,
            "holders": HOLDERS,
            "runs": given.runs,
            "us": {name: round(value, 1) for name, value in costs.items()},
            "ratio": round(costs["spliced and folded"] / costs[_GRPC], 2),
            "ratios": {name: round(value / costs[_GRPC], 2) for name, value in costs.items()},
            "folded_records": shown["spliced"] - shown["spliced and folded"],
            "spread_us": {name: [round(min(values), 1), round(max(values), 1)] for name, values in cost.items()},
        },
    )


def _figure(costs: dict[str, float], name: str) -> str:
    """Gzip as what it adds, everything else against the gRPC face."""
    plain = name.removesuffix(_GZIP)
    if plain != name:
        return f"{costs[name] - costs[plain]:+.1f} µs a record"
    return f"{costs[name]:.1f} µs a record, {costs[name] / costs[_GRPC]:.2f} × the gRPC face"


def _grpc(gateway: Started, records: int) -> float:
    async def ask() -> float:
        async with channel_to(grpc_of(gateway)) as channel:
            before = gateway.cpu_seconds
            heard = await open_dossier(channel)
            spent = gateway.cpu_seconds - before
        heard.expect_all(records)
        return spent

    return anyio.run(ask)


def _http(gateway: Started, logical_id: str, prefer: str, *, packing: bool) -> tuple[float, int]:
    before = gateway.cpu_seconds
    shown = everything(http_of(gateway), logical_id, prefer=prefer, gzip=packing)
    spent = gateway.cpu_seconds - before
    expect(shown.is_complete, "the Bundle is not complete")
    return spent, shown.matches


if __name__ == "__main__":
    main()
