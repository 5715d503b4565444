"""Experience Cloud as a project knows it: its data sources, its audiences, and the way to it."""

from activities.connectors.experience_cloud.connection import STORES, ExperienceCloud, connect, store_settings
from activities.connectors.experience_cloud.local import local
from activities.connectors.experience_cloud.settings import (
    AUDIENCES,
    DATA_SOURCES,
    EXPERIENCE_CLOUD,
    AudienceSettings,
    DataSourceSettings,
    ExperienceCloudSettings,
    audience,
)

__all__ = [
    "AUDIENCES",
    "DATA_SOURCES",
    "EXPERIENCE_CLOUD",
    "STORES",
    "AudienceSettings",
    "DataSourceSettings",
    "ExperienceCloud",
    "ExperienceCloudSettings",
    "audience",
    "connect",
    "local",
    "store_settings",
]
