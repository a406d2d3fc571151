from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.20")


HERE = workflow.current_basedir.get_path_or_uri(secret_free=True)  # also where another workflow uses this as a module
if "://" in HERE:
    raise WorkflowError(
        f"{HERE}: the package `dd` is needed beside this file; clone the repository, and name its Snakefile"
    )


configfile: f"{HERE}/config.yaml"


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
include: "workflow/rules/judge.smk"
include: "workflow/rules/baseline.smk"
include: "workflow/rules/adapt.smk"
include: "workflow/rules/linear.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/page.smk"


localrules:
    all,
    download_all,


rule all:
    default_target: True
    input:
        or_refuse(lambda wildcards: plan.targets.all()),


include: "workflow/rules/targets.smk"
