# What `snakemake NAME` makes: an experiment, a pool, a figure, a table.
try:
    targets = plan.targets.targets(taken=[rule.name for rule in workflow.rules])
except UserError as error:
    raise WorkflowError(f"config: {error}")

for target in targets:

    rule:
        name:
            target.name
        input:
            or_refuse(lambda wildcards, name=target.name: plan.targets.files_of(name)),
        localrule: True
