"""The table of datasets: where their archives are served and where each one unpacks.

All of these servers were unreachable when this was written. The addresses are those that public code
downloads from, and each entry names this code. No dataset publishes checksums: an MD5 below comes from a third
party, which is named, and every other archive is trusted on first use (see `checksums`).
"""

from __future__ import annotations

from dataclasses import dataclass

from humotion.errors import HumotionError

SUFFIXES = (".rar", ".zip", ".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True)
class Published:
    """An MD5 that a third party publishes, not the dataset's authors; ``by`` names the third party."""

    md5: str
    by: str


@dataclass(frozen=True)
class Archive:
    """One file to download.

    Its content goes to ``folder`` below the dataset's root ("" is the root itself). A single top folder
    named ``wrapper`` is left out, so that an archive packed with or without it gives the same tree.
    ``nested``: it contains archives; the content of each goes to a folder with the name of that archive.
    ``room``: disk space for unpacking, in sizes of the archive. It is an estimate: video and JPEG hardly shrink.
    """

    name: str
    url: str
    folder: str = ""
    wrapper: str = ""
    nested: bool = False
    room: float = 1.2
    published: Published | None = None

    @property
    def stem(self) -> str:
        """The name without its suffix: a mirror may serve ``hmdb51_org.zip`` instead of the RAR."""
        return next(self.name.removesuffix(suffix) for suffix in SUFFIXES if self.name.endswith(suffix))

    @property
    def names(self) -> tuple[str, ...]:
        """The official name, then the same archive in another format."""
        return (self.name, *(f"{self.stem}{s}" for s in SUFFIXES if f"{self.stem}{s}" != self.name))


@dataclass(frozen=True)
class Source:
    """A dataset.

    ``layout`` names its reader, which knows its terms. ``page`` is its web page. ``known`` is what is publicly known
    about the state of its server.
    """

    layout: str
    page: str
    known: str
    archives: tuple[Archive, ...]


_SERRE = "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10"
_MPI = "https://files.is.tue.mpg.de/jhmdb"

HMDB51 = Source(
    layout="hmdb51",
    page="https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/",
    known=(
        "In November 2025 the FiftyOne project called this server defunct (github.com/voxel51/fiftyone/pull/6528). "
        "huggingface.co/datasets/MichiganNLP/hmdb lists hmdb51_org.zip and test_train_splits.zip, not verified by us: "
        "--mirror https://huggingface.co/datasets/MichiganNLP/hmdb/resolve/main"
    ),
    archives=(
        Archive(
            "hmdb51_org.rar",
            f"{_SERRE}/hmdb51_org.rar",
            wrapper="hmdb51_org",
            nested=True,
            room=2.2,
            published=Published("517d6f1f19f215c45cdd4d25356be1fb", "google-deepmind/dmvr"),
        ),
        Archive(
            "test_train_splits.rar",
            f"{_SERRE}/test_train_splits.rar",
            folder="testTrainMulti_7030_splits",
            wrapper="testTrainMulti_7030_splits",
            room=20,
            published=Published("15e67781e70dcfbdce2d7dbb9b3344b5", "torchvision and google-deepmind/dmvr"),
        ),
    ),
)
"""Its page: "HMDB51 – About 2GB for a total of 7,000 clips distributed in 51 action classes", "Three splits".
Both addresses are in torchvision/datasets/hmdb51.py and google-deepmind/dmvr's HMDB example. The outer RAR
contains one RAR per class: a dozen public scripts have ``for i in *.rar; do unrar x $i; done``."""

PENN_ACTION = Source(
    layout="penn_action",
    page="http://dreamdragon.github.io/PennAction/",
    known=(
        "The Box link of its page is reported dead (github.com/dreamdragon/PennAction/issues/3). Public scripts "
        "use the address above, and one reports that it is slow."
    ),
    archives=(
        Archive("Penn_Action.tar.gz", "https://www.cis.upenn.edu/~kostas/Penn_Action.tar.gz", wrapper="Penn_Action"),
    ),
)
"""``Penn_Action/{frames,labels}``, as public scripts unpack it; two of them state a size of 3,235,203,923 bytes."""

JHMDB = Source(
    layout="jhmdb",
    page="http://jhmdb.is.tue.mpg.de/",
    known=(
        "Its site is reported dead since 2025 (github.com/open-mmlab/mmpose/issues/3248, where a maintainer names "
        "unverified copies on OpenDataLab and Kaggle)."
    ),
    archives=(
        *(
            Archive(f"{stem}.zip", f"{_MPI}/{stem}.zip", folder=folder, wrapper=folder)
            for stem, folder in (
                ("JHMDB_video", "ReCompress_Videos"),
                ("joint_positions", "joint_positions"),
                ("puppet_mask", "puppet_mask"),
                ("splits", "splits"),
                ("sub_splits", "sub_splits"),
            )
        ),
    ),
)
"""The addresses are those in ilikepistachio/TCNN_STCNN's prepare_jhmdb.sh and others. ``sub_splits.zip`` has no top
folder (``unzip sub_splits.zip -d JHMDB/sub_splits``). The others have one with their own name, but the one in
``JHMDB_video.zip`` is ``ReCompress_Videos``."""

SOURCES = {source.layout: source for source in (HMDB51, PENN_ACTION, JHMDB)}


def find_source(name: str) -> Source:
    """A dataset of the table; for an unknown name, raises HumotionError, which lists the datasets."""
    if name not in SOURCES:
        raise HumotionError(
            f"humotion fetch does not know the dataset {name!r}. It knows: {', '.join(SOURCES)}, "
            "and blazepose and efficientnet-lite0, whose weights it fetches."
        )
    return SOURCES[name]
