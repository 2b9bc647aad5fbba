"""What a folder must say before a checkpoint is loaded from it. Reads JSON only; imports no model library."""

import json
from pathlib import Path
from typing import Any

from pagelens.core.errors import WeightsError

# The families of late interaction over page pictures, as colpali_engine names them, by their backbone's model type.
PAGE_FAMILIES = {
    "paligemma": "ColPali",
    "qwen2_vl": "ColQwen2",
    "qwen2_5_vl": "ColQwen2_5",
    "qwen3_vl": "ColQwen3",
    "idefics3": "ColIdefics3",
    "modernvbert": "ColModernVBert",
}


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


def check_clip_checkpoint(path: Path) -> None:
    """Raise WeightsError unless the folder has open_clip's configuration and a file of weights."""
    config = _read_json(path / "open_clip_config.json", of="open_clip")
    if not isinstance(config.get("model_cfg"), dict):
        raise WeightsError(f"expected a model_cfg in {path / 'open_clip_config.json'}; fetch the folder again")
    if not any(next(path.glob(f"*.{ending}"), None) for ending in ("safetensors", "bin", "pth")):
        raise WeightsError(f"expected weights beside open_clip_config.json in {path}, found none; fetch it whole")


def adapter_base(path: Path) -> str | None:
    """Return the name of the model that a folder's LoRA adapter goes on; None where the folder is a whole model.

    A base given as a path of another machine is known by its last name here. Raises WeightsError for neither.
    """
    if _own_weights(path) or not (path / "adapter_config.json").is_file():
        return None
    if not (path / "adapter_model.safetensors").is_file():
        raise WeightsError(f"expected adapter_model.safetensors in {path}, found none; fetch the folder again, whole")
    base = _read_json(path / "adapter_config.json", of="an adapter").get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise WeightsError(f"expected base_model_name_or_path in {path / 'adapter_config.json'}, found {base!r}")
    known = Path(base).is_dir() or (base.count("/") <= 1 and not base.startswith(("/", ".")))
    return base if known else Path(base).name


def check_page_checkpoint(path: Path) -> str:
    """Return the family of a whole model in a folder, one of `PAGE_FAMILIES`.

    Raises WeightsError where the folder is another kind of model or lacks its weights in safetensors (other formats
    run code when they are read).
    """
    config = _read_json(path / "config.json", of="a ColPali-like model")
    named = next(iter(config.get("architectures") or [""]))
    family = named if named in PAGE_FAMILIES.values() else PAGE_FAMILIES.get(config.get("model_type", ""))
    if family is None or "ForRetrieval" in named:
        known = ", ".join(PAGE_FAMILIES.values())
        raise WeightsError(
            f"expected one of {known} in {path / 'config.json'}, found {named or config.get('model_type')!r}; "
            "of a model that comes in two formats, take the one for colpali_engine (its name has no -hf)"
        )
    if not _own_weights(path):
        raise WeightsError(f"expected model*.safetensors in {path}, found none; fetch the folder again, whole")
    return family


def _own_weights(path: Path) -> bool:
    """Return whether the folder has a model's weights, and not only an adapter's."""
    return any(file.name != "adapter_model.safetensors" for file in path.glob("*.safetensors"))


def _read_json(file: Path, *, of: str) -> dict[str, Any]:
    """Return the object in a JSON file. Raises WeightsError."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as exc:
        raise WeightsError(f"expected {file.name} of {of} in {file.parent}, found none; fetch it whole") from exc
    except (OSError, ValueError) as exc:
        raise WeightsError(f"expected JSON in {file}, found {exc!r}; fetch the folder again") from exc
    if not isinstance(found, dict):
        raise WeightsError(f"expected an object in {file}, found {type(found).__name__}; fetch the folder again")
    return found
