"""What can be asked for by name: figures, tables, `all` and the comparison, asked of the plan itself."""

import re

import pytest
from jsonschema import Draft202012Validator

from dd.baselines import BASELINES
from dd.config.model import Computed, Config
from dd.config.schema import schema
from dd.evaluation.protocols import PROTOCOLS
from dd.plan.plan import Plan
from dd.report.kinds import KINDS
from dd.runtime import code_digest
from dd.runtime.errors import UserError
from tests.conftest import ROOT, checkout, load_yaml, merged
from tests.unit.test_plan import PAPER, planned


@pytest.fixture(scope="module")
def paper():
    return Plan(PAPER)


def test_curves_draw_their_points_in_order(paper):
    fig5 = paper.targets.artefact("fig5")
    words = fig5.arguments()
    lines = [words[at + 1 : at + 5] for at, word in enumerate(words) if word == "--line"]
    paths = lines[1].pop().split(",")
    assert lines[1] == ["MNIST", "one step", "distilled_images"]
    assert paths == [
        "results/paper/evaluate/mnist_random_epochs1_steps1.csv",
        *(f"results/paper/evaluate/mnist_random_epochs1_images_per_class{n}_steps1.csv" for n in (2, 5, 10)),
    ]
    measured = [*paths, *(path for line in lines if len(line) == 4 for path in line[3].split(","))]
    assert fig5.inputs() == {"metrics": sorted(set(measured))}


def test_pictures_show_their_steps(paper):
    fig2b = paper.targets.artefact("fig2b")
    assert fig2b.arguments()[-2:] == ["--steps", "1,3,5,7,10"]
    assert fig2b.inputs() == {
        "set": ["results/paper/distill/cifar10_fixed/set.safetensors"],
        "metrics": ["results/paper/evaluate/cifar10_fixed.csv"],
    }


def test_commands_are_whole(paper):
    assert paper.targets.command("fig2a") == (
        "figure --set results/paper/distill/mnist_fixed/set.safetensors "
        "--metrics results/paper/evaluate/mnist_fixed.csv --steps 1 "
        "--out results/paper/figures/fig2a.png --out results/paper/figures/fig2a.pdf"
    )
    assert paper.targets.command("fig4").startswith("curves --line 'MNIST: steps' '2 epochs' steps results/paper/")
    assert " --note 'scale paper, final state, test images' --table results/" in paper.targets.command("fig4")
    assert paper.targets.command("linear_case") == (
        "linear-figure --metrics results/paper/linear/linear_case.csv "
        "--out results/paper/figures/linear_case.png --out results/paper/figures/linear_case.pdf"
    )
    assert paper.targets.linear_options() == "--dimension 8 --sizes 1,2,3,4,6,8,10,12 --problems 3 --meta-steps 1000"
    table = paper.targets.command("table3")
    assert table.startswith("table table3 --metrics results/paper/evaluate/voc_alexnet.csv ")
    files = " ".join(f"--out results/paper/tables/table3.{ending}" for ending in ("csv", "md", "tex", "html"))
    data = " ".join(f"--data results/data/{name}.json" for name in ("cub200", "voc2007"))
    assert table.endswith(f" {data} --scale paper {files}")


def test_pages_need_nothing_that_all_does_not(paper):
    pages = paper.targets.pages()
    assert {f"results/paper/pages/{name}.html" for name in ("mnist_fixed", "mnist_random", "mnist_poison")} <= set(
        pages
    )
    assert set(pages) <= set(paper.targets.all())
    read = paper.targets.page_inputs("mnist_random")
    assert read["metrics"] == ["results/paper/evaluate/mnist_random.csv"]
    baselines = [f"results/paper/baseline/mnist_random/{name}.csv" for name in BASELINES]
    assert read["beside"] == [*baselines, "results/paper/adapt/mnist_random/full.csv"]
    assert paper.targets.page_inputs("mnist_fixed")["beside"] == []
    options = paper.targets.page_options("mnist_random")
    assert options.startswith("--set results/paper/distill/mnist_random/set.safetensors --history results/")
    assert f" --beside {baselines[-1]} " in options


def test_a_page_does_without_a_figure_that_cannot_be_made():
    broken = planned({"figures": {"fig2a": {"experiment": "none", "steps": [1]}}})
    assert broken.targets.page_inputs("mnist_fixed")["set"]


def test_each_kind_has_a_rule_and_a_section_of_its_own():
    rules = [kind.rule for kind in KINDS]
    sections = [kind.section.key for kind in KINDS if kind.section]
    assert len(set(rules)) == len(rules)
    assert len({*sections, *Computed.model_fields}) == len(sections) + len(Computed.model_fields)
    assert Config.model_fields.keys() == {*sections, *Computed.model_fields}


def test_what_the_report_says_of_a_figure(paper):
    assert "Distilled images of experiment ``mnist_fixed``." in paper.targets.artefact("fig2a").caption()
    for name in paper.config.all:
        caption = paper.targets.artefact(name).caption()
        assert "\n" not in caption
        assert "``paper``" in caption or name == "linear_case"


def test_the_caption_of_the_transfer_table_explains_its_protocols():
    transfer = load_yaml(ROOT / "config.yaml")["transfer"] | {"protocols": ["native"]}
    caption = planned({"transfer": transfer}).targets.artefact("transfer").caption()
    assert f"native: {PROTOCOLS['native'].description}." in caption
    assert "dc:" not in caption


def test_a_change_makes_anew_what_it_concerns(paper):
    assert paper.targets.artefact("fig4").modules() == ("dd.report.figures.curves",)
    assert paper.targets.artefact("table2").modules() == ("dd.report.tables.numbered", "dd.report.tables.table2")


def test_a_change_of_a_drawing_trains_nothing(paper, tmp_path, monkeypatch):
    copy = checkout(tmp_path) / "dd"
    monkeypatch.setattr(code_digest, "PACKAGE", copy)

    def digests():
        modules = {name: paper.targets.artefact(name).modules() for name in [*paper.config.all, "transfer"]}
        modules["compare"] = paper.targets.comparison_modules()
        modules["distill"] = paper.experiments.modules("mnist_random")
        modules["evaluate"] = paper.experiments.evaluation_modules("mnist_random")
        return {(name, code_digest.digest.__wrapped__(*each)) for name, each in modules.items()}

    before = digests()
    # Figure 1 takes the setting of the paper's attack from the claims about it
    for kind, figures, others in (("curves", {"fig4", "fig5"}, set()), ("poisoning", {"fig6"}, {"fig1"})):
        with (copy / f"report/figures/{kind}_drawing.py").open("a") as file:
            file.write("\nMORE = 1\n")
        after = digests()
        assert {name for name, _ in after - before} == figures
        before = after
        with (copy / f"report/figures/{kind}_claims.py").open("a") as file:
            file.write("\nMORE = 1\n")
        after = digests()
        assert {name for name, _ in after - before} == {*figures, *others, "compare"}
        before = after


@pytest.mark.parametrize(
    ("table", "experiments", "compared", "others"),
    [
        (
            "table1",
            4,
            ["mnist_random", "cifar10_random"],
            [f"baseline/{{}}/{name}" for name in BASELINES] + ["adapt/{}/full"],
        ),
        (
            "table2",
            6,
            ["mnist_usps_random", "usps_mnist_random", "svhn_mnist_random"],
            [
                *(f"baseline/{{}}/{name}" for name in ("random", "optimized", "k_means", "average")),
                "adapt/{}/fada",
                "adapt/{}/full",
            ],
        ),
        (
            "table3",
            2,
            ["voc_alexnet", "cub_alexnet"],
            ["baseline/{}/random", "baseline/{}/optimized", "baseline/{}/average", "adapt/{}/full"],
        ),
    ],
)
def test_tables_hold_what_the_paper_compares(paper, table, experiments, compared, others):
    measured = paper.targets.artefact(table).inputs()["measured"]
    assert len([path for path in measured if "/evaluate/" in path]) == experiments
    expected = {f"results/paper/{other.format(name)}.csv" for name in compared for other in others}
    if table == "table1":  # sets for one net, on others (Section 3.2)
        expected |= {f"results/paper/other_inits/{name}.csv" for name in ("mnist_fixed_100", "cifar10_fixed")}
    assert {path for path in measured if "/evaluate/" not in path} == expected


def test_a_table_names_the_data_of_its_pools_too(paper):
    metadata = paper.targets.artefact("table2").inputs()["metadata"]
    names = ("mnist", "mnist_rgb", "svhn", "usps_28")
    assert metadata == [f"results/data/{name}.json" for name in names]


def test_bars_have_the_real_images_that_are_trained_on(paper):
    metrics = paper.targets.artefact("fig6").inputs()["metrics"]
    assert metrics[:2] == [f"results/paper/evaluate/{name}_poison.csv" for name in ("mnist", "cifar10")]
    assert len(metrics) == 2 + 2 * 4


def test_everything_can_be_asked_for_by_its_name(paper):
    names = [target.name for target in paper.targets.targets(taken=["all", "distill"])]
    targets = {name: paper.targets.files_of(name) for name in names}
    assert targets["mnist_fixed"] == [
        "results/paper/evaluate/mnist_fixed.csv",
        "results/paper/distill/mnist_fixed/training.png",
    ]
    assert targets["mnist_LeNet"] == paper.pools.shards("mnist_LeNet")
    assert targets["linear_case"] == [f"results/paper/figures/linear_case.{ending}" for ending in ("png", "pdf")]
    assert "results/paper/tables/table1.tex" in targets["table1"]
    assert "results/paper/distill/mnist_random/training.png" in targets["transfer"]
    with pytest.raises(UserError, match=r"^experiments.mnist_fixed: a rule of the workflow has this name"):
        paper.targets.targets(taken=["mnist_fixed"])


def test_only_what_is_asked_for_is_checked():
    study = {"distill": {"steps": 1, "net": "ConvNet3"}, "experiments": {"mine": {"dataset": "mnist", "init": "fixed"}}}
    plan = planned(study)
    assert plan.targets.files_of("mine")[0] == "results/paper/evaluate/mine.csv"
    assert "mine" in plan.experiments.names
    assert plan.experiments.data("mine")["npz"] == "results/data/mnist.npz"
    refusals = {
        "fig2b": r"^figures.fig2b.steps: 10 is more than the 1 steps of cifar10_fixed",
        "table2": r"^experiments.mnist_usps_fixed.pool: mnist_LeNet has nets LeNet, not ConvNet3",
    }
    for name, refusal in refusals.items():
        with pytest.raises(UserError, match=refusal):
            plan.targets.files_of(name)
        with pytest.raises(UserError, match=refusal):
            plan.targets.inputs(name)
    with pytest.raises(UserError, match=r"^experiments.svhn_mnist_random.pool"):  # of Figure 1, which comes first
        plan.targets.all()


EMPTY = {
    "table3": {"tables": {"table3": []}},
    "table2": {"tables": {"table2": None}},
    "fig6": {"bars": {"fig6": []}},
    "fig4": {"curves": {"fig4": []}},
    "fig5": {"curves": {"fig5": None}},
    "fig2a": {"figures": {"fig2a": None}},
    "transfer": {"transfer": {"experiments": []}},
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_entry_is_no_entry(name):
    everything = {"all": [*PAPER["all"], "transfer"]}
    plan, whole = planned(everything | EMPTY[name]), planned(everything)
    assert name in [target.name for target in whole.targets.targets(taken=[])]
    assert name not in [target.name for target in plan.targets.targets(taken=[])]
    left_out = set(whole.targets.all()) - set(plan.targets.all())
    assert set(whole.targets.artefact(name).files()) <= left_out
    assert set(plan.targets.all()) < set(whole.targets.all())
    assert f" {name} " not in plan.targets.comparison()
    assert set(plan.targets.downloads()) <= set(whole.targets.downloads())
    if name == "table3":
        assert "results/paper/evaluate/voc_alexnet.csv" not in plan.targets.all()
    Draft202012Validator(schema()).validate(EMPTY[name])


def test_a_name_without_any_entry_is_still_refused_in_all():
    config = merged(PAPER, {"all": ["fig2a", "table3"]})
    del config["tables"]["table3"]
    with pytest.raises(UserError, match=r"^all: no figure, table or experiment 'table3'; there are "):
        Plan(config)
    with pytest.raises(UserError, match=r"^all: no figure, table or experiment 'fig22'"):
        planned({"all": ["fig2a", "fig22"], "figures": {"fig2b": None}})


def test_a_curve_that_is_not_asked_for_hides_no_experiment():
    mine = {"dataset": "usps", "steps": 3}
    plan = planned({"experiments": {"mnist_random_epochs1_steps2": mine}})
    assert plan.config.all_experiments["mnist_random_epochs1_steps2"].dataset == "usps"
    with pytest.raises(UserError, match=r"^experiments.mnist_random_epochs1_steps2: a point of a curve has this name"):
        plan.targets.files_of("fig5")


def test_all_ends_with_the_comparison_and_the_configuration(paper):
    made = paper.targets.all()
    assert len(made) == len(set(made))
    assert made[-5:] == [
        *(f"results/paper/compare.{ending}" for ending in ("csv", "md", "tex", "html")),
        "results/paper/configuration.html",
    ]
    alone = planned({"all": ["transfer"]}).targets
    assert not [path for path in alone.all() if "/compare." in path]


def test_the_comparison_is_told_what_was_measured_and_why_not():
    options = planned(load_yaml(ROOT / "workflow/scales/laptop.yaml")).targets.comparison()
    assert options.startswith(
        "compare --scale laptop --measured fig1 results/laptop/figures/fig1.csv --measured fig2a results/"
    )
    assert "--measured table1 results/laptop/tables/table1.csv" in options
    assert "--measured linear_case results/laptop/linear/linear_case.csv" in options
    assert "--not-run fig1 'svhn → mnist' 'SVHN cannot be had offline'" in options
    histories = re.findall(r"--history results/laptop/distill/(\w+)/history.csv", options)
    assert {"mnist_fixed", "mnist_fixed_seed1", "cifar10_random", "birds10"} < set(histories)
    assert "mnist_random_epochs1_meta_steps300_steps5" not in histories  # a point of a curve, cut short
    assert len(histories) == len(set(histories))


def test_the_configuration_of_a_run_holds_the_points_and_no_defaults(paper):
    assert "  mnist_random_epochs2_steps4:\n    dataset: mnist\n    epochs: 2\n    steps: 4\n" in paper.configuration
    assert "&" not in paper.configuration
