"""Opens the collection that a run searched, for the page pictures of its report."""

from pathlib import Path

from pagelens.api.cli import terminal
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import printable
from pagelens.core.errors import PageLensError
from pagelens.evals.runs.run_folder import Run


def engine_for(run: Run, collection: Path | None) -> Engine | None:
    """Return the engine on `collection`, or on the one that was run; None, and a message, where it cannot be opened."""
    searched = run.manifest["collection"]
    if collection is None and searched is None:  # no engine has searched in this run
        return None
    try:
        return wiring.open_collection(collection or Path(searched["path"]))
    except PageLensError as exc:
        terminal.err.print(f"no page pictures: {printable(str(exc))}", markup=False, soft_wrap=True)
        return None
