# What `snakemake NAME` makes: an experiment, a pool, a figure, a table.
for section, name, files in get_targets():
    if workflow.is_rule(name):
        raise WorkflowError(f"config: {section}.{name}: something else has this name; choose another")

    rule:
        name:
            name
        input:
            files,
        localrule: True
