import os

# Not a param of the rule: where a mirror lies must not make anything run again.
if config["data"]["mirror"]:
    os.environ.update(DD_DATA_MIRROR=config["data"]["mirror"])


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
        files=get_folder_files,
        code=lambda wildcards: digest("dd.data.prepare", "dd.data.dataset", get_source(wildcards), follow=False),
    shell:
        "python -m dd data prepare {wildcards.dataset} --out {output.npz} {params.options} > {log} 2>&1"


rule download_all:
    input:
        expand("results/data/{dataset}.npz", dataset=get_datasets()),
