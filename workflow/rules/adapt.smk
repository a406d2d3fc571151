rule adapt:
    input:
        unpack(get_data),
        set="<results>/distill/{experiment}/set.safetensors",
        source=get_source_data,
    output:
        csv="<results>/adapt/{experiment}/{method}.csv",
    log:
        "<results>/logs/adapt/{experiment}/{method}.log",
    benchmark:
        "<results>/benchmarks/adapt/{experiment}/{method}.tsv"
    conda:
        "../../environment.yml"
    threads: config["threads"]
    resources:
        gpu=1,
        mem_mb=grow(8000),
        runtime=grow(12 * 60),  # not resumed: one run must do
    params:
        options=lambda wildcards: flags(get_adaptation(wildcards)),
        pool=get_pool_option,
        source=lambda wildcards, input: " ".join(f"--source {path}" for path in input.source),
        code=lambda wildcards: digest("dd.adaptation.adapt", ADAPTATIONS[wildcards.method].module, get_net_module(wildcards)),
    shell:
        "python -m dd adapt {wildcards.method} --set {input.set} --data {input.npz} --out {output.csv} {params.pool} "
        "{params.source} {params.options} --threads {threads} --gpus {resources.gpu} 2>&1 | tee -i {log}"
