"""The endings by which `init` knows what a file holds: of every kind that the decoders read."""

from __future__ import annotations

ENDINGS: dict[str, tuple[str, ...]] = {
    "image": (
        *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"),
        *(".tga", ".pcx", ".sgi", ".ico"),
    ),
    "audio": (
        *(".wav", ".flac", ".ogg", ".oga", ".mp3", ".opus", ".aiff", ".aif", ".aifc", ".au", ".snd", ".caf"),
        *(".w64", ".m4a", ".aac", ".wma", ".mka", ".weba"),
    ),
    "video": (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".mts", ".m2ts", ".flv"),
        *(".wmv", ".asf", ".3gp", ".3g2", ".ogv", ".mxf", ".vob"),
    ),
    "text": (".txt",),
    "vector": (".npy", ".npz"),
}

SUFFIXES: dict[str, str] = {ending: kind for kind, endings in ENDINGS.items() for ending in endings}
"""Ending -> kind of file."""

NUMBERS = (".csv", ".tsv")
"""Of files that are a sample each where they lie below a folder and hold numbers; elsewhere they are tables."""

TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".csv.gz", ".jsonl.gz")
"""Of files that may be a data set's table, where they lie in the folder itself."""

REMEDIES: dict[str, str] = {
    **dict.fromkeys((".heic", ".heif", ".heics"), ".jpg"),
    **dict.fromkeys((".svg", ".pdf", ".eps", ".ps", ".psd", ".dng", ".cr2", ".cr3", ".nef", ".arw"), ".png"),
    **dict.fromkeys((".mat", ".pt", ".pth", ".pkl", ".pickle", ".h5", ".hdf5", ".feather", ".nii", ".dcm"), ".npy"),
    **dict.fromkeys((".amr", ".wv", ".ape", ".mid"), ".wav"),
    **dict.fromkeys((".xls", ".xlsx", ".ods"), ".csv"),
    **dict.fromkeys((".rar", ".7z"), ".zip"),
    **dict.fromkeys((".doc", ".docx", ".rtf", ".md", ".srt", ".vtt", ".lab"), ".txt"),
}
"""Endings that are not read -> as what to save such files, where they are data."""


def ending_of(path: str) -> str:
    """The ending in lower case, without a `.gz` behind it, which is read through: `.png`; "" where there is none."""
    # As PurePosixPath says, at a tenth of the time: it is asked of every file several times.
    name = path.rsplit("/", 1)[-1].lower().removesuffix(".gz")
    dot = name.rfind(".")
    return name[dot:] if 0 < dot < len(name) - 1 else ""


def is_table(path: str) -> bool:
    return "/" not in path and path.lower().endswith(TABLES)


def kind_of(path: str) -> str | None:
    """The kind of file that a name says it is."""
    return SUFFIXES.get(ending_of(path))


def kind_below(path: str) -> str | None:
    """The same, where tables of numbers that lie below a folder are samples."""
    return kind_of(path) or ("vector" if "/" in path and ending_of(path) in NUMBERS else None)


def stem_of(path: str) -> str:
    """The last part without its ending: `7` of `img/7.png` and of `7.npy.gz`."""
    name = path.rsplit("/", 1)[-1]
    name = name[:-3] if name.lower().endswith(".gz") else name
    dot = name.rfind(".")
    return name[:dot] if 0 < dot < len(name) - 1 else name
