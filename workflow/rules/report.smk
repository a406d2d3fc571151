rule draw_figure:
    input:
        set=lambda wildcards: f"<results>/distill/{config['figures'][wildcards.figure]['experiment']}/set.safetensors",
        metrics=lambda wildcards: f"<results>/evaluate/{config['figures'][wildcards.figure]['experiment']}.csv",
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
        steps=lambda wildcards: ",".join(map(str, config["figures"][wildcards.figure]["steps"])),
        code=digest("dd.report.figures.distilled_images"),
    shell:
        "python -m dd figure --set {input.set} --metrics {input.metrics} --steps {params.steps} "
        "--out {output.png} --out {output.pdf} > {log} 2>&1"


rule draw_curves:
    input:
        get_curves,
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
        lines=get_lines,
        scale=config["scale"],
        code=digest("dd.report.figures.curves"),
    shell:
        "python -m dd curves {params.lines} --note 'scale {params.scale}, final state, test images' --table {output.csv} "
        "--out {output.png} --out {output.pdf} > {log} 2>&1"


rule draw_bars:
    input:
        get_poisoned,
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
        metrics=lambda wildcards, input: " ".join(f"--metrics {path}" for path in input),
        scale=config["scale"],
        code=digest("dd.report.figures.poisoning"),
    shell:
        "python -m dd bars {params.metrics} --scale {params.scale} --table {output.csv} "
        "--out {output.png} --out {output.pdf} > {log} 2>&1"


rule write_table:
    input:
        measured=get_measured,
        metadata=get_metadata,
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
        scale=config["scale"],
        code=lambda wildcards: digest("dd.report.tables.paper_table", "dd.report.tables.writing", TABLES[wildcards.table].module),
    shell:
        "python -m dd table {wildcards.table} {params.metrics} {params.metadata} --scale {params.scale} "
        "--out {output.csv} --out {output.md} --out {output.tex} --out {output.html} > {log} 2>&1"
