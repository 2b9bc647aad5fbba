"""What a folder must say before a text checkpoint is loaded from it. Reads JSON only; imports no model library."""

import json
from pathlib import Path

from core.errors import WeightsError


def check_text_checkpoint(path: Path) -> None:
    """Raise WeightsError unless the folder says how its model is to be used: modules.json and each pooling it names.

    Without modules.json sentence-transformers takes the mean over tokens, with no word about it, which is wrong for
    BGE and others that were trained on their first token.
    """
    listing = path / "modules.json"
    try:
        modules = json.loads(listing.read_text("utf-8"))
        poolings = [f"{module['path']}/config.json" for module in modules if module["type"].endswith("Pooling")]
    except FileNotFoundError as exc:
        raise WeightsError(_without("modules.json", path)) from exc
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise WeightsError(f"expected a list of modules in {listing}, found {exc!r}; fetch the folder again") from exc
    for pooling in poolings:
        if not (path / pooling).is_file():
            raise WeightsError(_without(pooling, path))


def _without(missing: str, path: Path) -> str:
    return (
        f"expected {missing} in {path}, found none: without it the pooling is a guess, and for BGE a wrong one. "
        "Fetch the whole repository of the checkpoint (modules.json, 1_Pooling/config.json and "
        "sentence_bert_config.json beside the weights), or save it with sentence-transformers, its pooling named: "
        'SentenceTransformer(modules=[Transformer(folder), Pooling(dim, "cls")]).save(folder)'
    )
