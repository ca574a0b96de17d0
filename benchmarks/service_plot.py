"""The plot of docs/peers.md: how many times more requests PixelWise answers than each other service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # draws into a file, needs no screen
from matplotlib import pyplot as plt
from service_claims import OURS, PEER_TIMES, PLAIN, PLAIN_TIMES, times_more


def draw(runs: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """A bar for each service, the spread over the rounds as a line, the target as a mark; a PNG."""
    names = [name for name in runs if name != OURS][::-1]
    ratios = [times_more(runs, name) for name in names]
    targets = [(PLAIN_TIMES if name in PLAIN else PEER_TIMES)[0] for name in names]
    with plt.rc_context({"font.family": "DejaVu Sans", "font.size": 10}):
        figure, axes = plt.subplots(figsize=(9, 0.5 * len(names) + 1.2), layout="constrained")
        places = range(len(names))
        below = [ratio.value - ratio.low for ratio in ratios]
        above = [ratio.high - ratio.value for ratio in ratios]
        values = [ratio.value for ratio in ratios]
        axes.barh(places, values, 0.6, color="#0b5394", label="PixelWise")
        axes.errorbar(values, places, xerr=[below, above], fmt="none", ecolor="#333333", capsize=3)
        axes.scatter(targets, places, marker="|", s=350, linewidths=2, color="#e69138", label="target", zorder=3)
        for place, ratio in zip(places, ratios, strict=True):
            axes.annotate(
                f"{ratio.value:.1f}x", (ratio.high, place), xytext=(6, 0), textcoords="offset points", va="center"
            )
        axes.axvline(1, color="#333333", linewidth=1)
        axes.set_yticks(places, names)
        axes.set_xlabel("times more requests answered by PixelWise")
        axes.set_xlim(0, 1.12 * max(*targets, *(ratio.high for ratio in ratios)))
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        figure.legend(loc="outside lower right", ncols=2, frameon=False)
        figure.savefig(path, dpi=110, metadata={"Software": None})
        plt.close(figure)
