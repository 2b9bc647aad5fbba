"""Models that run here through transformers: vision-language ones by checkpoint (Qwen2.5-VL, SmolVLM and their kin),
and text ones, which say that they do not see. From a folder; nothing is fetched. Knows nothing of pages and citations.
"""

import io
import threading
from collections.abc import Generator
from pathlib import Path
from queue import Empty
from typing import Any

import torch
import transformers
from PIL import Image

from pagelens.core.errors import GenerationError
from pagelens.generate.llm.chat import ChatEvent, ChatRequest, Finished, ImagePart, TextDelta

library: Any = transformers  # whose signatures lag behind what its classes take
SILENCE = 600.0  # seconds without a token; on a CPU the first waits for every picture
THREAD = "pagelens-reply"
JOIN = 60.0  # seconds that a cancelled run may still take for the token it is at


class LocalModel:
    """A checkpoint, loaded. One reply at a time: further calls wait for their turn."""

    def __init__(self, folder: Path, *, device: str | None = None, silence: float = SILENCE) -> None:
        """Load the checkpoint at `folder`. Raises GenerationError where there is none that can be used."""
        self.name = folder.name
        self._silence = silence
        self._turn = threading.Lock()
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        kind = torch.bfloat16 if device.startswith("cuda") else torch.float32
        try:
            config = library.AutoConfig.from_pretrained(folder, local_files_only=True)
            self.accepts_images = type(config) in library.AutoModelForImageTextToText._model_mapping
            family = library.AutoModelForImageTextToText if self.accepts_images else library.AutoModelForCausalLM
            reader = library.AutoProcessor if self.accepts_images else library.AutoTokenizer
            self._reader = reader.from_pretrained(folder, local_files_only=True)
            self._model = family.from_pretrained(folder, local_files_only=True, dtype=kind).to(device).eval()
        except (OSError, ValueError, KeyError, ImportError) as exc:
            raise GenerationError(
                "no-model", f"expected a checkpoint that transformers knows at {folder}, cannot load it: {exc}"
            ) from exc
        self._tokenizer = getattr(self._reader, "tokenizer", self._reader)
        text = config.get_text_config()
        self._context = int(getattr(text, "max_position_embeddings", 0) or 0)
        if not (getattr(self._reader, "chat_template", None) or self._tokenizer.chat_template):
            raise GenerationError("no-model", f"expected a model that chats at {folder}, found one without a template")

    def stream(self, request: ChatRequest) -> Generator[ChatEvent]:
        """Yield the reply; closing the generator stops the run. Raises GenerationError."""
        if request.pictures and not self.accepts_images:
            raise GenerationError("no-pictures", f"expected a request without pictures for {self.name}, found some")
        with self._turn:
            yield from self._run(request)

    def _run(self, request: ChatRequest) -> Generator[ChatEvent]:
        inputs = self._inputs(request)
        length = int(inputs["input_ids"].shape[1])
        if self._context and length + request.max_tokens > self._context:
            raise GenerationError(
                "too-long", f"expected at most {self._context} tokens, reply included; found {length} to read"
            )
        run = _Run(self._model, self._tokenizer, inputs, request.max_tokens, self._silence)
        try:
            yield from run.pieces()
        finally:
            run.stop()
        written = run.written - length
        yield Finished("length" if written >= request.max_tokens else "stop", length, written)

    def _inputs(self, request: ChatRequest) -> Any:
        """Return the tokens and pixels of a request, on the model's device."""
        turns: list[dict[str, Any]] = [{"role": "system", "content": _content([request.system], self.accepts_images)}]
        for message in request.messages:
            parts = [
                Image.open(io.BytesIO(part.data)).convert("RGB") if isinstance(part, ImagePart) else part.text
                for part in message.parts
            ]
            turns.append({"role": message.role, "content": _content(parts, self.accepts_images)})
        options = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
        inputs = self._reader.apply_chat_template(turns, **options).to(self._model.device)
        for name, tensor in inputs.items():
            if tensor.is_floating_point():
                inputs[name] = tensor.to(self._model.dtype)
        return inputs


def _content(parts: list[Any], accepts_images: bool) -> Any:
    """Return a turn's content as chat templates take it: parts for models that see, one string for others."""
    if not accepts_images:
        return "\n".join(parts)
    return [{"type": "text", "text": one} if isinstance(one, str) else {"type": "image", "image": one} for one in parts]


class _Run:
    """One reply being made in a thread of its own."""

    def __init__(self, model: Any, tokenizer: Any, inputs: Any, max_tokens: int, silence: float) -> None:
        self.written = 0  # tokens, those of the prompt counted
        self._stopped = threading.Event()
        self._error: Exception | None = None
        self._silence = silence
        self._streamer = library.TextIteratorStreamer(
            tokenizer, skip_prompt=True, timeout=silence, skip_special_tokens=True
        )
        settings = {
            **inputs,
            "max_new_tokens": max_tokens,
            "do_sample": False,
            "streamer": self._streamer,
            "stopping_criteria": library.StoppingCriteriaList([self._should_stop]),
        }
        self._thread = threading.Thread(target=self._work, args=(model, settings), name=THREAD, daemon=True)
        self._thread.start()

    def _work(self, model: Any, settings: dict[str, Any]) -> None:
        try:
            with torch.inference_mode():
                self.written = int(model.generate(**settings).shape[1])
        except Exception as exc:  # noqa: BLE001 - whatever a checkpoint's code raises is told to the reader
            self._error = exc
        finally:
            self._streamer.end()

    def _should_stop(self, ids: Any, scores: Any, **_: Any) -> Any:
        return torch.full((ids.shape[0],), self._stopped.is_set(), device=ids.device, dtype=torch.bool)

    def pieces(self) -> Generator[ChatEvent]:
        """Yield the reply in pieces. Raises GenerationError where the run failed or is silent."""
        try:
            for text in self._streamer:
                if text:
                    yield TextDelta(text)
        except Empty as exc:
            raise GenerationError(
                "timed-out", f"expected a token within {self._silence:g} s, found none: the model is slow here"
            ) from exc
        self._thread.join(JOIN)
        if self._error is not None:
            raise GenerationError("server", f"the model failed: {self._error}") from self._error

    def stop(self) -> None:
        """Stop after the token that is being made, and wait for it."""
        self._stopped.set()
        self._thread.join(JOIN)
