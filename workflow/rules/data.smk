# Not a param: where a mirror lies must not make anything run again.
MIRROR = flags({"mirror": config["data"]["mirror"]} if config["data"]["mirror"] else {})


rule prepare_data:
    output:
        npz="results/data/{dataset}.npz",
        json="results/data/{dataset}.json",
    log:
        "results/data/logs/{dataset}.log",
    benchmark:
        "results/data/benchmarks/{dataset}.tsv"
    retries: 1  # the network
    localrule: True
    conda:
        "../../environment.yml"
    params:
        options=lambda wildcards: flags(lookup(within=config, dpath=f"data/folders/{wildcards.dataset}", default={})),
        code=code("dd.data.prepare"),
    shell:
        "python -m dd data prepare {wildcards.dataset} --out {output.npz} {MIRROR} {params.options} > {log} 2>&1"


rule download_all:
    input:
        expand("results/data/{dataset}.npz", dataset=get_datasets()),
