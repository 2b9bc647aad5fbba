"""Checks of a checkpoint's folder before it is loaded. Reads JSON files only and imports no model library."""

import json
from pathlib import Path
from typing import Any

from pagelens.core.errors import WeightsError

# Families of late interaction over page images: the backbone's model type and colpali_engine's class name.
PAGE_FAMILIES = {
    "paligemma": "ColPali",
    "qwen2_vl": "ColQwen2",
    "qwen2_5_vl": "ColQwen2_5",
    "qwen3_vl": "ColQwen3",
    "idefics3": "ColIdefics3",
    "modernvbert": "ColModernVBert",
}


def check_text_checkpoint(path: Path) -> None:
    """Raise WeightsError unless the folder has modules.json, whose modules are sentence-transformers' own, and the
    configuration of each pooling listed in it.

    Without modules.json, sentence-transformers uses mean pooling without a warning, which is wrong for BGE and other
    models that were trained with CLS pooling.
    """
    modules_file = path / "modules.json"
    try:
        modules = json.loads(modules_file.read_text("utf-8"))
        types = [str(module["type"]) for module in modules]
        poolings = [f"{module['path']}/config.json" for module in modules if module["type"].endswith("Pooling")]
    except FileNotFoundError as exc:
        raise WeightsError(_missing_file("modules.json", path)) from exc
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise WeightsError(
            f"expected a list of modules in {modules_file}, found {exc!r}; fetch the folder again"
        ) from exc
    if others := [name for name in types if not name.startswith("sentence_transformers.")]:
        raise WeightsError(
            f"expected modules of sentence-transformers alone in {modules_file}, found {others[0][:80]}: code of a "
            "checkpoint is never run. Choose another model."
        )
    for pooling in poolings:
        if not (path / pooling).is_file():
            raise WeightsError(_missing_file(pooling, path))


def _missing_file(missing: str, path: Path) -> str:
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
    """Return the name of the base model of a folder's LoRA adapter; None if the folder is a whole model.

    If the base is a path of another machine, its last part is returned. Raises WeightsError for an incomplete adapter.
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
    """Return the family of a whole model in a folder, one of the values of `PAGE_FAMILIES`.

    Raises WeightsError if the folder is another kind of model or has no weights in safetensors (other formats can run
    code when they are read).
    """
    config = _read_json(path / "config.json", of="a ColPali-like model")
    architecture = next(iter(config.get("architectures") or [""]))
    family = architecture if architecture in PAGE_FAMILIES.values() else PAGE_FAMILIES.get(config.get("model_type", ""))
    if family is None or "ForRetrieval" in architecture:
        known = ", ".join(PAGE_FAMILIES.values())
        raise WeightsError(
            f"expected one of {known} in {path / 'config.json'}, found {architecture or config.get('model_type')!r}; "
            "if the model comes in two formats, use the one for colpali_engine (without -hf in its name)"
        )
    if not _own_weights(path):
        raise WeightsError(f"expected model*.safetensors in {path}, found none; fetch the folder again, whole")
    return family


def _own_weights(path: Path) -> bool:
    """Return whether the folder has the weights of a model, not only those of an adapter."""
    return any(file.name != "adapter_model.safetensors" for file in path.glob("*.safetensors"))


def _read_json(file: Path, *, of: str) -> dict[str, Any]:
    """Return the object in a JSON file. Raises WeightsError."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as exc:
        raise WeightsError(f"expected {file.name} of {of} in {file.parent}, found none; fetch it whole") from exc
    except (OSError, ValueError) as exc:
        raise WeightsError(f"expected JSON in {file}, found {exc!r}; fetch the folder again") from exc
    if not isinstance(content, dict):
        raise WeightsError(f"expected an object in {file}, found {type(content).__name__}; fetch the folder again")
    return content
