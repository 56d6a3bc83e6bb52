"""How the main tables of amo refer to each other, as Mermaid diagrams that GitHub draws."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tools.schema_catalog import Catalog, Relation


@dataclass(frozen=True, slots=True)
class Reference:
    """`columns` of `table` hold the key of a row of `to`; account_id goes without saying."""

    table: str
    to: str
    columns: tuple[str, ...]


def _references(*rows: str) -> tuple[Reference, ...]:
    """Of lines such as `leads users responsible_user_id`."""
    split = [row.split() for row in rows]
    return tuple(Reference(table, to, tuple(columns)) for table, to, *columns in split)


ENTITIES = _references(
    "users groups group_id",
    "users roles role_id",
    "statuses pipelines pipeline_id",
    "leads statuses pipeline_id status_id",
    "leads loss_reasons loss_reason_id",
    "leads users responsible_user_id",
    "contacts users responsible_user_id",
    "companies users responsible_user_id",
    "customers users responsible_user_id",
    "customers customer_statuses status_id",
    "transactions customers customer_id",
    "lead_status_changes leads lead_id",
    "company_clusters companies company_id",
    "contact_clusters contacts contact_id",
)
# All of leads, contacts, companies and customers have these; leads stand for the four.
DETAILS = _references(
    "custom_field_values leads entity_type entity_id",
    "phones contacts entity_type entity_id",
    "emails contacts entity_type entity_id",
    "legal_ids companies entity_type entity_id",
    "entity_tags leads entity_type entity_id",
    "links leads entity_type entity_id",
    "links contacts to_entity_type to_entity_id",
    "tasks leads entity_type entity_id",
    "notes leads entity_type entity_id",
    "custom_field_values custom_fields entity_type field_id",
    "custom_field_values custom_field_enums entity_type field_id enum_id",
    "custom_field_enums custom_fields entity_type field_id",
    "entity_tags tags entity_type tag_id",
)


def diagram(catalog: Catalog, references: Sequence[Reference]) -> str:
    """One picture. Raises ValueError for a reference to what is not there."""
    names = dict.fromkeys(name for one in references for name in (one.to, one.table))
    lines = ["```mermaid", "erDiagram"]
    for one in references:
        lines.append(f'    {one.to} ||--o{{ {one.table} : "{", ".join(one.columns)}"')
    for name in names:
        relation = catalog.find("amo", name)
        if relation is None:
            raise ValueError(f"there is no table amo.{name}")
        lines += _box(relation, [one for one in references if one.table == name])
    return "\n".join([*lines, "```"])


def _box(relation: Relation, references: Iterable[Reference]) -> Iterator[str]:
    """The columns of the key and those that refer to something."""
    foreign = dict.fromkeys(column for one in references for column in one.columns)
    types = {column.name: column.type for column in relation.columns}
    if unknown := sorted(set(foreign) - set(types)):
        raise ValueError(f"amo.{relation.name} has no column {', '.join(unknown)}")
    yield f"    {relation.name} {{"
    for column in dict.fromkeys((*relation.key, *foreign)):
        if column != "account_id":
            marks = ["PK"] * (column in relation.key) + ["FK"] * (column in foreign)
            yield f"        {types[column]} {column} {','.join(marks)}"
    yield "    }"
