from snakemake.utils import min_version

min_version("9.20")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/wanted.smk"
include: "workflow/rules/checks.smk"
include: "workflow/rules/artefacts.smk"


pathvars:
    results=RESULTS,


container: config["container"]


report: "workflow/report/workflow.rst"


include: "workflow/rules/data.smk"
include: "workflow/rules/pool.smk"
include: "workflow/rules/distill.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/transfer.smk"
include: "workflow/rules/baseline.smk"
include: "workflow/rules/adapt.smk"
include: "workflow/rules/linear.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/report.smk"


localrules:
    all,
    download_all,


rule all:
    default_target: True
    input:
        get_final_output(),


include: "workflow/rules/targets.smk"
