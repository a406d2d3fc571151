rule adapt:
    input:
        unpack(or_refuse(lambda wildcards: plan.experiments.data(wildcards.experiment))),
        set="<results>/distill/{experiment}/set.safetensors",
        source=lambda wildcards: plan.experiments.source(wildcards.experiment, wildcards.method),
    output:
        csv="<results>/adapt/{experiment}/{method}.csv",
    log:
        "<results>/logs/adapt/{experiment}/{method}.log",
    benchmark:
        "<results>/benchmarks/adapt/{experiment}/{method}.tsv"
    conda:
        "../../environment.yml"
    threads: plan.config.threads
    resources:
        gpu=1,
        mem_mb=lambda wildcards, threads, attempt: plan.experiments.memory(
            wildcards.experiment, threads, attempt, at_least=8000
        ),
        runtime=wall_time(lambda wildcards: plan.wall_time.adaptation(wildcards.experiment, wildcards.method)),
    params:
        options=lambda wildcards: plan.experiments.adaptation_options(wildcards.experiment, wildcards.method),
        pool=lambda wildcards: plan.experiments.pool_option(wildcards.experiment),
        source=lambda wildcards, input: " ".join(f"--source {path}" for path in input.source),
        code=lambda wildcards: digest(*plan.experiments.adaptation_modules(wildcards.experiment, wildcards.method)),
    shell:
        "python -m dd adapt {wildcards.method} --set {input.set} --data {input.npz} --out {output.csv} {params.pool} "
        "{params.source} {params.options} --threads {threads} --gpus {resources.gpu} 2>&1 | tee -i {log}"
