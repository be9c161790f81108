"""How far the next version is."""

from mfpt_coord.core.progress import progress
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Progress
from support.coordinator_core import SWAHILI, ZULU, Federation


def test_it_says_which_updates_are_missing_and_how_far_the_slowest_of_each_language_is() -> None:
    federation = Federation(buffer=3, concurrency=9)
    for client, language in (("a", SWAHILI), ("b", ZULU), ("c", ZULU)):
        federation.ready(client, language)
    federation.update("a")
    federation.says("b", language=ZULU, phase="training", progress=0.9)
    federation.says("c", language=ZULU, phase="training", progress=0.694)

    said = progress(federation.state, federation.now)

    assert said == Progress(version=0, updates=1, needed=3, training=2, places=9, at_work={"zul": 0.69})


def test_after_the_last_version_nobody_is_waited_for() -> None:
    federation = Federation(buffer=1, last_version=1, concurrency=9)
    federation.ready("a")
    federation.ready("b")
    federation.update("a")

    assert progress(federation.state, federation.now) == Progress(version=1, places=9)


def test_it_is_small_however_many_languages_train() -> None:
    federation = Federation(concurrency=100)
    languages = [
        "amh",
        "hau",
        "ibo",
        "kin",
        "lin",
        "lug",
        "mos",
        "nya",
        "run",
        "sna",
        "som",
        "swh",
        "tir",
        "tsn",
        "twi",
        "wol",
        "xho",
        "yor",
        "zul",
    ]
    for number, language in enumerate(map(LanguageCode, languages)):
        federation.ready(f"d{number}", language)
        federation.says(f"d{number}", language=language, phase="training", progress=1 - number / 100)

    said = progress(federation.state, federation.now)

    assert said.training == 19
    assert list(said.at_work) == languages[:-9:-1]
    assert len(encode(said)) < 350
