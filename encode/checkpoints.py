"""Checks of a checkpoint's folder before it is loaded. Reads JSON files only and imports no model library."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

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

# Model types of transformers, as config.json names them.
CLIP_FAMILIES = ("clip", "siglip", "siglip2")  # image and text encoders of one space
VISION_FAMILIES = ("dinov2", "dinov2_with_registers")  # image encoders whose class token is the image's vector

ImageFormat = Literal["open_clip", "transformers"]
"""The library that loads an image encoder's folder."""

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")  # of transformers, the preferred first


def check_text_checkpoint(path: Path) -> None:
    """Raise WeightsError unless the folder has modules.json, whose modules are sentence-transformers' own, and the
    configuration of each pooling listed in it.

    Without modules.json, sentence-transformers uses mean pooling without a warning, which is wrong for BGE and other
    models that were trained with CLS pooling.
    """
    poolings = [f"{folder}/config.json" for name, folder in _read_modules(path) if name.endswith("Pooling")]
    for pooling in poolings:
        if not (path / pooling).is_file():
            raise WeightsError(_missing_file(pooling, path))


def _read_modules(path: Path) -> list[tuple[str, str]]:
    """Return type and folder of each module of sentence-transformers. Raises WeightsError for other code."""
    modules_file = path / "modules.json"
    try:
        modules = [(str(module["type"]), str(module["path"])) for module in json.loads(modules_file.read_text("utf-8"))]
    except FileNotFoundError as exc:
        raise WeightsError(_missing_file("modules.json", path)) from exc
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise WeightsError(
            f"expected a list of modules in {modules_file}, found {exc!r}; fetch the folder again"
        ) from exc
    if others := [name for name, _ in modules if not name.startswith("sentence_transformers.")]:
        raise WeightsError(
            f"expected modules of sentence-transformers alone in {modules_file}, found {others[0][:80]}: code of a "
            "checkpoint is never run. Choose another model."
        )
    return modules


def _missing_file(missing: str, path: Path) -> str:
    return (
        f"expected {missing} in {path}, found none: without it the pooling is a guess, and for BGE a wrong one. "
        "Fetch the whole repository of the checkpoint (modules.json, 1_Pooling/config.json and "
        "sentence_bert_config.json beside the weights), or save it with sentence-transformers, its pooling named: "
        'SentenceTransformer(modules=[Transformer(folder), Pooling(dim, "cls")]).save(folder)'
    )


def check_clip_checkpoint(path: Path) -> tuple[ImageFormat, Path]:
    """Return the format of an image encoder's folder, and the folder in which its files are.

    The formats are open_clip's (open_clip_config.json), Hugging Face's (config.json) and that of sentence-transformers
    (modules.json, which names a folder in Hugging Face's). Raises WeightsError for any other folder, one without
    weights, or a model that needs code of its own.
    """
    if (path / "open_clip_config.json").exists():
        _check_open_clip(path)
        return "open_clip", path
    if (path / "modules.json").exists():
        path = _clip_module(path)
    elif not (path / "config.json").exists() or "model_type" not in _read_json(path / "config.json", of="transformers"):
        raise WeightsError(
            f"expected open_clip_config.json (open_clip), config.json with a model_type (transformers) or modules.json "
            f"(sentence-transformers) in {path}, found none; fetch it whole"
        )
    check_transformers_clip(path)
    return "transformers", path


def check_transformers_clip(path: Path) -> str:
    """Return the model type, one of `CLIP_FAMILIES`, of a folder in Hugging Face's format. Raises WeightsError."""
    return _check_family(path, CLIP_FAMILIES, of="an image and text encoder")


def check_vision_transformer(path: Path) -> str:
    """Return the model type, one of `VISION_FAMILIES`, of a folder in Hugging Face's format. Raises WeightsError."""
    return _check_family(path, VISION_FAMILIES, of="an image encoder")


def check_visual_checkpoint(path: Path) -> None:
    """Raise WeightsError unless the folder holds a model for the `visual` lane: DINOv2, or any CLIP-like model."""
    if not is_vision_transformer(path):
        check_clip_checkpoint(path)
        return
    check_vision_transformer(path)


def is_vision_transformer(path: Path) -> bool:
    """Return whether a folder's config.json names an image encoder without a text encoder. Raises WeightsError."""
    file = path / "config.json"
    return file.exists() and _read_json(file, of="transformers").get("model_type") in VISION_FAMILIES


def weights_files(path: Path) -> list[Path]:
    """Return the files from which transformers loads a model's weights: safetensors, else PyTorch's; may be empty."""
    return next((found for pattern in _WEIGHTS if (found := sorted(path.glob(pattern)))), [])


def _check_open_clip(path: Path) -> None:
    config = _read_json(path / "open_clip_config.json", of="open_clip")
    if not isinstance(config.get("model_cfg"), dict):
        raise WeightsError(f"expected a model_cfg in {path / 'open_clip_config.json'}; fetch the folder again")
    if not any(next(path.glob(f"*.{ending}"), None) for ending in ("safetensors", "bin", "pth")):
        raise WeightsError(f"expected weights beside open_clip_config.json in {path}, found none; fetch it whole")


def _check_family(path: Path, families: Sequence[str], *, of: str) -> str:
    config = _read_json(path / "config.json", of=of)
    family = config.get("model_type")
    if family not in families:
        own_code = "; it needs code of its own, which is never run" if config.get("auto_map") else ""
        raise WeightsError(
            f"expected {of} ({', '.join(families)}) in {path / 'config.json'}, found {str(family)[:80]!r}{own_code}. "
            "Choose another model"
        )
    if not weights_files(path):
        raise WeightsError(
            f"expected weights ({' or '.join(_WEIGHTS)}) beside config.json in {path}, found none; fetch it whole"
        )
    return str(family)


def _clip_module(path: Path) -> Path:
    """Return the folder of the one model that modules.json lists. Raises WeightsError for code of its own, or layers
    behind the model, which would change its vectors."""
    modules = _read_modules(path)
    allowed = [name.rpartition(".")[2] for name, _ in modules]
    if allowed not in (["CLIPModel"], ["Transformer"], ["CLIPModel", "Normalize"], ["Transformer", "Normalize"]):
        raise WeightsError(
            f"expected one CLIP model in {path / 'modules.json'}, found {', '.join(allowed)[:80]}: a text encoder for "
            "the space of another model has no image encoder. Choose another model"
        )
    folder = (path / modules[0][1]).resolve()
    if not folder.is_relative_to(path.resolve()):
        raise WeightsError(f"expected a module inside {path}, found {modules[0][1][:80]!r}; fetch the folder again")
    return folder


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
