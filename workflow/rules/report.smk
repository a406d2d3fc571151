rule draw_figure:
    input:
        unpack(lambda wildcards: plan.targets.artefact("figures", wildcards.figure).inputs()),
    output:
        png=report(
            "<results>/figures/{figure}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        pdf="<results>/figures/{figure}.pdf",
    log:
        "<results>/logs/figures/{figure}.log",
    benchmark:
        "<results>/benchmarks/figures/{figure}.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        options=lambda wildcards: plan.targets.artefact("figures", wildcards.figure).options(),
        code=digest("dd.report.figures.distilled_images"),
    shell:
        "python -m dd figure --set {input.set} --metrics {input.metrics} {params.options} "
        "--out {output.png} --out {output.pdf} > {log} 2>&1"


rule draw_curves:
    input:
        unpack(lambda wildcards: plan.targets.artefact("curves", wildcards.curves).inputs()),
    output:
        png=report(
            "<results>/figures/{curves}.png",
            caption="../report/curves.rst",
            category="Figures",
            labels={"figure": "{curves}"},
        ),
        pdf="<results>/figures/{curves}.pdf",
        csv="<results>/figures/{curves}.csv",
    log:
        "<results>/logs/figures/{curves}.log",
    benchmark:
        "<results>/benchmarks/figures/{curves}.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        lines=lambda wildcards: plan.targets.artefact("curves", wildcards.curves).options(),
        scale=plan.config.scale,
        code=digest("dd.report.figures.curves"),
    shell:
        "python -m dd curves {params.lines} --note 'scale {params.scale}, final state, test images' --table {output.csv} "
        "--out {output.png} --out {output.pdf} > {log} 2>&1"


rule draw_bars:
    input:
        unpack(lambda wildcards: plan.targets.artefact("bars", wildcards.bars).inputs()),
    output:
        png=report(
            "<results>/figures/{bars}.png",
            caption="../report/bars.rst",
            category="Figures",
            labels={"figure": "{bars}"},
        ),
        pdf="<results>/figures/{bars}.pdf",
        csv="<results>/figures/{bars}.csv",
    log:
        "<results>/logs/figures/{bars}.log",
    benchmark:
        "<results>/benchmarks/figures/{bars}.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        metrics=lambda wildcards, input: " ".join(f"--metrics {path}" for path in input.metrics),
        scale=plan.config.scale,
        code=digest("dd.report.figures.poisoning"),
    shell:
        "python -m dd bars {params.metrics} --scale {params.scale} --table {output.csv} "
        "--out {output.png} --out {output.pdf} > {log} 2>&1"


rule write_table:
    input:
        unpack(lambda wildcards: plan.targets.artefact("tables", wildcards.table).inputs()),
    output:
        csv="<results>/tables/{table}.csv",
        md="<results>/tables/{table}.md",
        tex="<results>/tables/{table}.tex",
        html=report(
            "<results>/tables/{table}.html",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
    log:
        "<results>/logs/tables/{table}.log",
    benchmark:
        "<results>/benchmarks/tables/{table}.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        metrics=lambda wildcards, input: " ".join(f"--metrics {path}" for path in input.measured),
        metadata=lambda wildcards, input: " ".join(f"--data {path}" for path in input.metadata),
        scale=plan.config.scale,
        code=lambda wildcards: digest("dd.report.tables.writing", TABLES[wildcards.table].module),
    shell:
        "python -m dd table {wildcards.table} {params.metrics} {params.metadata} --scale {params.scale} "
        "--out {output.csv} --out {output.md} --out {output.tex} --out {output.html} > {log} 2>&1"
