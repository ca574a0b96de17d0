"""A network's training: MNIST's digits, their augmented copies, and drawings that are no digit.

One thread, whatever the machine has: with several, their number decides the last bits of the weights.
"""

from __future__ import annotations

import copy
import time

import numpy as np
import torch
from torch.nn import functional

from augmented import Augmented
from batches import Plan, batches
from calibration import find_temperature
from mnist import say
from network import Network, count_of_parameters, ready


def train_network(
    images: np.ndarray, labels: np.ndarray, augmented: Augmented, *, seed: int, plan: Plan
) -> Network:
    """The network as it is released, its temperature chosen on digits that it did not learn from.

    Args:
        images, labels: MNIST's training digits, (60000, 28, 28) and (60000,) uint8.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    network = Network().to(memory_format=torch.channels_last)
    say(
        f"training a network of {count_of_parameters(network):,} numbers on {len(augmented.learnt):,} "
        f"digits, {len(augmented.copies)} copies of each, {len(augmented.outliers):,} drawings that are none"
    )
    averaged = _trained(network, images, labels, augmented, seed, plan)
    temperature = choose_temperature(averaged, images, labels, augmented)
    say(f"temperature {temperature}")
    return ready(averaged, temperature)


def _trained(
    network: Network, images: np.ndarray, labels: np.ndarray, augmented: Augmented, seed: int, plan: Plan
) -> Network:
    """The moving average of the network's weights, at the end of the training."""
    steps = max(1, round(plan.epochs * len(augmented.learnt) / plan.batch))
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=plan.decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.rate, total_steps=steps)
    averaged = copy.deepcopy(network).requires_grad_(False)
    began, told, sum_of_losses = time.monotonic(), 0, 0.0
    for step, (batch, truth) in enumerate(batches(images, labels, augmented, seed, plan, steps), 1):
        loss = loss_of(network.train().logits(torch.from_numpy(batch)), torch.from_numpy(truth), plan)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
        # subtle: the average keeps less at first, or it would remember the weights of the beginning
        follow(averaged, network, min(plan.average, (1 + step) / (10 + step)))
        sum_of_losses += loss.item()
        if step % max(1, steps // 20) == 0:
            seconds = time.monotonic() - began
            say(f"step {step} of {steps}, loss {sum_of_losses / (step - told):.4f}, {seconds:.0f} s")
            told, sum_of_losses = step, 0.0
    return averaged


def loss_of(logits: torch.Tensor, truth: torch.Tensor, plan: Plan) -> torch.Tensor:
    """The loss of digits, and of the drawings behind them: of those no class is likelier than another."""
    digits = len(truth)
    known = functional.cross_entropy(logits[:digits], truth, label_smoothing=plan.smoothing)
    if digits == len(logits):
        return known
    unknown = -functional.log_softmax(logits[digits:], dim=1).mean()
    return known + plan.outlier_weight * unknown


def follow(averaged: Network, network: Network, keep: float) -> None:
    """Moves the average towards the network: weights, and the means and variances of batch norms."""
    with torch.no_grad():
        pairs = zip(averaged.state_dict().values(), network.state_dict().values(), strict=True)
        for mean, value in pairs:
            if mean.is_floating_point():
                mean.lerp_(value, 1 - keep)
            else:
                mean.copy_(value)


def choose_temperature(
    network: Network, images: np.ndarray, labels: np.ndarray, augmented: Augmented
) -> float:
    """The temperature with which kept digits, as they are and drawn anew, are likeliest."""
    scores = scores_of(network, np.concatenate([images[augmented.kept], augmented.kept_copies]))
    return find_temperature(scores, np.tile(labels[augmented.kept], 2).astype(np.intp))


def scores_of(network: Network, images: np.ndarray) -> np.ndarray:
    """(N, 10) float64: the shares of (N, 28, 28) uint8 images."""
    torch.set_num_threads(1)
    parts = []
    with torch.no_grad():
        for begin in range(0, len(images), 500):
            # subtle: MNIST's arrays are read-only, and PyTorch takes none of those
            part = torch.from_numpy(images[begin : begin + 500].copy())
            parts.append(network.eval()(part).numpy().astype(np.float64))
    return np.concatenate(parts)
