"""What names of folders and files say by themselves: a person, a recording, a view, a note to the reader."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from mmbench.data.files.endings import stem_of

_PERSON = (
    *("actor", "actress", "subject", "subj", "sub", "speaker", "spk", "spkr", "person", "participant", "patient"),
    *("user", "writer", "author", "singer", "child", "student", "volunteer", "s", "p", "id", "sid", "pid"),
)
_RECORDING = (
    *("v", "vid", "video", "clip", "seq", "sequence", "scene", "shot", "take", "track", "rec", "recording"),
    *("session", "sess", "ses", "trial", "run", "episode", "g", "movie", "film", "part", "fold", "visit", "exam"),
    *("study", "series", "timepoint", "tp", "followup", "admission", "stay", "day", "week", "month", "frame"),
)
_VIEWS = (
    *("left", "right", "front", "back", "rear", "side", "top", "bottom", "upper", "lower", "frontal", "lateral"),
    *("rgb", "rgbd", "depth", "disparity", "flow", "normal", "normals", "ir", "infrared", "thermal", "nir", "swir"),
    *("lwir", "visible", "vis", "hyperspectral", "multispectral", "optical", "sar", "lidar", "radar", "mask", "masks"),
    *("segmentation", "seg", "edge", "edges", "skeleton", "pose", "heatmap", "grey", "gray", "colour", "color"),
    *("image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "frame", "frames", "audio"),
    *("audios", "sound", "sounds", "wav", "wavs", "music", "speech", "video", "videos", "text", "texts", "caption"),
    *("captions", "transcript", "transcripts", "cam", "camera", "view", "channel", "ch", "sensor", "eye", "mic"),
    *("t1", "t1c", "t1ce", "t2", "flair", "dwi", "adc", "pet", "ct", "mr", "mri", "ultrasound", "dark", "bright"),
    *("spectrogram", "spectrograms", "mel", "embedding", "embeddings", "features", "feature", "source", "reference"),
    *("acc", "accel", "accelerometer", "gyro", "gyroscope", "mag", "magnetometer", "imu", "emg", "ecg", "ekg", "eeg"),
    *("eog", "ppg", "bvp", "eda", "gsr", "barometer", "gps", "radio", "wifi", "signal", "signals", "tactile", "force"),
    *("pre", "post", "before", "after", "query", "target"),
)
_NOTES = re.compile(
    r"(read[-_ ]?me|licen[cs]e|copying|notice|authors?|contributors|changes|changelog|version|requirements|citation|"
    r"about|info|index|notes?|todo|description|howto|"
    r"(train|training|valid|validation|val|dev|test|testing|splits?|class|classes|labels?|categories|category|names|"
    r"all|files?|lists?|ids|wnids|words|vocab|metadata|annotations?|ind|map|classind|\d+|[-_ .])+)",
    re.IGNORECASE,
)

LEAST = 5
"""Names that tell something of how files are named."""

_SPLIT = re.compile(r"[_\-. ]+")


def is_note(path: str) -> bool:
    """Whether a text file is called like a readme, a licence, or a list of classes or of a split."""
    stem = stem_of(path)
    return re.search(r"[a-zA-Z]", stem) is not None and _NOTES.fullmatch(stem) is not None


def are_persons(values: Collection[str]) -> bool:
    """Whether all are codes of persons: `Actor_01`, `p225`, `subject 7`."""
    return _all_coded(values, _PERSON)


def are_recordings(values: Collection[str]) -> bool:
    """Whether all are codes of films or sessions: `vid1`, `clip_007`, `v_Archery_g01_c02`."""
    return _all_coded(values, _RECORDING) or (
        len(values) > 1 and all(_SPLIT.split(v.lower())[0] in _RECORDING and re.search(r"\d", v) for v in values)
    )


def _all_coded(values: Collection[str], words: Collection[str]) -> bool:
    found = [re.fullmatch(r"([a-z]+)[_\-. ]*\d+", v.lower()) for v in values]
    return len(values) > 1 and all(match is not None and match[1] in words for match in found)


def are_codes(values: Collection[str], most: int) -> bool:
    """Whether all hold digits and are otherwise of few forms, at most so many: `0001`, `x-12`."""
    forms = {form(v) for v in values}
    return len(values) > 1 and len(forms) <= most and all("#" in f for f in forms)


def are_views(values: Collection[str]) -> bool:
    """Whether all name a way to see, hear or write one thing: `left`, `rgb_images`, `cam2`."""
    said = [set(_SPLIT.split(v.lower())) for v in values]
    if any(tokens & {"no", "not", "non", "with", "without"} for tokens in said):
        return False  # Mask and no mask are classes.
    return all(any(re.sub(r"\d+$", "", w) in _VIEWS or w in _VIEWS for w in tokens) for tokens in said)


def are_frames(names: Collection[str]) -> bool:
    """Whether names only count pictures: `frame_0001`, `img2`."""
    forms = {form(name.lower()) for name in names}
    counted = re.compile(r"(frames?|images?|imgs?|pictures?|photos?|pic)?[-_. ]*#")
    return len(forms) == 1 and all(counted.fullmatch(f) is not None for f in forms)


def form(name: str) -> str:
    """A name with # for its numbers."""
    return re.sub(r"\d+", "#", name)


def are_running(stems: Iterable[str]) -> bool:
    """Whether names count: one form, few gaps, from 0 or 1. Folders that are counted alike share names by chance."""
    names = list(stems)
    numbers = [re.findall(r"\d+", name) for name in names]
    if len({form(name) for name in names}) != 1 or not numbers[0] or len(numbers[0][-1]) > 15:
        return False
    last = sorted({int(found[-1]) for found in numbers})
    return len({tuple(found[:-1]) for found in numbers}) == 1 and last[-1] - last[0] < 1.5 * len(last) and last[0] <= 1


def identify(names: Collection[str]) -> bool:
    """Whether names are of one thing each, such as hashes, words, or numbers with gaps. Names that count, or are put
    together from few parts, recur by themselves."""
    split = [re.findall(r"\d+|[^\W\d_]+", name) for name in names]
    if len(split) < LEAST:
        return False
    if len({len(found) for found in split}) > 1:
        return True
    for part in zip(*split, strict=True):
        values = set(part)
        if len(values) < len(split) / 2:
            continue
        if not all(v.isdecimal() for v in values):
            return True
        numbers = sorted(map(int, values))
        if numbers[-1] - numbers[0] >= 1.5 * len(numbers) or numbers[0] > 1:
            return True
    return False


def parts(stem: str) -> Sequence[str]:
    """What a name is made of: `3_ann_12` -> 3, ann, 12."""
    return re.split(r"[_\- ]+", stem)
