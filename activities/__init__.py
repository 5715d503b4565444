"""The activities, and all else that comes built in: one row a component."""

from engine.kit.component import Component

COMPONENTS = (
    Component("activity", "query", "activities.targeting.query:Query"),
    Component("activity", "incremental_query", "activities.targeting.incremental_query:IncrementalQuery"),
    Component("activity", "union", "activities.targeting.union:Union"),
    Component("activity", "intersection", "activities.targeting.intersection:Intersection"),
    Component("activity", "exclusion", "activities.targeting.exclusion:Exclusion"),
    Component("activity", "split", "activities.targeting.split:Split"),
    Component("activity", "deduplication", "activities.targeting.deduplication:Deduplication"),
    Component("activity", "enrichment", "activities.targeting.enrichment:Enrichment"),
    Component("activity", "change_dimension", "activities.targeting.change_dimension:ChangeDimension"),
    Component("activity", "edit_schema", "activities.targeting.edit_schema:EditSchema"),
    Component("activity", "reconciliation", "activities.targeting.reconciliation:Reconciliation"),
    Component("activity", "read_list", "activities.lists.read_list:ReadList"),
    Component("activity", "list_import", "activities.lists.list_import:ListImport"),
    Component("activity", "list_update", "activities.lists.list_update:ListUpdate"),
    Component("activity", "update_shared_audience", "activities.audiences.update_shared_audience:UpdateSharedAudience"),
    Component("connector", "experience_cloud", "activities.connectors.experience_cloud.connection:connect"),
    Component("connector", "encryption", "activities.connectors.encryption:connect"),
    Component("section", "lists", "activities.connectors.lists:LISTS"),
    Component("section", "data_sources", "activities.connectors.experience_cloud:DATA_SOURCES"),
    Component("section", "audiences", "activities.connectors.experience_cloud:AUDIENCES"),
    Component("section", "experience_cloud", "activities.connectors.experience_cloud:EXPERIENCE_CLOUD"),
    Component("fixture", "audiences", "activities.audiences.fixture:AUDIENCES"),
    Component(
        "pytest_fixture",
        "experience_cloud",
        "activities.audiences.fixture:LocalExperienceCloud",
        "The local Experience Cloud: `hold` people in an audience before a workflow runs, then see `members` and `files`.",
    ),
    Component("examination", "Experience Cloud", "activities.audiences.examination:EXPERIENCE_CLOUD"),
    Component(
        "command",
        "doctor data-source",
        "activities.audiences.commands:data_source",
        "What would travel for an identifier, step by step.",
    ),
    Component(
        "command",
        "inspect",
        "activities.audiences.commands:inspect",
        "What files for Audience Manager, or from it, say, and what is wrong with them.",
    ),
    Component(
        "command",
        "audiences",
        "activities.audiences.commands:app",
        "The shared audiences the project declares, and their members.",
    ),
)
