from snakemake.utils import min_version

min_version("9.20")


configfile: "config.yaml"


include: "workflow/rules/common.smk"


pathvars:
    results=plan.files.results,


container: plan.config.container


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
        or_refuse(lambda wildcards: plan.targets.all()),


include: "workflow/rules/targets.smk"
