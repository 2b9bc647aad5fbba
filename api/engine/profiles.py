"""Profiles: which model serves each lane. No model is loaded here.

A profile is a name of `PROFILES`, or the name or folder of any text model (the other lanes then have the builtin
models); single lanes may be given another model, or none.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pagelens.api.engine.lane_registry import MODEL_LANES
from pagelens.core.errors import UsageError
from pagelens.core.settings import Settings
from pagelens.encode.loading import BUILTIN, MULTILINGUAL, TEXT_ENCODERS, EncoderKind

NO_MODEL = "none"  # instead of a model's name: the collection has no such lane

PROFILES: Mapping[str, Mapping[str, str]] = {
    profile: {
        lane: card.model for lane, spec in MODEL_LANES.items() for card in spec.models if profile in card.profiles
    }
    for profile in ("builtin", MULTILINGUAL, "cpu", "gpu")
}


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile's name, the model of each lane, and why it was chosen."""

    name: str
    models: Mapping[str, str]
    reason: str
    requested: Collection[str] = ()  # lanes whose model was given by name: a collection is not made without them


def choose_profile(
    name: str,
    settings: Settings,
    *,
    models: Mapping[str, str] | None = None,
    in_english: bool | None = None,
    text_encoders: EncoderKind = TEXT_ENCODERS,
) -> Profile:
    """Return the profile for a new collection; `models` gives single lanes another model, or "none".

    `auto` is `builtin-multilingual` for documents that are not `in_english`; else, and where the language is not known
    (None), `cpu` where its weights are on this machine, else `builtin`: nothing is downloaded. Raises UsageError.
    """
    name, reason = (name, "asked for") if name != "auto" else _automatic_profile(settings, in_english, text_encoders)
    chosen = {**PROFILES.get(name, {**PROFILES["builtin"], "text": name})}
    for lane, model in (models or {}).items():
        if lane not in MODEL_LANES or (MODEL_LANES[lane].required and model == NO_MODEL):
            raise UsageError(
                f"expected a lane among {', '.join(MODEL_LANES)} and a model (text needs one), found {lane}={model}"
            )
        chosen[lane] = model
        name += f"+{lane}={model}"
    _complete(chosen)
    used = {lane: model for lane, model in chosen.items() if model != NO_MODEL}
    return Profile(name, used, reason, requested=[lane for lane in models or {} if lane in used])


def _complete(models: dict[str, str]) -> None:
    """Add the lanes that another lane's model fills, and drop the builtin ones that need no entry. Raises UsageError
    for a model that such a lane cannot have."""
    for lane, spec in MODEL_LANES.items():
        leader = models.get(spec.follows or spec.filled_by_builtin, NO_MODEL)
        given = models.get(lane)
        if spec.follows:
            expected = NO_MODEL if leader == BUILTIN else leader
            if given not in (None, NO_MODEL, expected):
                raise UsageError(f"expected the model of the {spec.follows} lane for {lane}, or none, found {given}")
            models[lane] = given or expected
        elif spec.filled_by_builtin and given in (BUILTIN, NO_MODEL):
            if (given == BUILTIN) != (leader == BUILTIN):
                raise UsageError(
                    f"expected {lane}={BUILTIN} together with {spec.filled_by_builtin}={BUILTIN}, whose model fills "
                    f"both, found {lane}={given} and {spec.filled_by_builtin}={leader}"
                )
            del models[lane]


def _automatic_profile(settings: Settings, in_english: bool | None, text_encoders: EncoderKind) -> tuple[str, str]:
    """Return the name of the profile, and why it is chosen."""
    if in_english is False:
        [report] = text_encoders.report(settings, names=[MULTILINGUAL])
        if report.ready:
            return MULTILINGUAL, "not all documents are in English"
        name, reason = _automatic_profile(settings, None, text_encoders)
        return name, f"{reason}. Not all documents are in English, and {MULTILINGUAL} cannot be used: {report.problem}"
    reports = [
        report
        for lane, spec in MODEL_LANES.items()
        if spec.encoders is not None and lane in PROFILES["cpu"]
        for report in spec.encoders.report(settings, names=[PROFILES["cpu"][lane]])
        if not report.ready
    ]
    if not reports:
        return "cpu", "its models are on this machine"
    if unusable := [report for report in reports if report.found_in is not None]:
        return "builtin", unusable[0].problem
    absent = " and ".join(report.name for report in reports)
    return "builtin", f"{absent} not on this machine; pagelens models fetch cpu brings them"
