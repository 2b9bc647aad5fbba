"""Models that run on this machine through transformers: vision-language checkpoints (Qwen2.5-VL, SmolVLM and the like)
and text-only ones, loaded from a folder. Nothing is downloaded.
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
from pagelens.generate.llm.chat import (
    SAMPLING_TEMPERATURE,
    ChatEvent,
    ChatRequest,
    Finished,
    ImagePart,
    ModelOptions,
    TextDelta,
)
from pagelens.generate.llm.server_errors import no_images_error

library: Any = transformers  # untyped: its annotations lag behind its code
IDLE_TIMEOUT = 600.0  # seconds without a token; on a CPU all images are encoded before the first
THREAD_NAME = "pagelens-reply"
STOP_TIMEOUT = 60.0  # seconds that a stopped run may take for its current token


class LocalModel:
    """A loaded checkpoint. It makes one reply at a time; further calls wait."""

    def __init__(self, folder: Path, *, device: str | None = None, idle_timeout: float = IDLE_TIMEOUT) -> None:
        """Load the checkpoint at `folder`. Raises GenerationError("no-model") if it cannot be used."""
        self.name = folder.name
        self._idle_timeout = idle_timeout
        self._lock = threading.Lock()
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
        try:
            config = library.AutoConfig.from_pretrained(folder, local_files_only=True)
            self.accepts_images = type(config) in library.AutoModelForImageTextToText._model_mapping
            model_class = library.AutoModelForImageTextToText if self.accepts_images else library.AutoModelForCausalLM
            processor_class = library.AutoProcessor if self.accepts_images else library.AutoTokenizer
            self._processor = processor_class.from_pretrained(folder, local_files_only=True)
            self._model = model_class.from_pretrained(folder, local_files_only=True, dtype=dtype).to(device).eval()
        except (OSError, ValueError, KeyError, ImportError) as exc:
            raise GenerationError(
                "no-model", f"expected a checkpoint that transformers knows at {folder}, cannot load it: {exc}"
            ) from exc
        self._tokenizer = getattr(self._processor, "tokenizer", self._processor)
        text_config = config.get_text_config()
        self._context_length = int(getattr(text_config, "max_position_embeddings", 0) or 0)
        if not (getattr(self._processor, "chat_template", None) or self._tokenizer.chat_template):
            raise GenerationError("no-model", f"expected a model that chats at {folder}, found one without a template")

    def stream(self, request: ChatRequest) -> Generator[ChatEvent]:
        """Yield the reply. Closing the generator stops generation. Raises GenerationError."""
        if request.images and not self.accepts_images:
            raise no_images_error(self.name)
        with self._lock:
            yield from self._run(request)

    def _run(self, request: ChatRequest) -> Generator[ChatEvent]:
        inputs = self._inputs(request)
        length = int(inputs["input_ids"].shape[1])
        if self._context_length and length + request.max_tokens > self._context_length:
            raise GenerationError(
                "too-long", f"expected at most {self._context_length} tokens, reply included; found {length} to read"
            )
        run = _GenerationThread(self._model, self._tokenizer, inputs, request, self._idle_timeout)
        try:
            yield from run.pieces()
        finally:
            run.stop()
        written = run.token_count - length
        yield Finished("length" if written >= request.max_tokens else "stop", length, written)

    def _inputs(self, request: ChatRequest) -> Any:
        """Return the tokens and pixels of a request, on the model's device."""
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": _content([request.system], self.accepts_images)}
        ]
        for message in request.messages:
            parts = [
                Image.open(io.BytesIO(part.data)).convert("RGB") if isinstance(part, ImagePart) else part.text
                for part in message.parts
            ]
            messages.append({"role": message.role, "content": _content(parts, self.accepts_images)})
        options = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
        inputs = self._processor.apply_chat_template(messages, **options).to(self._model.device)
        for name, tensor in inputs.items():
            if tensor.is_floating_point():
                inputs[name] = tensor.to(self._model.dtype)
        return inputs


def load(name: str, options: ModelOptions) -> LocalModel:
    """Return the checkpoint in the folder `name`; the options are not needed. Raises GenerationError("no-model")."""
    del options
    return LocalModel(Path(name).expanduser())


def _content(parts: list[Any], accepts_images: bool) -> Any:
    """Return a message's content for chat templates: a list of parts if the model accepts images, else one string."""
    if not accepts_images:
        return "\n".join(parts)
    return [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part} for part in parts
    ]


class _GenerationThread:
    """Generates one reply in a thread of its own."""

    def __init__(self, model: Any, tokenizer: Any, inputs: Any, request: ChatRequest, idle_timeout: float) -> None:
        self.token_count = 0  # of prompt and reply
        self._stopped = threading.Event()
        self._error: Exception | None = None
        self._idle_timeout = idle_timeout
        self._streamer = library.TextIteratorStreamer(
            tokenizer, skip_prompt=True, timeout=idle_timeout, skip_special_tokens=True
        )
        settings = {
            **inputs,
            "max_new_tokens": request.max_tokens,
            "do_sample": request.sampled,
            **({"temperature": SAMPLING_TEMPERATURE} if request.sampled else {}),
            "streamer": self._streamer,
            "stopping_criteria": library.StoppingCriteriaList([self._should_stop]),
        }
        self._thread = threading.Thread(target=self._generate, args=(model, settings), name=THREAD_NAME, daemon=True)
        self._thread.start()

    def _generate(self, model: Any, settings: dict[str, Any]) -> None:
        try:
            with torch.inference_mode():
                self.token_count = int(model.generate(**settings).shape[1])
        except Exception as exc:  # noqa: BLE001 - a checkpoint may raise anything; `pieces` raises it in the caller's thread
            self._error = exc
        finally:
            self._streamer.end()

    def _should_stop(self, ids: Any, _scores: Any, **_: Any) -> Any:
        return torch.full((ids.shape[0],), self._stopped.is_set(), device=ids.device, dtype=torch.bool)

    def pieces(self) -> Generator[ChatEvent]:
        """Yield the reply in pieces. Raises GenerationError if generation fails or no token comes in time."""
        try:
            for text in self._streamer:
                if text:
                    yield TextDelta(text)
        except Empty as exc:
            raise GenerationError(
                "timed-out",
                f"expected a token within {self._idle_timeout:g} s, found none: the model is slow on this machine",
            ) from exc
        self._thread.join(STOP_TIMEOUT)
        if self._error is not None:
            raise GenerationError("server", f"the model failed: {self._error}") from self._error

    def stop(self) -> None:
        """Stop generation after the current token, and wait for that."""
        self._stopped.set()
        self._thread.join(STOP_TIMEOUT)
