"""mmbench: which attention, fusion and architecture is best for your multimodal data, and can you trust the answer?"""

__version__ = "0.1.0"
