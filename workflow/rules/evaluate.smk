rule evaluate:
    input:
        unpack(get_data),
        set="<results>/distill/{experiment}/set.safetensors",
    output:
        csv="<results>/evaluate/{experiment}.csv",
    log:
        "<results>/logs/evaluate/{experiment}.log",
    benchmark:
        "<results>/benchmarks/evaluate/{experiment}.tsv"
    conda:
        "../../environment.yml"
    threads: config["threads"]
    resources:
        gpu=1,
        mem_mb=memory,
        runtime=grow(1 * 60),
    params:
        nets=config["evaluate"]["nets"],
        pool=get_pool_option,
        code=lambda wildcards: digest("dd.evaluation.held_out", get_net_module(wildcards)),
    shell:
        "python -m dd evaluate --set {input.set} --data {input.npz} --nets {params.nets} --out {output.csv} {params.pool} "
        "--threads {threads} --gpus {resources.gpu} 2>&1 | tee -i {log}"
