# What `snakemake NAME` makes: an experiment, a pool, a figure, a table.
with mistakes():
    targets = plan.targets.targets(taken=[rule.name for rule in workflow.rules])

for target in targets:

    rule:
        name:
            target.name
        input:
            target.files,
        localrule: True
