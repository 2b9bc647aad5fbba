"""Loads what a named language model, or the environment's, is used for: answers, summaries, extraction, estimates."""

import os
from contextlib import suppress
from dataclasses import replace

from pagelens.api.engine.models import CollectionModels
from pagelens.core.errors import GenerationError
from pagelens.core.protocols import Answerer, Extractor, RenderPageImage, Summariser
from pagelens.core.settings import Settings
from pagelens.generate.llm.chat import ChatModel
from pagelens.generate.llm.estimates import CountImage, Estimator, count_images_for
from pagelens.generate.llm.image_parts import image_tokens
from pagelens.generate.llm.metering import Prices
from pagelens.generate.llm.observed import ObservedModel, OnCall
from pagelens.generate.llm.providers import (
    MODEL_SYNTAX,
    ModelChoice,
    describe,
    load_chat_model,
    load_span_reader,
    provider_of,
)
from pagelens.generate.question_splitter import ModelSplitter
from pagelens.index.lexical.analysis import analyze
from pagelens.retrieve.question_parts import QuestionSplitter, split_question

EXTRACTIVE = "extractive"
"""The name of the answerer that needs no language model."""


def load_splitter(settings: Settings, llm: str | None, on_call: OnCall = lambda _: None) -> QuestionSplitter:
    """Return what splits the questions of thorough searches. Raises GenerationError for a model that is not named."""
    if not settings.splits_by_model:
        return split_question
    model = load_language_model(llm, on_call)
    if model is None:
        raise GenerationError(
            "no-model",
            "expected a language model for PAGELENS_SPLIT=model, found none. Set PAGELENS_LLM_MODEL (and "
            "PAGELENS_LLM_URL), or PAGELENS_SPLIT=rules.",
        )
    return ModelSplitter(model, split_question)


def load_answerer(
    llm: str | None,
    models: CollectionModels,
    load_page_image: RenderPageImage,
    *,
    samples: int | None = None,
    on_call: OnCall = lambda _: None,
) -> Answerer:
    """Return the answerer of the named language model or reader, or of the environment's, or the extractive one.

    Raises GenerationError where the model lacks an address, a key or its files.
    """
    choice = _choice(llm)
    if choice is None:
        from pagelens.generate.extractive.answerer import ExtractiveAnswerer

        return ExtractiveAnswerer(analyze, models.text)
    _prepare(choice)
    if (reader := load_span_reader(choice)) is not None:
        from pagelens.generate.reader.span_answerer import ReaderAnswerer

        return ReaderAnswerer(reader, analyze, models.text)
    from pagelens.encode.text.dependency_parser import BuiltinDependencyParser
    from pagelens.generate.vision import VisionAnswerer

    return VisionAnswerer(
        _observed(choice, on_call),
        analyze,
        load_page_image=load_page_image,
        budget=choice.budget,
        prices=choice.prices,
        encoder=models.text,
        parser=BuiltinDependencyParser.load(),
        samples=samples or choice.samples,
    )


def load_summariser(
    llm: str | None, models: CollectionModels, load_page_image: RenderPageImage, *, on_call: OnCall = lambda _: None
) -> Summariser | None:
    """Return what summarises with the named language model, or the environment's; None without one, or for a reader.

    Raises GenerationError where the model lacks an address, a key or its files.
    """
    choice = _choice(llm)
    if choice is None or provider_of(choice)[0].is_reader:
        return None
    from pagelens.encode.text.dependency_parser import BuiltinDependencyParser
    from pagelens.generate.summaries.summariser import ModelSummariser

    return ModelSummariser(
        _load_choice(choice, on_call),
        analyze,
        load_page_image=load_page_image,
        budget=choice.budget,
        prices=choice.prices,
        encoder=models.text,
        parser=BuiltinDependencyParser.load(),
    )


def describe_answerer(llm: str | None = None) -> str:
    """Return a description of the answerer for users. Raises GenerationError, UsageError for unusable settings."""
    choice = _choice(llm)
    if choice is None:
        return "extractive: the sentences that answer, word for word. PAGELENS_LLM_MODEL names a language model"
    return describe(choice)


def load_extractor(llm: str | None, load_page_image: RenderPageImage, *, on_call: OnCall = lambda _: None) -> Extractor:
    """Return the extractor of values from pages: by rules, for the schemas that come with PageLens, where no language
    model is named."""
    choice = _choice(llm)
    if choice is None:
        from pagelens.generate.extraction.rule_extractor import RuleExtractor

        return RuleExtractor()
    from pagelens.generate.extraction.extractor import REPLY_TOKENS as EXTRACTION_REPLY_TOKENS
    from pagelens.generate.extraction.extractor import ModelExtractor

    budget = replace(choice.budget, reply_tokens=EXTRACTION_REPLY_TOKENS)
    return ModelExtractor(
        _load_choice(choice, on_call), analyze, load_page_image=load_page_image, budget=budget, prices=choice.prices
    )


def answerer_name(llm: str | None) -> str:
    """Return the name of the language model that `llm` selects, or EXTRACTIVE."""
    choice = _choice(llm)
    return choice.model if choice else EXTRACTIVE


def load_language_model(llm: str | None, on_call: OnCall = lambda _: None) -> ChatModel | None:
    """Return the named language model, or the environment's; None where neither names one."""
    choice = _choice(llm)
    return _load_choice(choice, on_call) if choice else None


def load_vision_model(llm: str | None, on_call: OnCall = lambda _: None) -> tuple[ChatModel, Prices | None]:
    """Return the named vision model, or the environment's, and its prices. Raises GenerationError where neither names
    one."""
    choice = _choice(llm)
    if choice is None:
        raise GenerationError(
            "no-model",
            "expected a vision model to describe with, found none. Name it, or set PAGELENS_LLM_MODEL (and "
            f"PAGELENS_LLM_URL): {MODEL_SYNTAX}.",
        )
    return _load_choice(choice, on_call), choice.prices


def _choice(llm: str | None) -> ModelChoice | None:
    return None if llm == EXTRACTIVE else ModelChoice.from_environment(os.environ, model=llm)


def _load_choice(choice: ModelChoice, on_call: OnCall = lambda _: None) -> ChatModel:
    _prepare(choice)
    return _observed(choice, on_call)


def _observed(choice: ModelChoice, on_call: OnCall) -> ChatModel:
    return ObservedModel(load_chat_model(choice), prices=choice.prices, on_call=on_call)


def image_rule(llm: str | None) -> CountImage:
    """Return how the named language model, or the environment's, counts the tokens of an image."""
    estimator = load_estimator(llm)
    return image_tokens if estimator is None else estimator.count_image


def load_estimator(llm: str | None, *, samples: int | None = None) -> Estimator | None:
    """Return what prices requests to the named language model, or the environment's; None without one."""
    choice = _choice(llm)
    if choice is None:
        return None
    provider, name = provider_of(choice)
    if provider.is_reader:
        return None
    return Estimator(name, count_images_for(provider.name, name), choice.prices, samples=samples or choice.samples)


def _prepare(choice: ModelChoice) -> None:
    """Import what must be imported before transformers."""
    if provider_of(choice)[0].extra == "models":
        with suppress(ImportError):  # loading the model says what is missing
            import pagelens.encode.torch_support  # noqa: F401
