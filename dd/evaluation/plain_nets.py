"""Networks as PyTorch makes and trains them, for the field's protocols."""

from torch import Tensor

from dd.distill.distilled_set import DistilledSet
from dd.distill.initial_weights import Initial, Pool, RandomInitial
from dd.distill.loss import Loss, classification
from dd.evaluation.protocols import MADE_FOR, EvaluationProtocol
from dd.nets.stacked import StackedNet
from dd.nets.trial import check_network


def initial_for(distilled: DistilledSet, protocol: EvaluationProtocol, pool: Pool | None = None) -> Initial:
    """The initial weights of a protocol: those that the set is made for, or new ones as the network's class makes them.

    Raises:
        UserError: what `DistilledSet.initial` raises.
    """
    if not protocol.plain_nets:
        return distilled.initial(pool)
    config = distilled.info["config"]
    channels, size = distilled.images.shape[2], distilled.images.shape[-1]
    check_network(distilled.make, config["net"], channels, size, len(distilled.info["classes"]))
    return RandomInitial(distilled.make, "default", config["seed"])


def trained(
    distilled: DistilledSet, net: StackedNet, loss: Loss, theta: Tensor, protocol: EvaluationProtocol
) -> list[tuple[StackedNet, Tensor]]:
    """Networks trained by a protocol: weights `[nets, P]`, with the module that they share.

    Networks with batch normalisation that the set was not distilled for normalise by the minibatch, whatever the
    protocol. They have running statistics of their own, so each gets a module and a loss of its own.

    Args:
        distilled: the set.
        net: the architecture.
        loss: `classification(net)`, which keeps what it has traced.
        theta: initial weights `[nets, P]`.
        protocol: how they are trained.
    """
    as_distilled = not protocol.plain_nets and MADE_FOR not in distilled.info
    if as_distilled or not net.batch_norms:
        return [(net, protocol.train(distilled, loss, theta))]
    nets = []
    for row in theta.split(1):
        own = StackedNet(net.module)
        of_batches = classification(own)
        of_batches.by_image = False
        with own.normalising_by_batch():
            nets.append((own, protocol.train(distilled, of_batches, row)))
    return nets
