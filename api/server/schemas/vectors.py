"""Bodies of OpenAI's embeddings API, and of the rerank API that Cohere, Jina and others share."""

import base64
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pagelens.api.server.schemas.openai import TokensOut

MAX_INPUTS = 256  # of one request: about ten seconds of one core
MAX_CHARACTERS = 20_000  # of a text; encoders read its beginning
MAX_PICTURE_CHARACTERS = 30_000_000  # of a data URL: the limit of bodies is near

Model = Annotated[str, StringConstraints(max_length=100)]
Document = Annotated[str, StringConstraints(max_length=MAX_CHARACTERS, pattern=r"^[^\x00]*$")]
Input = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PICTURE_CHARACTERS, pattern=r"^[^\x00]*$")]


class EmbeddingsRequest(BaseModel):
    """Texts, and pictures as data URLs."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "pagelens", "input": ["The timber port grew in 2024."]}]}
    )

    model: Model = Field(description="`pagelens`, or `pagelens/` and a collection's name.")
    input: Input | Annotated[list[Input], Field(min_length=1, max_length=MAX_INPUTS)] = Field(
        description="Texts, or pictures as `data:image/...;base64,...`. With a picture, all are encoded by the image "
        "lane's model, else by the text lane's."
    )
    input_type: Literal["query", "document"] = Field(
        default="document", description="What the texts are: some models encode queries in another way."
    )
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(default=None, description="The model's own number, or nothing.")

    @property
    def inputs(self) -> list[str]:
        """The inputs as a list."""
        return [self.input] if isinstance(self.input, str) else self.input


class EmbeddingOut(BaseModel):
    """The vector of one input: numbers, or their little-endian float32 bytes in base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingsResponse(BaseModel):
    """The vectors in the order of the inputs."""

    object: Literal["list"] = "list"
    data: list[EmbeddingOut]
    model: str
    usage: TokensOut = TokensOut()


class RerankDocument(BaseModel):
    """A text as an object."""

    text: Document


class RerankRequest(BaseModel):
    """A query and the texts to be ordered for it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "pagelens",
                    "query": "When did the port grow?",
                    "documents": ["The port grew in 2024.", "Bees make honey."],
                }
            ]
        }
    )

    model: Model = "pagelens"
    query: Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")]
    documents: list[Document | RerankDocument] = Field(min_length=1, max_length=MAX_INPUTS)
    top_n: int | None = Field(default=None, ge=1)
    return_documents: bool | None = None

    @property
    def texts(self) -> list[str]:
        """The texts of the documents."""
        return [item if isinstance(item, str) else item.text for item in self.documents]


class RerankResult(BaseModel):
    """A document's place in the request, and its cosine with the query."""

    index: int
    relevance_score: float
    document: RerankDocument | None = None


class RerankResponse(BaseModel):
    """The documents, the best one first."""

    model: str
    results: list[RerankResult]


def encoded(vector: NDArray[np.float32], encoding_format: str | None) -> list[float] | str:
    """Return a vector as numbers, or in base64."""
    if encoding_format == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    return [float(number) for number in vector]
