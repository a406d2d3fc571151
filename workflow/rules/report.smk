for kind in plan.targets.kinds:

    rule:
        name:
            kind.rule
        input:
            unpack(or_refuse(lambda wildcards: plan.targets.inputs(wildcards.name))),
        output:
            **{
                kind.shown: report(
                    f"<results>/{kind.folder}/{{name}}.{kind.shown}",
                    caption="../report/artefact.rst",
                    category=kind.category,
                    labels={kind.noun: kind.label},
                )
            },
            **{ending: f"<results>/{kind.folder}/{{name}}.{ending}" for ending in kind.outputs if ending != kind.shown},
        log:
            f"<results>/logs/{kind.folder}/{{name}}.log",
        benchmark:
            f"<results>/benchmarks/{kind.folder}/{{name}}.tsv"
        wildcard_constraints:
            name=any_of(plan.targets.named(kind)),
        localrule: True
        conda:
            "../../environment.yml"
        params:
            command=lambda wildcards: plan.targets.command(wildcards.name),
            caption=lambda wildcards: plan.targets.artefact(wildcards.name).caption(),
            code=lambda wildcards: digest(*plan.targets.artefact(wildcards.name).modules()),
        shell:
            "python -m dd {params.command} > {log} 2>&1"
