"""The checked config, and the plan that is made from it. The rules ask the plan."""

import os
import sys

from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

sys.path.insert(0, str(workflow.basedir))
from dd.config.read import typed
from dd.plan.options import any_of
from dd.plan.plan import Plan
from dd.plan.resources import grow
from dd.runtime.code_digest import commit, digest
from dd.runtime.errors import UserError

os.environ.update(APPTAINERENV_DD_COMMIT=commit())  # apptainer passes it to jobs: the image has no git
update_config(config, typed(workflow.config_settings.config))
try:
    plan = Plan(config)
    if "apptainer" in map(str, workflow.deployment_settings.deployment_method):
        plan.check_container()
except UserError as error:
    raise WorkflowError(f"config: {error}")


def or_refuse(function):
    """An input function that ends the run with the one line of a user's mistake; Snakemake would add a traceback."""

    def checked(wildcards):
        try:
            return function(wildcards)
        except UserError as error:
            sys.exit(f"config: {error}")

    return checked


wildcard_constraints:
    experiment=any_of(plan.experiments.names),
    baseline=any_of(plan.experiments.baselines),
    pool=any_of(plan.config.pools),
    part="train|held-out",
    first=r"\d+",
    method=any_of(plan.experiments.adaptations),
    weights=any_of(plan.data.weights),
