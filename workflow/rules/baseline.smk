rule measure_baseline:
    input:
        unpack(or_refuse(lambda wildcards: plan.experiments.baseline_data(wildcards.experiment))),
        set="<results>/distill/{experiment}/set.safetensors",
    output:
        csv="<results>/baseline/{experiment}/{baseline}.csv",
    log:
        "<results>/logs/baseline/{experiment}/{baseline}.log",
    benchmark:
        "<results>/benchmarks/baseline/{experiment}/{baseline}.tsv"
    conda:
        "../../environment.yml"
    threads: plan.config.threads
    resources:
        gpu=lambda wildcards: plan.experiments.baseline_gpus(wildcards.baseline),
        mem_mb=lambda wildcards, threads, attempt: plan.experiments.memory(
            wildcards.experiment, threads, attempt, at_least=6000
        ),
        runtime=wall_time(
            lambda wildcards: plan.wall_time.baseline(wildcards.experiment, wildcards.baseline),
        ),
    params:
        options=lambda wildcards: plan.experiments.baseline_options(wildcards.experiment, wildcards.baseline),
        pool=lambda wildcards: plan.experiments.pool_option(wildcards.experiment),
        code=lambda wildcards: digest(*plan.experiments.baseline_modules(wildcards.experiment, wildcards.baseline)),
    shell:
        "python -m dd baseline {wildcards.baseline} --set {input.set} --data {input.npz} --out {output.csv} "
        "{params.pool} {params.options} --threads {threads} --gpus {resources.gpu} 2>&1 | tee -i {log}"
