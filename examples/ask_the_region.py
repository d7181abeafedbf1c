"""Ask a region about one patient and see the answer arrive: echo 999984056 | python examples/ask_the_region.py 127.0.0.1:8481 -."""

import sys

import grpc

from accord.wire.v1 import dossier_service_pb2 as pb
from accord.wire.v1.dossier_service_pb2_grpc import DossierServiceStub
from accord.wire.v1.terms_pb2 import PURPOSE_OF_USE_TREAT, Ending

address, bsn = sys.argv[1:3]
bsn = sys.stdin.readline().strip() if bsn == "-" else bsn  # nobody else can see standard input
question = pb.OpenRequest(bsn=bsn, treats_the_patient=True, purpose=PURPOSE_OF_USE_TREAT)
with grpc.insecure_channel(address) as channel:
    for event in DossierServiceStub(channel).Open(question, timeout=10):
        if event.HasField("planned"):
            print(f"asked {len(event.planned.asked)} holders")
        elif event.HasField("batch"):
            print(f"{event.batch.holder}: {len(event.batch.batch.blob):,} bytes of FHIR JSON")
        elif event.HasField("closed"):
            print(f"{event.closed.holder}: {Ending.Name(event.closed.ending)} after {event.closed.elapsed_ms} ms")
        elif event.HasField("completeness"):
            print("complete" if event.completeness.complete else "not complete", "-", event.completeness.note)
