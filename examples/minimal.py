"""Dataset distillation (Wang et al. 2018) in plain PyTorch: Algorithm 1, with its back-gradient written out.

Ten images, one a class, and three learned learning rates become all that a small network needs to learn to read digits.

    python examples/minimal.py               # the digits inside scikit-learn; a quarter of a minute
    python examples/minimal.py mnist.npz     # MNIST, from an .npz with x_train, y_train, x_test and y_test

`python -m dd` has all the rest.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.func import functional_call

EPOCHS, META_STEPS, NETS, BATCH = 3, 300, 4, 256


def load(path=None):
    """Images [N, 1, size, size], normalised, and labels [N], for training and for the test."""
    if path:
        file = np.load(path)
        x_train, y_train, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    else:
        digits = load_digits()
        x_train, x_test = np.split(digits.images, [1300])
        y_train, y_test = np.split(digits.target, [1300])
    mean, std = x_train.mean(), x_train.std()
    images = [torch.tensor((x - mean) / std, dtype=torch.float32).unsqueeze(1) for x in (x_train, x_test)]
    return images[0], torch.tensor(y_train).long(), images[1], torch.tensor(y_test).long()


def make_net(pixels):
    """A network with new random weights; the distilled images are for any of them."""
    layers = torch.nn.Flatten(), torch.nn.Linear(pixels, 32), torch.nn.Tanh(), torch.nn.Linear(32, 10)
    net = torch.nn.Sequential(*layers)
    for layer in (net[1], net[3]):
        torch.nn.init.xavier_normal_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return net


def loss_of(net, theta, x, y):
    """The loss l(x, theta) of Equation 1, of weights that come from outside as one row [P]."""
    parts = theta.split([p.numel() for p in net.parameters()])
    weights = {name: part.view_as(p) for (name, p), part in zip(net.named_parameters(), parts, strict=True)}
    return F.cross_entropy(functional_call(net, weights, (x,)), y)


def train(net, theta, images, labels, lrs):
    """Equation 9: theta_{t+1} = theta_t - eta_t grad l(x_t, theta_t). Returns theta_0 to theta_T."""
    path = [theta]
    for epoch_lrs in lrs:
        for x, y, lr in zip(images, labels, epoch_lrs, strict=True):
            theta = theta.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(loss_of(net, theta, x, y), theta)
            theta = (theta - lr * gradient).detach()
            path.append(theta)
    return path


def back_gradient(net, path, v, images, labels, lrs):
    """From v = dL/dtheta_T back through the steps to dL/dimages and dL/dlrs.

    A step is theta' = theta - eta g(x, theta). With s = <g(x, theta), v>, which v is held fixed in:
        dL/deta = -s        dL/dx = -eta ds/dx        dL/dtheta = v - eta ds/dtheta
    So each step needs only its own theta_t, and one derivative of a gradient: a Hessian-vector product.
    """
    d_images, d_lrs = torch.zeros_like(images), torch.zeros_like(lrs)
    steps = [(epoch, step) for epoch in range(len(lrs)) for step in range(len(images))]
    for t, (epoch, step) in reversed(list(enumerate(steps))):
        theta, x = path[t].detach().requires_grad_(), images[step].detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss_of(net, theta, x, labels[step]), theta, create_graph=True)
        s = gradient @ v
        ds_dtheta, ds_dx = torch.autograd.grad(s, (theta, x))
        lr = lrs[epoch, step]
        d_lrs[epoch, step] -= s.detach()
        d_images[step] -= lr * ds_dx
        v = v - lr * ds_dtheta
    return d_images, d_lrs


def meta_gradient(net, theta, images, labels, lrs, real_x, real_y):
    """The loss of the trained network on real images, and its gradient with respect to images and rates."""
    path = train(net, theta, images, labels, lrs)
    last = path[-1].detach().requires_grad_()
    loss = loss_of(net, last, real_x, real_y)
    (v,) = torch.autograd.grad(loss, last)
    return loss.detach(), *back_gradient(net, path, v, images, labels, lrs)


def flat(net):
    """The weights of a network as one row."""
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def main(path=None):
    """Algorithm 1: again and again, draw networks, train them on the images, and improve images and rates."""
    torch.manual_seed(0)
    train_x, train_y, test_x, test_y = load(path)
    pixels = train_x[0].numel()
    images = (0.5 * torch.randn(1, 10, *train_x.shape[1:])).requires_grad_()  # one step of ten images
    labels = torch.arange(10).unsqueeze(0)
    raw_lrs = torch.full((EPOCHS, 1), 0.1).expm1().log().requires_grad_()  # rates are softplus of these, so above 0
    adam = torch.optim.Adam([images, raw_lrs], lr=0.02)
    for meta_step in range(META_STEPS):
        chosen = torch.randperm(len(train_x))[:BATCH]
        lrs, losses = F.softplus(raw_lrs), []
        images.grad, d_lrs = torch.zeros_like(images), torch.zeros_like(lrs)
        for _ in range(NETS):
            net = make_net(pixels)
            data = images.detach(), labels, lrs.detach(), train_x[chosen], train_y[chosen]
            loss, d_images, d_net_lrs = meta_gradient(net, flat(net), *data)
            images.grad += d_images / NETS
            d_lrs += d_net_lrs / NETS
            losses.append(loss.item())
        lrs.backward(d_lrs)
        adam.step()
        raw_lrs.grad = None
        if (meta_step + 1) % 50 == 0:
            print(f"meta-step {meta_step + 1}: loss {sum(losses) / NETS:.3f}", flush=True)

    net = make_net(pixels)
    trained = train(net, flat(net), images.detach(), labels, F.softplus(raw_lrs).detach())[-1]
    torch.nn.utils.vector_to_parameters(trained, net.parameters())
    right = (net(test_x).argmax(1) == test_y).float().mean().item()
    print(f"a new network, after {EPOCHS} steps on the ten images: {100 * right:.1f} % of {len(test_x)} test images")


if __name__ == "__main__":
    main(*sys.argv[1:2])
