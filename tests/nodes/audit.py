"""Compares what clients were told about their writes with what is in the tables.

    audit.py --self-test            checks that it finds what is wrong
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ACCOUNTS = 20
OPENING = 1000

TABLES = f"""
DROP TABLE IF EXISTS ledger, settled, account;
-- Without a key: what is written twice is there twice.
CREATE TABLE ledger (writer INT UNSIGNED NOT NULL, number BIGINT UNSIGNED NOT NULL, source INT, target INT,
                     INDEX (writer, number)) ENGINE=InnoDB;
CREATE TABLE settled (writer INT UNSIGNED NOT NULL, number BIGINT UNSIGNED NOT NULL, PRIMARY KEY (writer, number))
  ENGINE=InnoDB;
CREATE TABLE account (id INT PRIMARY KEY, balance BIGINT NOT NULL) ENGINE=InnoDB;
INSERT INTO account SELECT seq, {OPENING} FROM seq_1_to_{ACCOUNTS};
"""


@dataclass
class Books:
    """What came out."""

    acknowledged: int = 0
    unknown: int = 0
    unknown_done: int = 0  # Of these.
    refused: int = 0  # Said not to have been done.
    unanswered: int = 0  # Rows of clients that were killed before they had an answer.
    problems: list[str] = field(default_factory=list)

    def complain(self, text: str) -> None:
        self.problems.append(text)

    def judge(self, name: str, verdict: str, found: int, done: str) -> None:
        """@param verdict what a client was told, found how often it is there, done what was to be done with it."""
        if verdict == "+":
            self.acknowledged += 1
            if not found:
                self.complain(f"lost: {name} was acknowledged and is not there")
        elif verdict == "?":
            self.unknown += 1
            self.unknown_done += found > 0
        else:
            self.refused += 1
            if found:
                self.complain(f"untrue: {name} was said not to be {done}, and is there")

    def __str__(self) -> str:
        return (f"{self.acknowledged} acknowledged, {self.unknown} unknown ({self.unknown_done} of them were done), "
                f"{self.refused} not done, {self.unanswered} done without an answer, as their client was killed")


def read_told(file: Path) -> dict[int, str]:
    """By number: +, ? or -."""
    told: dict[int, str] = {}
    # A line is written at once: only the last one of a killed client could be missing, none could be torn.
    for line in file.read_text().splitlines():
        verdict, number = line.split()
        if told.setdefault(int(number), verdict) != verdict:
            raise ValueError(f"{file.name}: two verdicts on {number}")
    return told


def audit(server, told_of: dict[int, Path], killed: Iterable[int]) -> Books:
    """@param told_of the log of each writer, killed those that may have had requests without an answer."""
    books = Books()
    rows = Counter()
    for table in ("ledger", "settled"):
        for writer, number in server.sql(f"SELECT writer, number FROM {table}"):
            rows[int(writer), int(number)] += 1
    for (writer, number), found in rows.items():
        if found > 1:
            books.complain(f"doubled: {writer}/{number} is there {found} times")
    for writer, file in told_of.items():
        told = read_told(file)
        for number, verdict in told.items():
            books.judge(f"{writer}/{number}", verdict, rows.pop((writer, number), 0), "done")
    for writer, number in rows:
        books.unanswered += 1
        if writer not in killed:
            books.complain(f"unanswered: {writer}/{number} is there, but its caller was told nothing")
    check_accounts(server, books)
    return books


def check_accounts(server, books: Books, accounts: int = ACCOUNTS) -> None:
    """Each balance is what the transfers in the ledger make of it: none was torn apart."""
    wrong = server.sql(
        f"SELECT id, balance, {OPENING} + COALESCE(SUM((target = id) - (source = id)), 0) AS expected "
        "FROM account LEFT JOIN ledger ON id IN (source, target) GROUP BY id, balance HAVING balance <> expected")
    for account, balance, expected in wrong:
        books.complain(f"torn apart: account {account} holds {balance}, its transfers make {expected}")
    total = int(server.sql("SELECT SUM(balance) FROM account")[0][0])
    if total != accounts * OPENING:
        books.complain(f"money: {total} in all accounts, not {accounts * OPENING}")


# ---- the test of this file -------------------------------------------------------------------------------------------


class TablesOfTest:
    """A server that has these rows, and in whose accounts nothing is wrong."""

    def __init__(self, ledger: list[tuple[int, int]], money: int = ACCOUNTS * OPENING):
        self.ledger, self.money = ledger, money

    def sql(self, statement: str) -> list[list[str]]:
        if "SUM(balance)" in statement:
            return [[str(self.money)]]
        return [[str(x) for x in row] for row in self.ledger] if "FROM ledger" in statement else []


def self_test() -> int:
    """@returns how many mistakes were not found, or found where none is."""
    told = "+ 1\n? 2\n? 3\n- 4\n"
    right = [(1, 1), (1, 2)]
    cases = [
        ("nothing is wrong", TablesOfTest(right), (), ()),
        ("lost", TablesOfTest(right[1:]), (), ("lost",)),
        ("doubled", TablesOfTest([*right, (1, 1)]), (), ("doubled",)),
        ("doubled, though unknown", TablesOfTest([*right, (1, 2)]), (), ("doubled",)),
        ("there, though it was said not to be", TablesOfTest([*right, (1, 4)]), (), ("untrue",)),
        ("without an answer", TablesOfTest([*right, (1, 5)]), (), ("unanswered",)),
        ("without an answer, of a killed client", TablesOfTest([*right, (1, 5)]), (1,), ()),
        ("money is missing", TablesOfTest(right, ACCOUNTS * OPENING - 1), (), ("money",)),
    ]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ledger"
        file.write_text(told)
        for title, server, killed, expected in cases:
            found = tuple(x.split(":")[0] for x in audit(server, {1: file}, killed).problems)
            if found != expected:
                print(f"audit: {title}: found {found}, expected {expected}")
                wrong += 1
    return wrong


if __name__ == "__main__":
    sys.exit(min(1, self_test()) if sys.argv[1:] == ["--self-test"] else __doc__)
