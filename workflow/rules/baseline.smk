rule measure_baseline:
    input:
        unpack(get_data),
        set="<results>/distill/{experiment}/set.safetensors",
    output:
        csv="<results>/baseline/{experiment}/{baseline}.csv",
    log:
        "<results>/logs/baseline/{experiment}/{baseline}.log",
    benchmark:
        "<results>/benchmarks/baseline/{experiment}/{baseline}.tsv"
    conda:
        "../../environment.yml"
    threads: config["threads"]
    resources:
        gpu=lambda wildcards: int(BASELINES[wildcards.baseline].gpu),
        mem_mb=grow(6000),
        runtime=grow(12 * 60),  # not resumed: one run must do
    params:
        options=lambda wildcards: flags(get_protocol(wildcards)),
        pool=get_pool_option,
        code=lambda wildcards: digest("dd.baselines.grid", BASELINES[wildcards.baseline].module, get_net_module(wildcards)),
    shell:
        "python -m dd baseline {wildcards.baseline} --set {input.set} --data {input.npz} --out {output.csv} "
        "{params.pool} {params.options} --threads {threads} --gpus {resources.gpu} 2>&1 | tee -i {log}"
