"""Names of what is measured about the relevance of tokens: methods, and how each of them is judged. No torch here."""

from __future__ import annotations

METHODS = ("attention", "gradient_x_input", "integrated_gradients", "occlusion", "random")
"""How the relevance of a token is found; the last is a ranking drawn at random, which the others must beat."""

TITLES = {
    "attention": "attention weights",
    "gradient_x_input": "gradient × input",
    "integrated_gradients": "integrated gradients",
    "occlusion": "occlusion",
    "random": "random ranking",
}

AGREEING = ("gradient_x_input", "integrated_gradients", "occlusion")
"""Methods that attention weights are compared with."""

RATED = (
    "AUROC",
    "average precision",
    "pointing game",
    "AUROC, signed",
    "AUROC with fresh weights",
    "AUROC, signed, with fresh weights",
)
"""What is measured of a method where it is known which tokens carry the label: of the size of relevance, and of
relevance with its sign. Fresh weights have learned nothing; sizes then find what stands out by itself."""

OPERATORS = ("masked", "swapped")
"""How tokens are taken away: masked, or replaced by another sample's token of the same place."""
MEASURES = ("comprehensiveness", "sufficiency", "deletion", "insertion")
FAITHFUL = tuple(f"{measure}, {operator}" for operator in OPERATORS for measure in MEASURES)
"""What is measured of a method by what a model says without some tokens."""
