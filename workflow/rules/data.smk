os.environ.update(plan.data.environment())


rule download_all:
    input:
        or_refuse(lambda wildcards: plan.targets.downloads()),


rule prepare_data:
    output:
        npz="results/data/{dataset}.npz",
        json="results/data/{dataset}.json",
    log:
        "results/data/logs/{dataset}.log",
    benchmark:
        "results/data/benchmarks/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(plan.data.prepared),
    retries: 1  # the network
    localrule: True
    conda:
        "../../environment.yml"
    params:
        options=lambda wildcards: plan.data.options(wildcards.dataset),
        files=lambda wildcards: plan.data.listing(wildcards.dataset),
        code=lambda wildcards: digest(*plan.data.modules(wildcards.dataset), follow=False),
    shell:
        "python -m dd data prepare {wildcards.dataset} --out {output.npz} {params.options} > {log} 2>&1"


rule vary_data:
    input:
        unpack(lambda wildcards: plan.data.original(wildcards.variant)),
    output:
        npz="results/data/{variant}.npz",
        json="results/data/{variant}.json",
    log:
        "results/data/logs/{variant}.log",
    benchmark:
        "results/data/benchmarks/{variant}.tsv"
    wildcard_constraints:
        variant=any_of(plan.data.variants),
    localrule: True
    conda:
        "../../environment.yml"
    params:
        options=lambda wildcards: plan.data.changes(wildcards.variant),
        code=digest("dd.data.variants", "dd.data.prepared", follow=False),
    shell:
        "python -m dd data vary --data {input.npz} --out {output.npz} {params.options} > {log} 2>&1"


rule prepare_weights:
    output:
        weights="results/data/weights/{weights}.safetensors",
    log:
        "results/data/logs/weights/{weights}.log",
    benchmark:
        "results/data/benchmarks/weights/{weights}.tsv"
    retries: 1  # the network
    localrule: True
    conda:
        "../../environment.yml"
    params:
        code=digest("dd.data.weights", follow=False),
    shell:
        "python -m dd data weights {wildcards.weights} --out {output.weights} > {log} 2>&1"
