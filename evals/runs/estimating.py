"""Estimates what the answers of a run would cost, before anything is sent to a language model."""

from dataclasses import replace

from pagelens.api.engine.engine import Engine
from pagelens.core.errors import UsageError
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.runs.plan import Plan
from pagelens.evals.runs.runner import plan_steps
from pagelens.generate.llm.estimates import Estimate

SAMPLE = 20  # questions whose pages are looked for and drawn


def estimate_answers(engine: Engine, data: DataSet, plan: Plan) -> Estimate:
    """Return about what the answers of a plan take: of questions drawn evenly, times their number.

    Raises UsageError where no question is to be answered, or no language model answers.
    """
    questions = [step.question.text for step in plan_steps(data, plan) if step.system == "answer"]
    if not questions:
        raise UsageError("expected questions with known answers, to estimate their price, found none")
    sample = questions[:: max(1, len(questions) // SAMPLE)][:SAMPLE]
    made = [engine.estimate_answer(question) for question in sample]
    factor = len(questions) / len(sample)
    costs = [estimate.cost for estimate in made if estimate.cost is not None]
    note = f"Measured on {len(sample)} of {len(questions)} questions. {made[0].note} A judge comes on top."
    return replace(
        made[0],
        calls=round(factor * sum(estimate.calls for estimate in made)),
        images=round(factor * sum(estimate.images for estimate in made)),
        input_tokens=round(factor * sum(estimate.input_tokens for estimate in made)),
        output_tokens=round(factor * sum(estimate.output_tokens for estimate in made)),
        cost=factor * sum(costs) if costs else None,
        note=" ".join(note.split()),
    )
