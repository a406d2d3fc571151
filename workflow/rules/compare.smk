rule compare:
    input:
        or_refuse(lambda wildcards: [*(path for _, path in plan.targets.compared()), *plan.targets.histories()]),
    output:
        csv="<results>/compare.csv",
        md="<results>/compare.md",
        tex="<results>/compare.tex",
        html=report(
            "<results>/compare.html",
            caption="../report/compare.rst",
            category="Comparison",
            labels={"page": "measured beside reported"},
        ),
        verdicts="<results>/verdicts.html",  # which the report's first page includes
    log:
        "<results>/logs/compare.log",
    benchmark:
        "<results>/benchmarks/compare.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        command=lambda wildcards: plan.targets.comparison(),
        code=digest(*plan.targets.comparison_modules()),
    shell:
        "python -m dd {params.command} > {log} 2>&1"


rule draw_training:
    input:
        history="<results>/distill/{experiment}/history.csv",
    output:
        png=report(
            "<results>/distill/{experiment}/training.png",
            caption="../report/training.rst",
            category="Training",
            subcategory=lambda wildcards: plan.targets.subcategory(wildcards.experiment),
            labels={"experiment": "{experiment}"},
        ),
    log:
        "<results>/logs/training/{experiment}.log",
    benchmark:
        "<results>/benchmarks/training/{experiment}.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        code=digest("dd.report.figures.training"),
    shell:
        "python -m dd training --history {input.history} --out {output.png} > {log} 2>&1"


rule write_configuration:
    output:
        html=report(
            "<results>/configuration.html",
            caption="../report/configuration.rst",
            category="Configuration",
            labels={"page": "all settings of this run"},
        ),
    log:
        "<results>/logs/configuration.log",
    benchmark:
        "<results>/benchmarks/configuration.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        command=plan.configuration,
        code=digest("dd.report.html_page"),
    shell:
        "python -m dd {params.command} > {log} 2>&1"
