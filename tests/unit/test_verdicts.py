"""What is said of a number beside the paper's, and how often."""

import pytest

from dd.report.comparison import CLAIMS, NUMBERS, Measurement, compare
from dd.report.comparison_page import summary
from tests.unit.test_compare import rows


@pytest.mark.parametrize(
    ("accuracy", "std", "verdict"),
    [
        (81.4, 0.5, "the same"),  # within 2 points of 79.5
        (81.6, 0.5, "better"),  # standard errors of 0.57 and 0.07
        (71.3, 9.0, "worse"),  # a chaotic run is no excuse: standard errors of 0.57 and 1.27
        (71.3, 30.0, "the same"),  # 8.2 points, and twice the standard errors of 0.57 and 4.24
    ],
)
def test_verdicts(published, accuracy, std, verdict):
    kind, table = published["table1"]
    ours = table["method"].eq("random init") & table["task"].eq("mnist")
    table.loc[ours, ["accuracy", "std", "error"]] = accuracy, std, std / 50**0.5
    row = rows(
        {"table1": Measurement(kind, table)}, kind="number", where="table1", task="mnist", what="Ours, random init"
    ).iloc[0]
    assert row["verdict"] == verdict
    assert row["difference"] == pytest.approx(accuracy - 79.5)
    assert (row["nets"], row["sets"], row["scale"]) == (50, 3, "test")


@pytest.mark.parametrize(("error", "told"), [(0.5, False), (1.0, True)])
def test_a_claim_says_when_chance_may_explain_it(published, error, told):
    """Ours is 1.5 points above; twice the standard errors of both are 1.4 and 2.8."""
    kind, table = published["table2"]
    of_task = table["task"].eq("usps → mnist")
    table.loc[of_task, ["accuracy", "error"]] = 80.0, error
    table.loc[of_task & table["method"].eq("random_pretrained"), "accuracy"] = 81.5
    claims = rows({"table2": Measurement(kind, table)}, kind="claim", where="table2", task="usps → mnist")
    (why,) = claims[claims["what"].eq("Ours, random pre-trained, beats real images")]["why"]
    assert "+1.5 points" in why
    assert ("; two standard errors are 2.8" in why) == told


def test_a_claim_with_tolerance_is_by_chance_near_its_limit(published):
    """Ours may be 5 points below; it is 6.5 below, and twice the standard errors are 2.8."""
    kind, table = published["table3"]
    table.loc[table["method"].eq("full"), ["accuracy", "error"]] = 71.5, 1.0
    table.loc[table["method"].eq("fixed_pretrained"), ["accuracy", "error"]] = 65.0, 1.0
    claims = rows({"table3": Measurement(kind, table)}, kind="claim on other data", where="table3", task="birds10")
    (why,) = claims[claims["what"].str.contains("on a par")]["why"]
    assert why == "-6.5 points to Full training set; two standard errors are 2.8"


def test_rivals_are_higher_or_lower_not_better_or_worse(published):
    kind, table = published["table1"]
    for accuracy, verdict in ((99.0, "higher"), (20.0, "lower")):
        changed = table.assign(accuracy=accuracy, std=0.1, error=0.1)
        of = rows({"table1": Measurement(kind, changed)}, kind="number", where="table1", task="mnist")
        assert set(of[~of["what"].str.startswith(("Ours", "Full"))]["verdict"]) == {verdict}


def test_a_result_that_the_paper_prints_twice_counts_once(published):
    table = compare(published, {}, "test")
    counts = summary(table).set_index("where")
    twice = table[table["kind"].eq("number") & table.duplicated("result", keep=False)]
    assert set(twice["where"]) == {"fig1", "fig2a", "fig2b", "fig3a", "fig3b", "table1", "table2"}
    assert counts.loc["all", "numbers"] == len(NUMBERS) - 9
    alone = compare({"fig3a": published["fig3a"]}, {}, "test")
    assert summary(alone).set_index("where").loc["all", "not run"] == len(NUMBERS) - 9 - 1


def test_stand_ins_have_a_line_of_their_own(published):
    table = compare(published, {}, "test")
    stand_ins = table[table["task"] == "birds10"]
    assert set(stand_ins["kind"]) == {"claim on other data"}
    counts = summary(table).set_index("where")
    assert counts.loc["data that the paper lacks", "tried"] == len(stand_ins) > 0
    assert counts.loc["all", "claims made"] == len(CLAIMS)
    assert counts.loc["Table 3", "tried"] == 0


def test_what_only_the_project_page_tells_says_so():
    told = [number for number in NUMBERS if number.place.where == "fig6"]
    assert len(told) == 4
    assert {number.remark for number in told} == {"known from the authors' project page alone"}
