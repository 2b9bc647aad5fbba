"""What other programs' retrievers are told of a page that was found. Plain values; knows none of those programs."""

from pagelens.api.server.schemas.responses import HitOut


def facts_of(hit: HitOut) -> dict[str, str | int | float]:
    """Return where a page stands and why it was found, without what is not known."""
    told: dict[str, str | int | float | None] = {
        "page": hit.page,
        "document": hit.document,
        "source": hit.name,
        "page_number": hit.number,
        "page_label": hit.label,
        "title": hit.title,
        "kind": hit.kind,
        "score": hit.score,
        "quote": next((one.quote for one in hit.evidence if one.quote), None),
    }
    return {name: value for name, value in told.items() if value is not None}
