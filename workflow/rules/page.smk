"""A page for each experiment, with all that was measured of it."""


rule pages:
    input:
        or_refuse(lambda wildcards: plan.targets.pages()),
    localrule: True


rule write_page:
    input:
        unpack(or_refuse(lambda wildcards: plan.experiments.data(wildcards.experiment))),
        unpack(or_refuse(lambda wildcards: plan.targets.page_inputs(wildcards.experiment))),
    output:
        html=report(
            "<results>/pages/{experiment}.html",
            caption="../report/page.rst",
            category="Experiments",
            labels={"experiment": "{experiment}"},
        ),
    log:
        "<results>/logs/pages/{experiment}.log",
    benchmark:
        "<results>/benchmarks/pages/{experiment}.tsv"
    wildcard_constraints:
        experiment=any_of(plan.config.experiments),
    conda:
        "../../environment.yml"
    threads: plan.config.threads
    resources:
        gpu=1,
        mem_mb=lambda wildcards, threads, attempt: plan.experiments.memory(wildcards.experiment, threads, attempt),
        runtime=wall_time(lambda wildcards: plan.wall_time.evaluation(wildcards.experiment, CLASS_NETS)),
    params:
        options=lambda wildcards: plan.targets.page_options(wildcards.experiment),
        cost=f"{plan.files.results}/benchmarks/distill/{{experiment}}.tsv",  # no input: if it is lost, nothing is distilled anew
        pool=lambda wildcards: plan.experiments.pool_option(wildcards.experiment),
        code=lambda wildcards: digest(*plan.experiments.page_modules(wildcards.experiment)),
    shell:
        "python -m dd page {params.options} --benchmark {params.cost} --data {input.npz} --out {output.html} "
        "{params.pool} --threads {threads} --gpus {resources.gpu} > {log} 2>&1"
