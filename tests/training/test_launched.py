"""Two processes learn what one does in two parts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.training.launched import launched

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tune", "objective"), [("full", "bradley_terry"), ("lora", "bradley_terry"), ("full", "davidson")]
)
def test_two_processes_learn_what_one_does_in_two_parts(tmp_path: Path, tune: str, objective: str) -> None:
    """`accelerate launch` with 2 CPU processes: per-step loss within 1e-5, weights within 1e-4 after 20 steps."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    environment |= {"ACCELERATE_USE_CPU": "true"}
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    launch += ["--main_process_port", "0", "-m", "tests.training.launched", str(tmp_path / "two"), tune, objective]
    done = subprocess.run(launch, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    two = torch.load(tmp_path / "two.pt", weights_only=True)
    one = launched(tmp_path / "one", tune=tune, accumulation=2, objective=objective)
    assert two["processes"] == 2 and len(two["losses"]) == 20
    assert two["losses"] == pytest.approx(one["losses"], abs=1e-5)
    assert two["learned"] == pytest.approx(one["learned"], abs=1e-4)
    assert bool(two["learned"]) == (objective == "davidson")
    for name, weight in one["weights"].items():
        torch.testing.assert_close(two["weights"][name], weight, atol=1e-4, rtol=0)
