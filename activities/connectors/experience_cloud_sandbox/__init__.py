"""The local Experience Cloud: a stand-in for a service that nobody can reach from a laptop.

Adobe Audience Manager takes files from an object store, judges them some hours later, answers by e-mail, and
once a day writes files of its own. This stand-in is written from Adobe's published file contract (sections “§A1”
and so on of `experience-cloud.md`), and shares no code with our client: each checks the other.

It comes in two manners over one folder. `ExperienceCloudSandbox` teaches: in this process, at once, and stricter than
Adobe, who leaves a wrong line out and applies the rest; here one wrong line, or one trait that is unknown or of
another data source, refuses the whole file, and the receipt says where. `TimedSandbox` rehearses: it does what Adobe
does, as late as Adobe may, on a clock that can be set ahead, with faults that can be asked for.

It leaves out what needs Adobe's inside: id syncs (every identifier of the right shape is known), privacy requests,
export controls and encrypted files.
"""

from .catalogue import Audience, DataSource
from .destinations import Destination
from .receipt import Receipt
from .sandbox import ExperienceCloudSandbox
from .timed import Arrival, TimedSandbox

__all__ = ["Arrival", "Audience", "DataSource", "Destination", "ExperienceCloudSandbox", "Receipt", "TimedSandbox"]
