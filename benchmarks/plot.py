"""The plot: how many times faster than the plain path, by version and batch size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # draws into a file, needs no screen
from claims import is_aimed, ratio
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

SERIES = (
    ("classify_batch, against the plain answers", "classify_batch", "plain answers", "#0b5394"),
    ("engine, against the plain array", "engine", "plain scores", "#6fa8dc"),
    ("onnxruntime, against the plain array", "onnxruntime", "plain scores", "#b7b7b7"),
)
BAR = 0.27


def draw(results: dict[str, Any], path: Path) -> None:
    """One panel for each version, with one thread; a PNG."""
    passes = [one for one in results["passes"] if is_aimed(one)]
    with plt.rc_context({"font.family": "DejaVu Sans", "font.size": 10, "axes.spines.top": False}):
        figure, panels = plt.subplots(1, len(passes), figsize=(11, 4), sharey=True, layout="constrained", squeeze=False)
        for axes, one_pass in zip(panels[0], passes, strict=True):
            _panel(axes, one_pass)
        panels[0][0].set_ylabel("times faster than the plain path")
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(SERIES), frameon=False)
        figure.savefig(path, dpi=110, metadata={"Software": None})
        plt.close(figure)


def _panel(axes: Axes, one_pass: dict[str, Any]) -> None:
    sizes = list(one_pass["seconds"])
    for place, (label, ours, other, colour) in enumerate(SERIES):
        speedups = [ratio(seconds[ours], seconds[other], None).value for seconds in one_pass["seconds"].values()]
        positions = [index + (place - 1) * BAR for index in range(len(sizes))]
        # From 1 upwards: on a logarithmic axis a bar's foot must mean something, and 1 is "as fast".
        bars = axes.bar(positions, [value - 1 for value in speedups], BAR * 0.92, bottom=1, label=label, color=colour)
        texts = [f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" for value in speedups]
        axes.bar_label(bars, texts, padding=2, fontsize=8, color="#333333")
    axes.set_yscale("log")
    axes.axhline(1, color="#333333", linewidth=1)
    axes.set_yticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    axes.minorticks_off()
    axes.set_xticks(range(len(sizes)), [f"{int(size):,}" for size in sizes])
    axes.set_xlabel("images in one call")
    axes.set_title(f"{one_pass['version']}: {one_pass['kind']}", fontsize=10)
    axes.spines["right"].set_visible(False)
    axes.tick_params(axis="x", length=0)
