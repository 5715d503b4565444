"""Experience Cloud as a project knows it: its data sources and its audiences; how it is reached stands in `connection` and `local`."""

from activities.connectors.experience_cloud.law import disclosure, hold_to_law
from activities.connectors.experience_cloud.settings import (
    AUDIENCES,
    DATA_SOURCES,
    EXPERIENCE_CLOUD,
    SHARING,
    AudienceSettings,
    DataSourceSettings,
    ExperienceCloudSettings,
    audience,
)

__all__ = [
    "AUDIENCES",
    "DATA_SOURCES",
    "EXPERIENCE_CLOUD",
    "SHARING",
    "AudienceSettings",
    "DataSourceSettings",
    "ExperienceCloudSettings",
    "audience",
    "disclosure",
    "hold_to_law",
]
