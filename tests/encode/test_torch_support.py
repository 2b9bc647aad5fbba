"""Every library of models imports beside a torchvision whose operators are missing."""

import subprocess
import sys

import pytest

SCRIPT = """
from pagelens.encode.torch_support import TORCHVISION_REPAIRED, repair_torchvision
assert repair_torchvision() is False, "once repaired there is nothing left to repair"
from transformers import BertModel
import open_clip, colpali_engine, sentence_transformers, torch, torchvision
picture = torchvision.transforms.functional.resize(torch.arange(16.0).reshape(1, 4, 4), [2, 2], antialias=True)
print(picture.shape[1:] == (2, 2), TORCHVISION_REPAIRED == (not torchvision.extension._has_ops()))
"""


@pytest.mark.slow
def test_every_model_library_imports_beside_a_torchvision_that_does_not_fit() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True True\n"
