rule download_all:
    input:
        plan.targets.downloads(),


# What `snakemake NAME` makes: an experiment, a pool, a figure, a table.
try:
    targets = plan.targets.targets(taken=[rule.name for rule in workflow.rules])
except UserError as error:
    raise WorkflowError(str(error))

for target in targets:

    rule:
        name:
            target.name
        input:
            target.files,
        localrule: True
