"""The networks of a protocol: their initial weights, and how they are trained with batch normalisation or without."""

from torch import Tensor

from dd.distill.distilled_set import DistilledSet
from dd.distill.initial_weights import Initial, Pool, RandomInitial
from dd.distill.loss import Loss, classification
from dd.distill.networks import check_for
from dd.evaluation.made_for import OTHER_NET, for_net
from dd.evaluation.protocols import EvaluationProtocol
from dd.nets.stacked import StackedNet
from dd.runtime.errors import UserError, reason


def initial_for(distilled: DistilledSet, protocol: EvaluationProtocol, pool: Pool | None = None) -> Initial:
    """The initial weights of a protocol: those that the set is made for, or new ones as the network's class makes them.

    Raises:
        UserError: what `DistilledSet.initial` raises.
    """
    if not protocol.plain_nets:
        return distilled.initial(pool)
    config = distilled.info["config"]
    check_for(distilled.make, config["net"], distilled.image_shape, len(distilled.info["classes"]))
    return RandomInitial(distilled.make, "default", config["seed"])


def nets_for(
    distilled: DistilledSet,
    name: str,
    protocol: EvaluationProtocol,
    *,
    random_init: bool = False,
    pool: Pool | None = None,
) -> tuple[DistilledSet, Initial]:
    """The set as if it were made for the networks `name` of a protocol, and their initial weights.

    Args:
        distilled: the set.
        name: the network.
        protocol: if it is for plain networks, they are new ones, as their class makes them.
        random_init: whether the set's own network gets random weights by `native` too.
        pool: of a set that was made for the nets of one.

    Raises:
        UserError: what `DistilledSet.initial` raises.
    """
    made = for_net(distilled, name, random_init=random_init or protocol.plain_nets)
    return made, initial_for(made, protocol, pool)


def trained(
    distilled: DistilledSet, net: StackedNet, loss: Loss, theta: Tensor, protocol: EvaluationProtocol
) -> list[tuple[StackedNet, Tensor]]:
    """Networks trained by a protocol: weights `[nets, P]`, with the module that they share.

    Networks with batch normalisation normalise by the minibatch, but for those that we have distilled the set for if
    they are trained natively. They have running statistics of their own, so each gets a module and a loss of its own.
    After native training, which may be too short for those to follow, they are the statistics of all distilled images.

    Args:
        distilled: the set.
        net: the architecture.
        loss: `classification(net)`, which keeps what it has traced.
        theta: initial weights `[nets, P]`.
        protocol: how they are trained.

    Raises:
        UserError: there are no statistics of a minibatch, because it is of one image.
    """
    as_distilled = not protocol.plain_nets and not {OTHER_NET, "imported_from"} & distilled.info.keys()
    if as_distilled or not net.batch_norms:
        return [(net, protocol.train(distilled, loss, theta))]
    nets = []
    for row in theta.split(1):
        own = StackedNet(net.module)
        of_batches = classification(own)
        of_batches.by_image = False
        try:
            with own.normalising_by_batch():
                nets.append((own, protocol.train(distilled, of_batches, row)))
        except ValueError as error:
            if not str(error).startswith("Expected more than 1 value per channel"):  # as PyTorch's layers begin
                raise
            cure = "take one without batch normalisation, or a set of other size"
            raise UserError(f"net {type(own.module).__name__}: {reason(error)}; {cure}") from error
        if not protocol.plain_nets:
            own.take_statistics(nets[-1][1], distilled.images.flatten(0, 1).to(row.device))
    return nets
