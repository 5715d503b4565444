"""Audience Manager's files, one codec a module: what is sent, what comes back, and what goes with them."""

from activities.connectors.audience_manager.destination import InboundFiles
from activities.connectors.audience_manager.identifiers import shape, wrong_identifiers
from activities.connectors.audience_manager.inbound import (
    inbound_key,
    inbound_name,
    write_inbound,
)
from activities.connectors.audience_manager.outbound import (
    OutboundName,
    read_outbound,
    read_outbound_changes,
    read_outbound_name,
)
from activities.connectors.audience_manager.writing import WrittenFile

__all__ = [
    "InboundFiles",
    "OutboundName",
    "WrittenFile",
    "inbound_key",
    "inbound_name",
    "read_outbound",
    "read_outbound_changes",
    "read_outbound_name",
    "shape",
    "write_inbound",
    "wrong_identifiers",
]
