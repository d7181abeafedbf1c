"""The kinds of documents, by the name of their operation."""

from typing import Final

from gateway.dossier.documents.planning_ahead import PLANNING
from gateway.dossier.documents.summary import SUMMARY

PLANS: Final = {plan.name: plan for plan in (SUMMARY, PLANNING)}
