"""Duplicates: who comes together by INN, phone and e-mail, who does not, and what a night costs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from math import log2
from random import Random
from typing import Any

import pytest

from loader import sqlfiles, transform
from loader.db import Connection, scalar
from loader.errors import SqlError
from loader.plan import make_plan
from sandbox.generate.account import Size
from sandbox.generate.build import build, new_account
from sandbox.generate.legal_ids import inn10, inn12
from tests.support.cards import Card, Cluster, apart, documents, expected
from tests.support.psql import psql
from tests.support.staged import bring, stage_run

A, B, C = (inn10(Random(name)) for name in "ABC")
PERSON = inn12(Random("person"))
HEAD, BRANCH = "770701001", "781443001"
P, Q, R = "9161111111", "4952222222", "8123333333"


def clusters(connection: Connection, of: str = "company") -> list[Cluster]:
    rows = connection.execute(
        f"SELECT cluster_id, array_agg({of}_id), min(master_id), max(master_id),"
        f" jsonb_object_agg({of}_id, matched_by), min({of}_id)"
        f" FROM amo.{of}_clusters GROUP BY cluster_id ORDER BY cluster_id"
    ).fetchall()
    for cluster_id, ids, master, other_master, _, smallest in rows:
        assert (cluster_id, master) == (smallest, other_master)
        assert len(ids) > 1
    return [
        Cluster(frozenset(ids), master, {int(one): kind for one, kind in matched.items()})
        for _, ids, master, _, matched, _ in rows
    ]


def partition(connection: Connection, of: str = "company") -> list[list[int]]:
    return [sorted(cluster.ids) for cluster in clusters(connection, of)]


CASES: list[tuple[str, list[Card], list[list[int]]]] = [
    ("the same INN", [Card(1, A), Card(2, A), Card(3, B)], [[1, 2]]),
    ("branches", [Card(1, A, HEAD), Card(2, A, BRANCH)], []),
    ("two of one branch", [Card(n, A, k) for n, k in enumerate((HEAD, BRANCH, BRANCH))], [[1, 2]]),
    ("a KPP on one card only", [Card(1, A, HEAD), Card(2, A), Card(3, A, HEAD)], [[1, 2, 3]]),
    (
        "no KPP beside two branches: nobody knows which",
        [Card(1, A, HEAD), Card(2, A), Card(3, A, BRANCH), Card(4, A)],
        [[2, 4]],
    ),
    ("a person has no KPP", [Card(1, PERSON, HEAD), Card(2, PERSON, BRANCH)], [[1, 2]]),
    ("the same phone", [Card(1, phones=(P,)), Card(2, phones=(Q, P)), Card(3)], [[1, 2]]),
    ("a chain", [Card(1, phones=(P,)), Card(2, phones=(P, Q)), Card(3, phones=(Q,))], [[1, 2, 3]]),
    ("other extensions", [Card(1, phones=(Q + " 1",)), Card(2, phones=(Q + " 2",))], []),
    ("a switchboard, though two have the same extension",
     [Card(n, phones=(Q + (" 7" if n < 2 else ""),)) for n in range(7)], []),
    ("several extensions of one number on each card",
     [Card(1, phones=(Q + " 1", Q + " 2", Q + " 3")), Card(2, phones=(Q + " 3", Q + " 4", Q))],
     [[1, 2]]),
    ("one without extension", [Card(1, phones=(Q + " 1",)), Card(2, phones=(Q,))], []),
    ("the same extension", [Card(1, phones=(Q + " 7",)), Card(2, phones=(Q + " 7",))], [[1, 2]]),
    ("a phone twice on a card", [Card(1, phones=(P, P)), Card(2, phones=(Q,))], []),
    ("an address", [Card(1, emails=("Info@a.ru",)), Card(2, emails=("info@A.ru",))], [[1, 2]]),
    ("a domain", [Card(1, emails=("info@a.ru",)), Card(2, emails=("buh@a.ru",))], [[1, 2]]),
    ("free mail", [Card(1, emails=("a@mail.ru",)), Card(2, emails=("b@mail.ru",))], []),
    ("one mailbox there", [Card(1, emails=("a@mail.ru",)), Card(2, emails=("A@mail.ru",))],
     [[1, 2]]),
    ("a mailbox for all there", [Card(n, emails=("buh@mail.ru",)) for n in (1, 2)], []),
    ("a phone between two INN", [Card(1, A, phones=(P,)), Card(2, B, phones=(P,))], []),
    ("a domain between two INN", [Card(1, A, emails=("a@a.ru",)), Card(2, B, emails=("b@a.ru",))],
     []),
    ("a card without INN joins", [Card(1, phones=(P,)), Card(2, A, phones=(P,)), Card(3, A)],
     [[1, 2, 3]]),
    (
        "it shares one phone with two firms",
        [Card(1, A, phones=(P,)), Card(2, B, phones=(P,)), Card(3, phones=(P,))],
        [],
    ),
    (
        "it shares two phones with two firms",
        [Card(1, A, phones=(P,)), Card(2, B, phones=(Q,)), Card(3, phones=(P, Q))],
        [],
    ),
    (
        "two that only together reach two firms stay with each other",
        [Card(1, A, phones=(P,)), Card(2, phones=(P, R)), Card(3, phones=(R, Q)),
         Card(4, B, phones=(Q,))],
        [[2, 3]],
    ),
    (
        "e-mail decides where phones do not",
        [Card(1, A, phones=(P,)), Card(2, B, phones=(Q,), emails=("b@b.ru",)),
         Card(3, phones=(P, Q), emails=("c@b.ru",))],
        [[2, 3]],
    ),
    (
        "phone before e-mail",
        [Card(1, A, phones=(P,)), Card(2, phones=(P,), emails=("b@b.ru",)),
         Card(3, B, emails=("c@b.ru",))],
        [[1, 2]],
    ),
    (
        "a joined card brings its e-mail",
        [Card(1, A, phones=(P,)), Card(2, phones=(P,), emails=("b@b.ru",)),
         Card(3, emails=("c@b.ru",))],
        [[1, 2, 3]],
    ),
    (
        "two firms with several cards and one phone",
        [Card(1, A, phones=(P,)), Card(2, A), Card(3, B, phones=(P,)), Card(4, B),
         Card(5, phones=(P,))],
        [[1, 2], [3, 4]],
    ),
    ("branches with one phone", [Card(1, A, HEAD, phones=(P,)), Card(2, A, BRANCH, phones=(P,))],
     []),
]  # fmt: skip


def test_rules(connection: Connection) -> None:
    """The rules of docs/DUPLICATES.md, each in its corner of one account; the model agrees."""
    cards = [card for n, (_, case, _) in enumerate(CASES) for card in apart(case, n)]

    bring(connection, companies=documents(cards))

    assert named(partition(connection), CASES) == {name: found for name, _, found in CASES}
    assert clusters(connection) == expected(cards)


def named(found: list[list[int]], cases: Sequence[tuple[Any, ...]]) -> dict[str, list[list[int]]]:
    """The clusters of each case with the ids that they have there."""
    by_case: dict[str, list[list[int]]] = {case[0]: [] for case in cases}
    for ids in found:
        by_case[cases[ids[0] // 1000][0]].append([one % 1000 for one in ids])
    return by_case


def test_what_is_not_valid_is_no_evidence(connection: Connection) -> None:
    """An INN with wrong check digits, a number that is none, what is no address."""
    cards = [Card(n, inn="7707083894", phones=("333",), emails=("нет",)) for n in (1, 2)]

    bring(connection, companies=documents(cards), contacts=documents(cards))

    assert partition(connection) == partition(connection, "contact") == []


def test_master_and_reason(connection: Connection) -> None:
    """The master has an INN, else the most; the reason is the strongest that somebody shares."""
    cards = [
        Card(1, phones=(P, Q), emails=("a@a.ru", "b@a.ru")),
        Card(2, A, phones=(P,)),
        Card(3, A, HEAD),
        Card(4, emails=("c@a.ru",)),
        Card(11, phones=(R,)),
        Card(12, phones=(R,), emails=("nobody@mail.ru",)),
        Card(13, phones=(R,), emails=("another@mail.ru",)),
    ]
    bring(connection, companies=documents(cards))

    rows = connection.execute(
        "SELECT company_id, cluster_id, companies, is_master, master_name, matched_by,"
        " matched_value FROM mart.duplicates ORDER BY cluster_id, company_id"
    ).fetchall()

    assert rows == [
        (1, 1, 4, False, "Карточка 2", "phone", "+79161111111"),
        (2, 1, 4, True, "Карточка 2", "inn", A),
        (3, 1, 4, False, "Карточка 2", "inn", A),
        (4, 1, 4, False, "Карточка 2", "email", "a.ru"),
        (11, 11, 3, False, "Карточка 12", "phone", "+78123333333"),
        (12, 11, 3, True, "Карточка 12", "phone", "+78123333333"),
        (13, 11, 3, False, "Карточка 12", "phone", "+78123333333"),
    ]


def test_several_inn_on_a_card(connection: Connection) -> None:
    """The one that others have too counts, else the first; it never glues two firms together."""
    own, other = Card(1, A).document(), Card(3, C).document()
    both = Card(2, B).document()
    both["custom_fields_values"] += [dict(Card(2, inn).document()["custom_fields_values"][0])
                                     for inn in (A, C)]  # fmt: skip

    bring(connection, companies=[own, both, other])

    assert partition(connection) == [[1, 2]]


def test_a_value_of_too_many_is_no_evidence(connection: Connection) -> None:
    """Five companies may share a phone or a domain, six are strangers; UPDATE moves the line."""
    cards = [Card(n, phones=(P,)) for n in range(5)]
    cards += [Card(n, phones=(Q,)) for n in range(10, 16)]
    cards += [Card(n, emails=(f"{n}@a.ru",)) for n in range(20, 25)]
    cards += [Card(n, emails=(f"{n}@b.ru",)) for n in range(30, 36)]
    bring(connection, companies=documents(cards))
    assert [len(ids) for ids in partition(connection)] == [5, 5]

    connection.execute("UPDATE ops.duplicate_rules SET max_sharers = 6")
    transform.transform(connection)
    assert [len(ids) for ids in partition(connection)] == [5, 6, 5, 6]

    connection.execute("UPDATE ops.duplicate_rules SET max_sharers = 1")
    transform.transform(connection)
    assert partition(connection) == []


def test_an_inn_of_too_many_is_a_placeholder(connection: Connection) -> None:
    """It brings nobody together, and still nothing brings it to another one."""
    cards = [Card(1, A, phones=(P,)), Card(2, A, phones=(P,)), Card(3, A), Card(4, B, phones=(P,))]
    connection.execute("UPDATE ops.duplicate_rules SET max_inn_sharers = 2")

    bring(connection, companies=documents(cards))

    assert partition(connection) == []
    assert expected(cards, most_inn=2) == []


def test_rules_that_somebody_deleted(connection: Connection) -> None:
    """The error says which table is empty; with its row back the next transform goes on."""
    connection.execute("DELETE FROM ops.duplicate_rules")
    with pytest.raises(SqlError, match=r"ops\.duplicate_rules is empty") as caught:
        bring(connection, companies=documents([Card(1, A), Card(2, A)]))

    connection.execute(caught.value.detail.partition(";")[0])
    transform.transform(connection)

    assert partition(connection) == [[1, 2]]


def test_a_domain_becomes_free_mail(connection: Connection) -> None:
    """One INSERT, and the next transform lets its companies go, though nothing else changed."""
    cards = [Card(1, emails=("a@provider.ru",)), Card(2, emails=("b@provider.ru",))]
    bring(connection, companies=documents(cards))
    assert partition(connection) == [[1, 2]]

    connection.execute("INSERT INTO ops.free_mail_domains (domain) VALUES ('provider.ru')")
    transform.transform(connection)

    assert partition(connection) == []


def test_a_new_phone_joins_and_its_end_parts(connection: Connection) -> None:
    """Two clusters become one and two again; what was not touched is not rewritten."""
    cards = [Card(1, phones=(P,)), Card(2, phones=(P,)), Card(5, phones=(Q,)), Card(6, phones=(Q,)),
             Card(8, phones=(R,)), Card(9, phones=(R,))]  # fmt: skip
    bring(connection, companies=documents(cards))
    before = versions(connection)
    apart = [[1, 2], [5, 6], [8, 9]]
    assert partition(connection) == apart

    bring(connection, companies=documents([Card(2, phones=(P, "9169999999")),
                                           Card(6, phones=(Q, "9169999999"))]))  # fmt: skip
    assert partition(connection) == [[1, 2, 5, 6], [8, 9]]
    assert {n: v for n, v in versions(connection).items() if n > 6} == {8: before[8], 9: before[9]}

    bring(connection, companies=documents(cards[:4]))
    assert partition(connection) == apart


def test_deleted_and_restored(connection: Connection) -> None:
    """What is deleted takes no part, links nobody, and counts for nothing; back, it does again."""
    cards = [Card(1, phones=(P,)), Card(2, phones=(P, Q)), Card(3, phones=(Q,))]
    bring(connection, companies=documents(cards))
    assert partition(connection) == [[1, 2, 3]]

    run_id = stage_run(connection, [("companies", documents([cards[0], cards[2]]))])
    connection.execute("INSERT INTO ops.deletions VALUES (%s, 'companies', '2')", (run_id,))
    transform.transform(connection)
    assert partition(connection) == []

    bring(connection, companies=documents(cards))
    assert partition(connection) == [[1, 2, 3]]


def test_what_amocrm_calls_deleted(connection: Connection) -> None:
    """is_deleted in the document itself is as good."""
    gone = Card(2, A).document() | {"is_deleted": True}

    bring(connection, companies=[Card(1, A).document(), gone, Card(3, A).document()])

    assert partition(connection) == [[1, 3]]


DERIVED = {file.stem for file in sqlfiles.find("transforms/4_derive")}


def versions(connection: Connection) -> dict[int, str]:
    """A rewritten row has another one."""
    return {
        int(str(number)): str(version)
        for number, version in connection.execute(
            "SELECT company_id, xmin FROM amo.company_clusters"
        )
    }


def derived(connection: Connection) -> list[tuple[Any, ...]]:
    """Rows written by the last run of the two files of clusters."""
    return connection.execute(
        "SELECT DISTINCT ON (name) inserted, updated, deleted FROM ops.transforms"
        " WHERE name LIKE 'transforms/4_derive/%_clusters' ORDER BY name, run_id DESC"
    ).fetchall()


def test_a_night_without_changes(connection: Connection) -> None:
    """Not even looked for: no company, no contact and no rule was touched."""
    cards = [Card(n, A, phones=(P,)) for n in range(3)]
    bring(connection, companies=documents(cards), contacts=documents([Card(1), Card(2)]))
    before = versions(connection)

    bring(connection, companies=documents(cards), leads=[{"id": 1, "updated_at": 1}])

    assert versions(connection) == before
    assert derived(connection) == [(0, 0, 0), (0, 0, 0)]
    assert scalar(connection, "SELECT count(*) FROM staging.cluster_evidence") == 0


def test_an_edit_that_touches_no_evidence(connection: Connection) -> None:
    """After a new name nobody is looked for, after a new number everybody is."""
    cards = [Card(n, A, phones=(P,)) for n in range(3)]
    bring(connection, companies=documents(cards), contacts=documents(cards))

    bring(connection, companies=[card.document() | {"name": "new"} for card in cards],
          contacts=[card.document() | {"name": "new"} for card in cards])  # fmt: skip
    assert scalar(connection, "SELECT count(*) FROM staging.cluster_due") == 0
    assert scalar(connection, "SELECT count(*) FROM staging.cluster_evidence") == 0

    bring(connection, contacts=documents([Card(1, A, phones=(R,))]))
    assert scalar(connection, "SELECT count(*) FROM staging.cluster_due") == 1
    assert partition(connection, "contact") == [[0, 2]]


def test_a_night_without_changes_reads_nothing(connection: Connection) -> None:
    """What it costs does not depend on how many companies there are."""
    cards = [Card(n, A, phones=(P,), emails=("a@a.ru",)) for n in range(3)]
    bring(connection, companies=documents(cards), contacts=documents(cards))
    connection.execute("TRUNCATE staging.changes")

    def read_by_derive() -> int:
        """Rows of amo.* that the files have read: the view counts from some time before."""
        query = (
            "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint"
            " FROM pg_stat_xact_user_tables WHERE schemaname = 'amo'"
        )
        before = scalar(connection, query)
        for file in sqlfiles.find("transforms/4_derive"):
            connection.execute(file.text)
        return int(str(scalar(connection, query))) - int(str(before))

    with connection.transaction():
        connection.execute("SET LOCAL amo.changes_only = on")
        assert read_by_derive() == 0
        connection.execute("SET LOCAL amo.changes_only = off")
        assert read_by_derive() > 2 * 3 * 4


def test_a_stranger_changes_no_id(connection: Connection) -> None:
    """Companies and a cluster with smaller ids come: the others keep their ids and their rows."""
    bring(connection, companies=documents(Card(n, inn=(A, B)[n % 2]) for n in range(10, 16)))
    before, found = versions(connection), clusters(connection)

    bring(connection, companies=documents([Card(1), Card(2, phones=(P,)), Card(3, phones=(P,))]))

    assert clusters(connection) == [Cluster(frozenset({2, 3}), 2, {2: "phone", 3: "phone"}), *found]
    assert {n: v for n, v in versions(connection).items() if n >= 10} == before


def test_a_night_with_a_change_writes_only_that(connection: Connection) -> None:
    """All is found anew, and what is the same is not written."""
    cards = [Card(n, A if n < 3 else B) for n in range(6)]
    bring(connection, companies=documents(cards))
    before = versions(connection)

    bring(connection, companies=documents([Card(7, phones=(P,)), Card(8, phones=(P,))]))

    assert {n: v for n, v in versions(connection).items() if n < 6} == before
    assert derived(connection)[0] == (2, 0, 0)


def test_rebuild_gives_the_same(connection: Connection) -> None:
    """From nothing, after a crash of the server, and by hand: the same ids, no row written."""
    cards = [Card(n, inn=(A, B)[n % 2], phones=(P, Q)) for n in range(8)]
    bring(connection, companies=documents(cards))
    found, before = clusters(connection), versions(connection)

    for table in ("cluster_basis", "cluster_evidence", "company_clusters", "changes"):
        connection.execute(f"TRUNCATE staging.{table}")
    transform.transform(connection)
    transform.transform(connection, ["company_clusters"])
    for file in sqlfiles.find("transforms/4_derive"):
        connection.execute(file.text)
    assert versions(connection) == before

    connection.execute("TRUNCATE amo.company_clusters")
    transform.transform(connection, ["company_clusters"])
    assert clusters(connection) == found


def test_an_edited_file_is_run_again(connection: Connection) -> None:
    """Though nothing that it reads has changed; --dry-run says so."""
    cards = [Card(n, A) for n in range(3)]
    bring(connection, companies=documents(cards))
    found = clusters(connection)
    connection.execute("UPDATE amo.company_clusters SET master_id = 2")
    transform.transform(connection)
    assert clusters(connection) != found
    connection.execute(
        "UPDATE ops.transforms SET checksum = 'older' WHERE name LIKE '%/company_clusters'"
    )

    todo = make_plan(connection, None)
    transform.transform(connection)

    assert "company_clusters" in {file.stem for file in todo.remade}
    assert {file.stem for file in todo.remade} <= DERIVED
    assert clusters(connection) == found
    assert make_plan(connection, None).remade == ()


@pytest.mark.parametrize("names", [None, ["phones"]])
def test_clusters_follow_what_is_made_again(
    connection: Connection, names: list[str] | None
) -> None:
    """An edited phones.sql reads other numbers, and so does a rebuild after a change of region."""
    cards = [Card(1, phones=(P,)), Card(2, phones=(P,)), Card(3, phones=(Q,))]
    bring(connection, companies=documents(cards))
    connection.execute("UPDATE amo.phones SET e164 = '+7' || %s WHERE entity_id > 1", (Q,))
    transform.transform(connection, ["company_clusters"])
    assert partition(connection) == [[2, 3]]
    if names is None:
        connection.execute(
            "UPDATE ops.transforms SET checksum = 'older' WHERE name LIKE '%/phones'"
        )

    transform.transform(connection, names)

    assert partition(connection) == [[1, 2]]


def test_a_rebuild_of_a_view_leaves_them_alone(connection: Connection) -> None:
    """Only what makes rows is followed; every NAME of a derived table is known."""
    bring(connection, companies=documents([Card(1)]))

    def planned(name: str) -> set[str]:
        return {file.stem for file in make_plan(connection, [name]).of("transforms")}

    assert planned("duplicates") == {"duplicates"}
    assert planned("company_clusters") == DERIVED
    assert planned("emails") == DERIVED | {"emails"}


def test_by_hand_it_mends(connection: Connection, dsn: str) -> None:
    """psql -X -1 -f of the file finds all anew, whatever bin/transform knows."""
    cards = [Card(n, A, phones=(P,)) for n in range(3)]
    bring(connection, companies=documents(cards), contacts=documents(cards))
    found = clusters(connection), clusters(connection, "contact")
    connection.execute("DELETE FROM amo.company_clusters; UPDATE amo.contact_clusters"
                       " SET matched_by = 'email'")  # fmt: skip

    for file in sqlfiles.find("transforms/4_derive"):
        psql(dsn, file)

    assert (clusters(connection), clusters(connection, "contact")) == found


def test_the_order_of_the_files_does_not_matter(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backwards inside each step: the duplicates of tonight are found tonight."""
    forward = sqlfiles.find
    monkeypatch.setattr(
        sqlfiles, "find", lambda *folders: [f for s in folders for f in reversed(forward(s))]
    )
    cards = [Card(1, phones=(P,)), Card(2, A, phones=(P,)), Card(3, A)]

    bring(
        connection,
        companies=documents(cards),
        contacts=documents([Card(4, phones=(P,)), Card(5, phones=(P,))]),
    )

    assert partition(connection) == [[1, 2, 3]]
    assert partition(connection, "contact") == [[4, 5]]


CONTACTS: list[tuple[str, list[Card], list[Card], list[list[int]]]] = [
    ("a mobile number", [Card(1, phones=(P,)), Card(2, phones=(P,))], [], [[1, 2]]),
    ("a number of an office", [Card(1, phones=(Q,)), Card(2, phones=(Q,))], [], []),
    ("a city of Kazakhstan", [Card(n, phones=("7172555555",)) for n in (1, 2)], [], []),
    ("a mobile number of Kazakhstan", [Card(n, phones=("7719999999",)) for n in (1, 2)], [],
     [[1, 2]]),
    ("other extensions", [Card(1, phones=(P + " 5",)), Card(2, phones=(P + " 6",))], [], []),
    ("a mobile number that a company has", [Card(1, phones=(P,)), Card(2, phones=(P,))],
     [Card(1, phones=(P,))], [[1, 2]]),
    ("an address", [Card(1, emails=("I.I@a.ru",)), Card(2, emails=("i.i@a.ru",))], [], [[1, 2]]),
    ("a domain", [Card(1, emails=("a@a.ru",)), Card(2, emails=("b@a.ru",))], [], []),
    ("an address at free mail", [Card(1, emails=("a@mail.ru",)), Card(2, emails=("a@mail.ru",))],
     [Card(1, emails=("a@mail.ru",))], [[1, 2]]),
    ("an address of a company", [Card(1, emails=("i.i@a.ru",)), Card(2, emails=("i.i@a.ru",))],
     [Card(1, emails=("I.I@a.ru",))], []),
    ("a mailbox for all", [Card(1, emails=("Info@a.ru",)), Card(2, emails=("info@a.ru",))], [], []),
    ("a number of too many", [Card(n, phones=(P,)) for n in range(6)], [], []),
]  # fmt: skip


def test_contacts(connection: Connection) -> None:
    """By what is one person's: no number of a city, no mailbox for all, none that a company has."""
    cards: dict[str, list[Card]] = {"contacts": [], "companies": []}
    for number, (_, contacts, companies, _) in enumerate(CONTACTS):
        cards["contacts"] += apart(contacts, number)
        cards["companies"] += apart(companies, number)

    bring(connection, **{stream: documents(some) for stream, some in cards.items()})

    found = named(partition(connection, "contact"), CONTACTS)
    assert found == {case[0]: case[-1] for case in CONTACTS}


def test_contacts_follow_the_companies(connection: Connection) -> None:
    """An address that a company gets is the office's from then on; the richest is the master."""
    cards = [Card(1, emails=("ivan@a.ru",)), Card(2, phones=(P,), emails=("Ivan@a.ru",))]
    bring(connection, contacts=documents(cards))
    rows = connection.execute(
        "SELECT contact_id, contacts, is_master, matched_by, matched_value"
        " FROM mart.contact_duplicates ORDER BY contact_id"
    ).fetchall()
    assert rows == [(1, 2, False, "email", "ivan@a.ru"), (2, 2, True, "email", "ivan@a.ru")]

    bring(connection, companies=documents([Card(9, emails=("ivan@a.ru",))]))

    assert partition(connection, "contact") == []


def invented(seed: int, count: int) -> list[Card]:
    """Cards that share everything with everybody, in pools small enough for all cases to meet."""
    rng = Random(seed)
    inns = [inn10(rng) for _ in range(count // 4)] + [inn12(rng) for _ in range(count // 20)]
    numbers = [f"916{rng.randrange(10**7):07d}" for _ in range(count)]
    domains = [f"d{n}.ru" for n in range(count // 2)] + ["mail.ru", "gmail.com"]

    def some(pool: Sequence[str], share: float) -> str:
        return rng.choice(pool) if rng.random() < share else ""

    cards = []
    for number in rng.sample(range(1, count * 10), count):
        phones = {rng.choice(numbers) + rng.choice(["", "", "", " 7", " 8"])
                  for _ in range(rng.choice([0, 1, 1, 2]))}  # fmt: skip
        mails = {f"{rng.choice('abc')}@{rng.choice(domains)}" for _ in range(rng.choice([0, 0, 1]))}
        inn = some(inns, 0.3)
        kpp = some([HEAD, HEAD, BRANCH], 0.4) if inn else ""
        cards.append(Card(number, inn, kpp, tuple(sorted(phones)), tuple(sorted(mails))))
    return cards


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_the_model(connection: Connection, seed: int) -> None:
    """Members, masters and reasons of a thousand entangled cards are those of the plain model."""
    cards = invented(seed, 1000)

    bring(connection, companies=documents(cards))

    found = clusters(connection)
    assert len(found) > 100
    assert found == expected(cards)
    inns = {card.id: card.inn for card in cards if card.inn}
    assert all(len({inns[one] for one in cluster.ids if one in inns}) <= 1 for cluster in found)


def pairs(groups: Iterable[Iterable[int]]) -> set[tuple[int, int]]:
    return {pair for ids in groups for pair in combinations(sorted(ids), 2)}


def truth_of(who: dict[int, Any]) -> set[tuple[int, int]]:
    """All pairs of ids behind which there is the same one."""
    same: dict[Any, list[int]] = defaultdict(list)
    for one, behind in who.items():
        same[behind].append(one)
    return pairs(same.values())


def values_of(connection: Connection, entity_type: str) -> dict[int, set[str]]:
    """The valid phones, addresses and INN of each entity."""
    found: dict[int, set[str]] = defaultdict(set)
    for one, value in connection.execute(
        "SELECT entity_id, e164 || coalesce(extension, '') FROM amo.phones"
        " WHERE entity_type = %(of)s AND is_valid UNION ALL"
        " SELECT entity_id, lower(email) FROM amo.emails WHERE entity_type = %(of)s AND is_valid"
        " UNION ALL SELECT entity_id, value FROM amo.legal_ids"
        " WHERE entity_type = %(of)s AND is_valid AND kind = 'inn'",
        {"of": entity_type},
    ):
        found[int(str(one))].add(str(value))
    return found


def test_precision_and_recall(connection: Connection) -> None:
    """An account whose firms and people are known, with values typed the way that people type.

    Nobody is called a duplicate who is none; of the duplicates that have a valid value in common,
    nine in ten are found: the others have two INN, or share but a mailbox for all.
    """
    account = new_account(11_111_111, 1, 1_760_000_000, Size.of(3000, notes=0, events=0), False)
    build(account)
    cards = {
        stream: [account.collections[stream].document(row) for row in rows.values()]
        for stream, rows in (
            (stream, account.collections[stream].rows) for stream in ("companies", "contacts")
        )
    }
    # What tells a firm that was entered twice from another one, whatever was left out.
    firms = {id_: (firm.brand, firm.director, firm.address) for id_, firm in account.firms.items()}
    people = {id_: person.number for id_, person in account.people.items()}

    bring(connection, **cards)

    for stream, of, behind in (("companies", "company", firms), ("contacts", "contact", people)):
        truth = truth_of({card["id"]: behind[card["id"]] for card in cards[stream]})
        said = pairs(cluster.ids for cluster in clusters(connection, of))
        values = values_of(connection, stream)
        tellable = {(one, other) for one, other in truth if values[one] & values[other]}
        assert said <= truth
        assert len(said & tellable) >= 0.9 * len(tellable) > 50


def test_a_long_chain_and_a_star(connection: Connection) -> None:
    """A thousand companies hand in hand are one firm, and so are 300 that each share a phone with
    one; two thousand with one phone are strangers.
    """
    order = Random(1).sample(range(1, 1001), 1000)
    numbers = [f"903{n:07d}" for n in range(1001)]
    cards = [Card(one, phones=(numbers[n], numbers[n + 1])) for n, one in enumerate(order)]
    cards += [Card(n, phones=(P,)) for n in range(2001, 4001)]
    rays = [f"904{n:07d}" for n in range(300)]
    cards += [Card(5000, phones=tuple(rays))]
    cards += [Card(5001 + n, phones=(ray,)) for n, ray in enumerate(rays)]

    bring(connection, companies=documents(cards))

    assert partition(connection) == [list(range(1, 1001)), list(range(5000, 5301))]


@pytest.mark.parametrize(
    ("shape", "edges"),
    [
        ("chain", [(n, n + 1) for n in range(20_000)]),
        ("shuffled chain", list(pairwise(Random(2).sample(range(20_000), 20_000)))),
        ("star", [(20_000, n) for n in range(20_000)]),
        ("comb", [(n, n + 1) for n in range(5_000)] + [(n, n + 10_000) for n in range(5_000)]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_components_converge(
    connection: Connection, shape: str, edges: list[tuple[int, int]]
) -> None:
    """log2(n) rounds for any shape; every node ends at the smallest that it can be reached from."""
    with connection.cursor().copy("COPY staging.component_edges FROM STDIN") as copy:
        for one, other in edges:
            copy.write_row((1, one, other))

    rounds = scalar(connection, "SELECT staging.connect_components()")

    assert int(str(rounds)) <= log2(len(edges)), shape
    rows = connection.execute("SELECT node, root FROM staging.component_roots").fetchall()
    roots: dict[int, int] = dict(rows)
    assert all(roots[one] == roots[other] <= min(one, other) for one, other in edges)
    assert {root for root in roots.values() if roots[root] != root} == set()


def test_two_accounts_do_not_mix(connection: Connection) -> None:
    """The same ids and phones in another account are other companies."""
    for account in (1, 2):
        connection.execute(
            "INSERT INTO amo.companies (account_id, id) SELECT %s, n FROM generate_series(1, 3) n",
            (account,),
        )
        connection.execute(
            "INSERT INTO amo.phones (account_id, entity_type, entity_id, position, raw, e164,"
            " is_valid) SELECT %s, 'companies', n, 1, '', '+7916000000' || n / %s, TRUE"
            " FROM generate_series(1, 3) AS n",
            (account, account),
        )

    for file in sqlfiles.find("transforms/4_derive"):
        connection.execute(file.text)

    rows = connection.execute("SELECT account_id, company_id, cluster_id FROM amo.company_clusters")
    assert sorted(rows) == [(2, 2, 2), (2, 3, 2)]


def test_duplicates_are_read_fast(connection: Connection) -> None:
    """100,000 companies: the view hashes, and one cluster is looked up by the index."""
    bring(connection, companies=[])
    connection.execute(
        "INSERT INTO amo.companies (account_id, id) SELECT 1, generate_series(1, 100000);"
        "INSERT INTO amo.company_clusters SELECT 1, n, n - n % 3, n - n % 3, 'inn', ''"
        " FROM generate_series(3, 30002) AS n;"
        "ANALYZE amo.companies; ANALYZE amo.company_clusters"
    )
    query = "EXPLAIN (FORMAT JSON) SELECT * FROM mart.duplicates"

    whole = json.dumps(scalar(connection, query))
    one = json.dumps(scalar(connection, query + " WHERE account_id = 1 AND cluster_id = 300"))

    assert "Nested Loop" not in whole
    assert "company_clusters_cluster_id" in one
    assert "Seq Scan" not in one
